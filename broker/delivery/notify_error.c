//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_error.h"

#include <stdio.h>
#include <string.h>

enum { S_WORD = 64 };

#define DOWN NOTIFY_ERROR_DOWN
#define RETRY NOTIFY_ERROR_RETRY
#define UNSURE NOTIFY_ERROR_UNSURE
#define FORM NOTIFY_ERROR_FORM
#define GONE NOTIFY_ERROR_GONE
#define PLACE NOTIFY_ERROR_PLACE
#define FINAL NOTIFY_ERROR_FINAL
#define CLIENT NOTIFY_CLIENT_ERROR
#define AUTH NOTIFY_AUTH_ERROR
#define RATE NOTIFY_RATE_LIMITED
#define SERVER NOTIFY_SERVER_ERROR

static const char s_token [] =
    "Slack does not take slack_bot_token: set it to the app's Bot User OAuth Token (xoxb-...)";
static const char s_revoked [] =
    "the app was removed or its token revoked: install the app again, and set slack_bot_token";
static const char s_forbidden [] =
    "the workspace does not let the app do this: ask its administrators";
static const char s_channel [] =
    "Slack does not show the app this channel: check slack_channel and invite the app, or make a "
    "new webhook";
static const char s_hook [] = "the webhook was removed: make a new one";
static const char s_later [] = "Slack cannot do it at present";
static const char s_rate [] = "Slack asks for a pause";
static const char s_form [] = "Slack does not take the form of the message";
static const char s_gone [] = "the message is gone from Slack, or may not be edited any more";

typedef struct {
    const char *error;
    notify_error_class_t class;
    notify_reason_t reason;
    const char *advice;
} error_row_t;

static const error_row_t s_rows [] = {
    {"not_authed", FINAL, AUTH, s_token},
    {"invalid_auth", FINAL, AUTH, s_token},
    {"not_allowed_token_type", FINAL, AUTH, s_token},
    {"account_inactive", FINAL, AUTH, s_revoked},
    {"token_revoked", FINAL, AUTH, s_revoked},
    {"token_expired", FINAL, AUTH, s_revoked},
    {"missing_scope", FINAL, AUTH, "the app lacks a scope"},
    {"not_in_channel", PLACE, CLIENT, "the app is not in the channel: invite it there"},
    {"channel_not_found", PLACE, CLIENT, s_channel},
    {"invalid_channel", PLACE, CLIENT, s_channel},
    {"is_archived", PLACE, CLIENT, "the channel is archived: set another slack_channel"},
    {"is_inactive", PLACE, CLIENT, "the channel is archived: set another slack_channel"},
    {"posting_to_channel_denied", PLACE, AUTH, s_forbidden},
    {"restricted_action", FINAL, AUTH, s_forbidden},
    {"restricted_action_read_only_channel", FINAL, AUTH, s_forbidden},
    {"restricted_action_thread_only_channel", FINAL, AUTH, s_forbidden},
    {"restricted_action_non_threadable_channel", FINAL, AUTH, s_forbidden},
    {"no_permission", FINAL, AUTH, s_forbidden},
    {"access_denied", FINAL, AUTH, s_forbidden},
    {"accesslimited", FINAL, AUTH, s_forbidden},
    {"ekm_access_denied", FINAL, AUTH, s_forbidden},
    {"team_access_not_granted", FINAL, AUTH, s_forbidden},
    {"two_factor_setup_required", FINAL, AUTH, s_forbidden},
    {"ratelimited", DOWN, RATE, s_rate},
    {"rate_limited", DOWN, RATE, s_rate},
    {"message_limit_exceeded", DOWN, RATE, s_rate},
    {"service_unavailable", DOWN, SERVER, s_later},
    {"team_added_to_org", DOWN, SERVER, s_later},
    {"org_login_required", DOWN, SERVER, s_later},
    {"external_channel_migrating", DOWN, SERVER, s_later},
    {"request_timeout", RETRY, SERVER, s_later},
    {"update_failed", RETRY, SERVER, s_later},
    {"file_update_failed", RETRY, SERVER, s_later},
    {"file_not_found", RETRY, SERVER, "the uploaded file is not there yet, or no more"},
    {"invalid_cursor", RETRY, SERVER, s_later},
    {"fatal_error", UNSURE, SERVER, "Slack failed, perhaps after it was done"},
    {"internal_error", UNSURE, SERVER, "Slack failed, perhaps after it was done"},
    {"invalid_blocks", FORM, CLIENT, s_form},
    {"invalid_blocks_format", FORM, CLIENT, s_form},
    {"invalid_attachments", FORM, CLIENT, s_form},
    {"too_many_attachments", FORM, CLIENT, s_form},
    {"msg_too_long", FORM, CLIENT, s_form},
    {"msg_blocks_too_long", FORM, CLIENT, s_form},
    {"block_mismatch", FORM, CLIENT, s_form},
    {"no_text", FORM, CLIENT, s_form},
    {"invalid_arguments", FORM, CLIENT, s_form},
    {"invalid_charset", FORM, CLIENT, s_form},
    {"invalid_json", FORM, CLIENT, s_form},
    //  of a webhook
    {"no_service", FINAL, AUTH, s_hook},
    {"no_service_id", FINAL, AUTH, s_hook},
    {"no_active_hooks", FINAL, AUTH, s_hook},
    {"invalid_token", FINAL, AUTH, s_hook},
    {"no_team", FINAL, AUTH, "the workspace is gone: make a webhook in another one"},
    {"team_disabled", FINAL, AUTH, "the workspace is disabled: ask its administrators"},
    {"channel_is_archived", PLACE, CLIENT,
     "the channel is archived: make a webhook for another channel"},
    {"action_prohibited", FINAL, AUTH, s_forbidden},
    {"posting_to_general_channel_denied", PLACE, AUTH, s_forbidden},
    {"invalid_payload", FORM, CLIENT, s_form},
    {"message_not_found", GONE, CLIENT, s_gone},
    {"thread_not_found", GONE, CLIENT, s_gone},
    {"cannot_reply_to_message", GONE, CLIENT, s_gone},
    {"cant_update_message", GONE, CLIENT, s_gone},
    {"edit_window_closed", GONE, CLIENT, s_gone},
};

