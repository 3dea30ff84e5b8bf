//  ctl_stream - records of the event stream, read from the broker's journal.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  Print the records after --after, at most --limit.  Returns an exit code.
int
ctl_stream_replay (const ctl_t *self);
