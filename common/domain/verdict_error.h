//  verdict_error - is a report only the error message of an agent's CLI?
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { VERDICT_REPORT_MIN_BYTES = 101 };

//  Is the text only an error, whoever printed it?  A good report must never be mistaken for one.
//  So nothing in it may be typical of a report.  It begins like a known error, or holds an HTTP
//  status or a JSON error object among words of a request.
bool
verdict_error_is (const char *text, size_t size);