enum { S_ROWS = sizeof s_rows / sizeof s_rows [0] };

//  NULL: the error is not known.
static const error_row_t *
s_row (const char *error)
{
    for (size_t i = 0; i < S_ROWS; i++)
        if (strcmp (s_rows [i].error, error) == 0)
            return &s_rows [i];
    return NULL;
}

const char *
notify_error_advice (const char *word)
{
    const error_row_t *row = s_row (word);
    return row ? row->advice : NULL;
}

//  Copy a word of Slack's; what no error or scope has becomes '?'.
static void
s_word (const json_t *answer, const char *key, char ret_word [S_WORD])
{
    snprintf (ret_word, S_WORD, "%s", json_member_text (answer, key, ""));
    for (char *at = ret_word; *at; at++) {
        const bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!letter && !(*at >= '0' && *at <= '9') && !strchr ("_.:,-", *at))
            *at = '?';
    }
}

void
notify_error (const char *method, const json_t *answer, notify_error_t *ret_error)
{
    char error [S_WORD], needed [S_WORD];
    s_word (answer, "error", error);
    s_word (answer, "needed", needed);
    const char *advice = "see Slack's documentation of this method";
    *ret_error = (notify_error_t){.class = FINAL, .reason = CLIENT};
    const error_row_t *row = s_row (error);
    if (row) {
        ret_error->class = row->class;
        ret_error->reason = row->reason;
        advice = row->advice;
    }
    ret_error->scope = strcmp (error, "missing_scope") == 0;
    if (ret_error->scope && *needed)
        snprintf (ret_error->text, sizeof ret_error->text,
                  "%s: %s: the app lacks the scope %s: add it to the app's bot scopes, and "
                  "install the app again",
                  method, error, needed);
    else
        snprintf (ret_error->text, sizeof ret_error->text, "%s: %s: %s", method,
                  *error ? error : "no error named", advice);
}
