//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings_target.h"

#include "common/conf/conf_check.h"

#include <assert.h>
#include <string.h>

const char *
settings_target_kind_name (settings_target_kind_t kind)
{
    static const char *const names [SETTINGS_TARGETS] = {[SETTINGS_TARGET_WEBHOOK] =
                                                             "slack_webhook",
                                                         [SETTINGS_TARGET_BOT] = "slack_bot",
                                                         [SETTINGS_TARGET_SIGNED] = "webhook"};
    return names [kind];
}

static const settings_receiver_t *
s_receiver (const settings_t *settings, const char *name)
{
    const settings_receiver_t *receivers = settings->receivers.items;
    for (size_t i = 0; i < settings->receivers.count; i++)
        if (strcmp (receivers [i].name, name) == 0)
            return &receivers [i];
    return NULL;
}

//  A channel of the bot, or a webhook of Slack.  False: neither is set.
static bool
s_slack (const settings_t *settings, const char *channel, const char *webhook_url,
         settings_target_t *ret_target)
{
    if (*settings->slack_bot_token && *channel)
        *ret_target = (settings_target_t){.kind = SETTINGS_TARGET_BOT,
                                          .token = settings->slack_bot_token,
                                          .channel = channel,
                                          .api_url = settings->slack_api_url};
    else if (*webhook_url)
        *ret_target = (settings_target_t){.kind = SETTINGS_TARGET_WEBHOOK, .url = webhook_url};
    else
        return false;
    return true;
}

bool
settings_target (const settings_t *settings, const char *receiver, settings_target_t *ret_target)
{
    assert (settings && receiver && ret_target);
    if (strcmp (receiver, row_default_receiver) == 0)
        return s_slack (settings, settings->slack_channel, settings->slack_webhook_url, ret_target);
    const settings_receiver_t *named = s_receiver (settings, receiver);
    if (!named || !*named->webhook_url)
        return named
               && s_slack (settings, named->slack_channel, named->slack_webhook_url, ret_target);
    *ret_target = (settings_target_t){
        .kind = SETTINGS_TARGET_SIGNED, .url = named->webhook_url, .secret = named->webhook_secret};
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

//  Has the bot a channel?  Receivers may name others than that of the default one.
static bool
s_any_channel (const settings_t *settings)
{
    const settings_receiver_t *receivers = settings->receivers.items;
    bool any = *settings->slack_channel;
    for (size_t i = 0; i < settings->receivers.count; i++)
        any = any || *receivers [i].slack_channel;
    return any;
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

//  A bot's token, also one that is rotated.  Src: docs.slack.dev/authentication/tokens.
static bool
s_token_of_bot (const char *token)
{
    return strncmp (token, "xoxb-", 5) == 0 || strncmp (token, "xoxe.xoxb-", 10) == 0;
}

void
settings_target_fit (const settings_t *settings, conf_check_t *check)
{
    const char *channel = settings->slack_channel;
    if (*settings->slack_bot_token && !s_any_channel (settings))
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
    else if (*settings->slack_bot_token && !s_token_of_bot (settings->slack_bot_token))
        conf_check_warn (check, &settings->slack_bot_token,
                         "it does not begin with xoxb-: Slack takes only the app's Bot User OAuth "
                         "Token, which does");
    if (*settings->slack_bot_token && *channel && *settings->slack_webhook_url)
        conf_check_warn (check, &settings->slack_webhook_url,
                         "slack_webhook_url is not used: the bot of slack_bot_token is");
}
