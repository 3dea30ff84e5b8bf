//  session_case - a broker that welcomes a worker, and a worker's session without jobs.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/loop/session.h"

//  The spec of a session with these two endpoints.  Own: borrows broker's endpoint and keys.
session_spec_t
session_case_spec (link_t *broker, const char *files_endpoint, const curve_keys_t *keys);
//  Answer each HELLO that comes within 20 ms.
void
session_case_welcome (link_t *broker);
