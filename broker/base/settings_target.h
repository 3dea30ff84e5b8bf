//  settings_target - where the messages to a receiver go.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"

typedef enum {
    SETTINGS_TARGET_WEBHOOK, //  an incoming webhook of Slack
    SETTINGS_TARGET_BOT,     //  a channel of Slack, by its Web API
    SETTINGS_TARGET_SIGNED,  //  signed JSON
    SETTINGS_TARGETS
} settings_target_kind_t;

//  Own: texts are those of the settings.
typedef struct {
    settings_target_kind_t kind;
    const char *url;     //  WEBHOOK, SIGNED; a secret
    const char *token;   //  BOT; a secret
    const char *channel; //  BOT; an id, not a name
    const char *api_url; //  BOT
    const char *secret;  //  SIGNED: it signs what is sent
} settings_target_t;

//  "slack_webhook", "slack_bot", "webhook".
const char *
settings_target_kind_name (settings_target_kind_t kind);
//  Look a receiver up by its name; row_default_receiver is the one of the slack_ options.
//  Returns false if it is not configured.
bool
settings_target (const settings_t *settings, const char *receiver, settings_target_t *ret_target);
//  Is it the id of a Slack channel, not its name?  Only one method takes names.
bool
settings_target_channel_valid (const char *channel);
//  Check that the slack_ options fit together.
void
settings_target_fit (const settings_t *settings, conf_check_t *check);
