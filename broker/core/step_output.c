//  step_output - the names of how it went.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/step_output.h"

#include <assert.h>

const char *
step_event_name (step_event_t event)
{
    static const char *const names [] = {[STEP_EVENT_NEW] = "new",
                                         [STEP_EVENT_REPEAT] = "repeat",
                                         [STEP_EVENT_COUNTED] = "counted",
                                         [STEP_EVENT_SUPPRESSED] = "suppressed"};
    assert (event <= STEP_EVENT_SUPPRESSED);
    return names [event];
}

const char *
step_disposition_name (step_disposition_t disposition)
{
    static const char *const names [] = {[STEP_COMMITTED] = "committed",
                                         [STEP_LATE_WIN] = "late_win",
                                         [STEP_DUPLICATE] = "duplicate",
                                         [STEP_STALE] = "stale",
                                         [STEP_FILES_MISSING] = "missing"};
    assert (disposition <= STEP_FILES_MISSING);
    return names [disposition];
}
