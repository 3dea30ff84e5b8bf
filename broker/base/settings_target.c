//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings_target.h"

#include <assert.h>
#include <string.h>

bool
settings_target (const settings_t *settings, const char *receiver, settings_target_t *ret_target)
{
    assert (settings && receiver && ret_target);
    if (strcmp (receiver, row_default_receiver) != 0 || !*settings->slack_webhook_url)
        return false;
    *ret_target =
        (settings_target_t){.kind = SETTINGS_TARGET_WEBHOOK, .url = settings->slack_webhook_url};
    return true;
}
