//  failure - the class of a provider's failure, by its HTTP status and by what it says.
//
//  Agents' CLIs, their drivers and the providers themselves say it in many forms.  One table knows
//  them all, so that a failure has the same class whoever reports it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/run_class.h"

#include <stdint.h>

//  The class of a failure: refused, limit, too_large, rate_limited, overloaded, provider, auth,
//  quota or config.  RUN_CLASS_NONE when nothing in it is known.
//  status: 0 = unknown, then one that the text names counts, as in "API Error: 529".
//  text: only its first LIMIT_ERROR_TEXT_BYTES are read.
run_class_t
failure_class (int64_t status, const char *text);
