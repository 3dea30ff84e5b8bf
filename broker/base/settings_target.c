//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings_target.h"

#include "common/conf/conf_check.h"

#include <assert.h>
#include <string.h>

bool
settings_target (const settings_t *settings, const char *receiver, settings_target_t *ret_target)
{
    assert (settings && receiver && ret_target);
    if (strcmp (receiver, row_default_receiver) != 0)
        return false;
    if (*settings->slack_bot_token && *settings->slack_channel)
        *ret_target = (settings_target_t){.kind = SETTINGS_TARGET_BOT,
                                          .token = settings->slack_bot_token,
                                          .channel = settings->slack_channel,
                                          .api_url = settings->slack_api_url};
    else if (*settings->slack_webhook_url)
        *ret_target = (settings_target_t){.kind = SETTINGS_TARGET_WEBHOOK,
                                          .url = settings->slack_webhook_url};
    else
        return false;
    return true;
}

bool
settings_target_channel_valid (const char *channel)
{
    static const char more [] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const size_t size = strlen (channel);
    return size >= 6 && size <= SETTINGS_CHANNEL_BYTES && strchr ("CGD", channel [0])
           && strspn (channel, more) == size;
}

//  A token goes into a header.
static bool
s_token_valid (const char *token)
{
    for (; *token; token++)
        if (*token <= ' ' || *token > '~')
            return false;
    return true;
}

void
settings_target_fit (const settings_t *settings, conf_check_t *check)
{
    const char *channel = settings->slack_channel;
    if (*settings->slack_bot_token && !*channel)
        conf_check_error (check, &settings->slack_bot_token,
                          "slack_channel must name the channel of the bot, by its ID");
    if (*channel && !settings_target_channel_valid (channel))
        conf_check_error (check, &settings->slack_channel,
                          "%s: expected a channel's ID such as C0123456789, not its name; Slack "
                          "shows it at the end of the channel's details",
                          channel);
    if (*channel && !*settings->slack_bot_token)
        conf_check_warn (check, &settings->slack_channel,
                         "slack_channel is not used without slack_bot_token");
    if (!s_token_valid (settings->slack_bot_token))
        conf_check_error (check, &settings->slack_bot_token,
                          "expected a token, which has no spaces and no control characters");
    if (*settings->slack_bot_token && *channel && *settings->slack_webhook_url)
        conf_check_warn (check, &settings->slack_webhook_url,
                         "slack_webhook_url is not used: the bot of slack_bot_token is");
}
