//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/route.h"

#include <assert.h>
#include <stdio.h>

size_t
route_match (const step_settings_t *settings, const fault_t *fault, route_target_t *ret_targets,
             size_t max)
{
    assert (settings && fault && ret_targets && max > 0);
    if (!settings->slack)
        return 0;
    ret_targets [0] = (route_target_t){.shows = settings->slack_shows};
    snprintf (ret_targets [0].receiver, sizeof ret_targets [0].receiver, "%s",
              row_default_receiver);
    return 1;
}
