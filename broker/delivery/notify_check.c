//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_check.h"

#include "broker/delivery/notify_bot_call.h"
#include "broker/delivery/notify_error.h"
#include "broker/delivery/notify_signed.h"
#include "broker/delivery/notify_webhook.h"
#include "broker/slack/slack_alert.h"
#include "common/base/clk.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_ASKS = 8, S_NAME = 128, S_STATUS_RATE = 429, S_MS_US = 1000 };

static const char s_no_time [] = "not tried: Slack was too slow; check again";
static const char s_unsure [] = "no answer in time; the message may have arrived";
static const char s_sent [] = "a test message was sent";
static const char s_not_tried [] = "not tried: a webhook cannot be asked without posting";

typedef struct {
    mailbox_t *reply;
    uint64_t cookie;
    bool sends;    //  a message to each receiver
    bool begun;    //  a check has begun since
    bool answered; //  by found
} s_ask_t;

struct notify_check {
    notify_env_t env;
    notify_counts_t counts;        //  test messages; the metrics have the others only
    notify_sender_t *sender;       //  makes the calls of the check under way; NULL = none is
    bool due;                      //  a check is to begin
    bool told;                     //  the log has what this configuration's token is worth
    bool tested;                   //  auth.test has been answered
    char bad [LIMIT_REASON_BYTES]; //  why the token is no good; "" = it is
    char team [S_NAME], user [S_NAME];
    size_t next; //  the receiver that is due; 0 = the default one
    int64_t until_us;
    json_t *found; //  of each receiver; NULL = nobody has asked
    bool works;
    bool sends; //  to each receiver a message
    s_ask_t asks [S_ASKS];
    size_t ask_count;
};

//  The sender only carries calls; the check judges the answers.
typedef struct {
    bool answered;
} s_state_t;

static void
s_on_begin (notify_sender_t *sender)
{
}

static void
s_on_answer (notify_sender_t *sender)
{
    s_state_t *state = sender->state;
    state->answered = true;
}

static const notify_kind_t s_kind = {.name = "check",
                                     .state_bytes = sizeof (s_state_t),
                                     .judges = true,
                                     .begin = s_on_begin,
                                     .go_on = s_on_answer};

notify_check_t *
notify_check_new (const settings_t *settings, http_t *http)
{
    assert (settings && http);
    notify_check_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->env = (notify_env_t){.settings = settings, .http = http, .counts = &self->counts};
    self->due = true;
    return self;
}

static void
s_cancel (notify_check_t *self)
{
    notify_sender_destroy (&self->sender);
    json_drop (&self->found);
}

void
notify_check_destroy (notify_check_t **self_p)
{
    notify_check_t *self = *self_p;
    if (!self)
        return;
    s_cancel (self);
    free (self);
    *self_p = NULL;
}

//  Forget those for whom messages may have been sent already: nothing is sent twice.
static void
s_forget (notify_check_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->ask_count; i++)
        if (!self->asks [i].sends || !self->asks [i].begun)
            self->asks [kept++] = self->asks [i];
    self->ask_count = kept;
}

void
notify_check_configure (notify_check_t *self, const settings_t *settings)
{
    if (self->sender)
        s_cancel (self);
    s_forget (self);
    self->env.settings = settings;
    self->due = true;
    self->told = false;
}

void
notify_check_ask (notify_check_t *self, const mail_t *ask)
{
    if (self->ask_count == S_ASKS) //  the oldest gives up its place; its request times out
        memmove (self->asks, self->asks + 1, --self->ask_count * sizeof self->asks [0]);
    self->asks [self->ask_count++] = (s_ask_t){.reply = ask->as.slack.reply,
                                               .cookie = ask->as.slack.cookie,
                                               .sends = ask->kind == MAIL_SLACK_SEND};
    self->due = true;
}


//  --- receivers

//  The name of a receiver; NULL: there are no more.
static const char *
s_name (const notify_check_t *self, size_t at)
{
    const settings_t *settings = self->env.settings;
    if (at == 0)
        return row_default_receiver;
    const settings_receiver_t *receivers = settings->receivers.items;
    return at <= settings->receivers.count ? receivers [at - 1].name : NULL;
}

//  The name of the first bot.  NULL: there is none.
static const char *
s_bot (const notify_check_t *self)
{
    settings_target_t target;
    for (size_t i = 0; s_name (self, i); i++)
        if (settings_target (self->env.settings, s_name (self, i), &target)
            && target.kind == SETTINGS_TARGET_BOT)
            return s_name (self, i);
    return NULL;
}

//  Note what is known of the receiver that is due; the next one is due then.
static void
s_found (notify_check_t *self, const settings_target_t *target, const char *result,
         const char *text)
{
    const bool bot = target->kind == SETTINGS_TARGET_BOT;
    json_t *row = json_pack ("{s:s,s:s,s:s,s:o}", "receiver", s_name (self, self->next), "kind",
                             settings_target_kind_name (target->kind), "result", result, "text",
                             json_any (text));
    if (bot) {
        json_object_set_new (row, "channel", json_any (target->channel));
        json_object_set_new (row, "team", *self->team ? json_any (self->team) : json_null ());
        json_object_set_new (row, "bot", *self->user ? json_any (self->user) : json_null ());
    }
    json_array_append_new (self->found, row);
    self->works = self->works && strcmp (result, "failed") != 0;
    self->next++;
}

//  Add what Slack says of the channel to the row that was noted last.
static void
s_found_channel (notify_check_t *self, const json_t *channel)
{
    json_t *row = json_array_get (self->found, json_array_size (self->found) - 1);
    json_t *member = json_object_get (channel, "is_member");
    json_object_set_new (row, "channel_name", json_any (json_member_text (channel, "name", "")));
    json_object_set_new (row, "member",
                         json_is_boolean (member) ? json_boolean (json_is_true (member))
                                                  : json_null ());
}


//  --- calls

//  A fresh sender for one call to the receiver.  False: no memory.
static bool
s_sender (notify_check_t *self, const char *receiver)
{
    const row_effect_t none = {.channel = ROW_CHANNEL_MESSAGE};
    notify_sender_destroy (&self->sender);
    self->sender = notify_sender_new (&self->env, receiver);
    if (self->sender)
        notify_sender_begin (self->sender, &s_kind, &none);
    return self->sender && self->sender->state;
}

//  Make a call for a bot.  False: it cannot be made; ret_bad says why.
static bool
s_call (notify_check_t *self, const char *receiver, const notify_bot_call_t *call, json_t *args,
        char ret_bad [LIMIT_REASON_BYTES])
{
    int rc = args && s_sender (self, receiver) ? 0 : -ENOMEM;
    if (rc == 0)
        rc = notify_bot_call (self->sender, call, args);
    if (rc < 0)
        snprintf (ret_bad, LIMIT_REASON_BYTES, "%s: %s", call->method, err_str (rc));
    return rc == 0;
}

//  Judge the answer of a call.  ret_error->text: "" = it is a yes.  Own: fresh in *ret_answer,
//  NULL unless it is Slack's.
static void
s_judge (const notify_check_t *self, const char *method, json_t **ret_answer,
         notify_error_t *ret_error)
{
    const notify_answer_t *answer = &self->sender->answer;
    char what [LIMIT_REASON_BYTES] = "";
    *ret_error = (notify_error_t){.text = ""};
    if (answer->status == S_STATUS_RATE)
        snprintf (what, sizeof what, "Slack asks for a pause; check again later");
    else if (answer->status >= 500)
        snprintf (what, sizeof what, "Slack answered %d; check again later", answer->status);
    else if (answer->status && !notify_sender_delivered (answer->status))
        snprintf (what, sizeof what, "the server answered %d: is slack_api_url right?",
                  answer->status);
    else if (answer->rc)
        snprintf (what, sizeof what, "%s", answer->reason);
    else if (json_parse (answer->body.data, answer->body.size, ret_answer, NULL) < 0
             || !json_is_boolean (json_object_get (*ret_answer, "ok")))
        snprintf (what, sizeof what, "the answer is none of Slack's: is slack_api_url right?");
    if (*what)
        snprintf (ret_error->text, sizeof ret_error->text, "%.40s: %.200s", method, what);
    else if (json_is_false (json_object_get (*ret_answer, "ok")))
        notify_error (method, *ret_answer, ret_error);
}

static const notify_bot_call_t s_auth = {.method = "auth.test",
                                         .answer_bytes = LIMIT_SLACK_ANSWER_BYTES};
static const notify_bot_call_t s_info = {
    .method = "conversations.info", .form = true, .answer_bytes = LIMIT_SLACK_ANSWER_BYTES};

static const notify_bot_call_t s_post = {
    .method = "chat.postMessage", .once = true, .answer_bytes = LIMIT_SLACK_ANSWER_BYTES};

//  Send a test message to a receiver.  False: it cannot be sent; ret_bad says why.
static bool
s_send (notify_check_t *self, const char *receiver, const settings_target_t *target,
        char ret_bad [LIMIT_REASON_BYTES])
{
    own (json_drop) json_t *args = NULL;
    own (clk_destroy) clk_t *clk = clk_new ();
    const int64_t now_ms = clk ? clk_now (clk).wall_ms : 0;
    own (own_mem) char *body = clk ? slack_alert_test (receiver, now_ms) : NULL;
    int rc = body && s_sender (self, receiver) ? 0 : -ENOMEM;
    if (rc == 0 && target->kind == SETTINGS_TARGET_BOT) {
        rc = json_parse (body, strlen (body), &args, NULL);
        if (rc == 0 && json_object_set_new (args, "channel", json_string (target->channel)))
            rc = -ENOMEM;
        if (rc == 0)
            rc = notify_bot_call (self->sender, &s_post, args);
    }
    else if (rc == 0)
        rc = target->kind == SETTINGS_TARGET_SIGNED ? notify_signed_test (self->sender, now_ms)
                                                    : notify_webhook_post (self->sender, body);
    if (rc < 0)
        snprintf (ret_bad, LIMIT_REASON_BYTES, "not sent: %s", err_str (rc));
    return rc == 0;
}

//  The token has been tried: the log has it once for each configuration.
static void
s_tested (notify_check_t *self)
{
    self->tested = true;
    if (!self->told && *self->bad)
        log_warn ("slack does not take the bot, messages wait or fail", kv ("reason", self->bad));
    else if (!self->told)
        log_info ("slack takes the bot", kv ("team", self->team), kv ("bot", self->user));
    self->told = true;
}

static void
s_take_auth (notify_check_t *self)
{
    own (json_drop) json_t *answer = NULL;
    notify_error_t error;
    s_judge (self, s_auth.method, &answer, &error);
    snprintf (self->bad, sizeof self->bad, "%s", error.text);
    if (!error.text [0]) {
        snprintf (self->team, sizeof self->team, "%s", json_member_text (answer, "team", "?"));
        snprintf (self->user, sizeof self->user, "%s", json_member_text (answer, "user", "?"));
    }
    s_tested (self);
}

static void
s_take_info (notify_check_t *self)
{
    settings_target_t target;
    char text [LIMIT_REASON_BYTES];
    own (json_drop) json_t *answer = NULL;
    notify_error_t error;
    s_judge (self, s_info.method, &answer, &error);
    const json_t *channel = json_object_get (answer, "channel");
    const char *name = json_member_text (channel, "name", "");
    const char *word = json_is_true (json_object_get (channel, "is_archived"))  ? "is_archived"
                       : json_is_false (json_object_get (channel, "is_member")) ? "not_in_channel"
                                                                                : "";
    (void) settings_target (self->env.settings, s_name (self, self->next), &target);
    if (!error.text [0] && !json_is_object (channel))
        snprintf (error.text, sizeof error.text, "%s: the answer lacks the channel", s_info.method);
    if (error.scope)
        snprintf (text, sizeof text, "the token is good; the channel was not looked up: %.150s",
                  error.text);
    else if (error.text [0])
        snprintf (text, sizeof text, "%s", error.text);
    else if (*word)
        snprintf (text, sizeof text, "#%.80s: %s: %s", name, word, notify_error_advice (word));
    else
        snprintf (text, sizeof text, "it is %.60s in %s%.80s of %.60s", self->user,
                  *name ? "#" : "", *name ? name : target.channel, self->team);
    const bool good = error.scope || (!error.text [0] && !*word);
    s_found (self, &target, good ? "ok" : "failed", text);
    if (!error.text [0])
        s_found_channel (self, channel);
}

//  The answer to a test message.
static void
s_take_sent (notify_check_t *self)
{
    settings_target_t target;
    own (json_drop) json_t *answer = NULL;
    notify_error_t error = {.text = ""};
    (void) settings_target (self->env.settings, s_name (self, self->next), &target);
    if (target.kind == SETTINGS_TARGET_BOT)
        s_judge (self, s_post.method, &answer, &error);
    else if (!notify_sender_delivered (self->sender->answer.status))
        notify_sender_refusal (self->sender, "the webhook",
                               target.kind == SETTINGS_TARGET_WEBHOOK ? notify_error_advice : NULL,
                               error.text);
    s_found (self, &target, *error.text ? "failed" : "ok", *error.text ? error.text : s_sent);
}


//  --- a check

//  End the check.
static void
s_end (notify_check_t *self)
{
    notify_sender_destroy (&self->sender);
    for (size_t i = 0; i < self->ask_count; i++)
        self->asks [i].answered = self->asks [i].answered || self->asks [i].begun;
}

//  Make the next call of a receiver.  False: there is none, and what is known of it is noted.
static bool
s_try (notify_check_t *self, const char *name, const settings_target_t *target)
{
    char bad [LIMIT_REASON_BYTES];
    const bool bot = target->kind == SETTINGS_TARGET_BOT;
    if (!bot && !self->sends)
        s_found (self, target, "skipped", s_not_tried);
    else if (bot && *self->bad)
        s_found (self, target, "failed", self->bad);
    else if (clk_us () >= self->until_us)
        s_found (self, target, "failed", s_no_time);
    else {
        own (json_drop) json_t *args = json_pack ("{s:s}", "channel", bot ? target->channel : "");
        if (self->sends ? s_send (self, name, target, bad)
                        : s_call (self, name, &s_info, args, bad))
            return true;
        s_found (self, target, "failed", bad);
    }
    return false;
}

//  Make the next call, or note what needs none, until the check has ended.
static void
s_advance (notify_check_t *self)
{
    settings_target_t target;
    const char *name = NULL;
    while (self->found && (name = s_name (self, self->next))) {
        if (!settings_target (self->env.settings, name, &target))
            self->next++; //  the default one need not be configured
        else if (s_try (self, name, &target))
            return;
    }
    s_end (self);
}

static void
s_begin (notify_check_t *self)
{
    const char *bot = s_bot (self);
    own (json_drop) json_t *args = json_object ();
    self->due = self->sends = false;
    self->bad [0] = self->team [0] = self->user [0] = 0;
    self->next = 0;
    self->works = true;
    self->tested = false;
    self->until_us =
        clk_us () + failpoint_number ("TRIAGE_SLACK_CHECK_MS", LIMIT_SLACK_CHECK_MS) * S_MS_US;
    json_drop (&self->found);
    for (size_t i = 0; i < self->ask_count; i++) {
        self->asks [i].begun = true;
        self->sends = self->sends || self->asks [i].sends;
    }
    if (self->ask_count > 0)
        self->found = json_array ();
    if (bot && s_call (self, bot, &s_auth, args, self->bad))
        return;
    self->tested = true;
    if (bot)
        s_tested (self);
    s_advance (self);
}

//  The time of the check is over: what is under way is not waited for.
static void
s_expire (notify_check_t *self)
{
    settings_target_t target;
    notify_sender_destroy (&self->sender);
    if (!self->tested) {
        snprintf (self->bad, sizeof self->bad, "%s: no answer in time", s_auth.method);
        s_tested (self);
    }
    else if (self->found
             && settings_target (self->env.settings, s_name (self, self->next), &target))
        s_found (self, &target, "failed", self->sends ? s_unsure : s_no_time);
    s_advance (self);
}

//  Is there an answer for who has asked?
static bool
s_answers (const notify_check_t *self)
{
    return self->ask_count > 0 && self->asks [0].answered;
}

void
notify_check_go_on (notify_check_t *self)
{
    if (self->sender) {
        notify_sender_turn (self->sender);
        const s_state_t *state = self->sender->state;
        if (state->answered) {
            if (!self->tested)
                s_take_auth (self);
            else if (self->sends)
                s_take_sent (self);
            else
                s_take_info (self);
            s_advance (self);
        }
        else if (clk_us () >= self->until_us)
            s_expire (self);
    }
    if (!self->sender && self->due && !s_answers (self))
        s_begin (self);
}

mail_t *
notify_check_mail (notify_check_t *self)
{
    if (!s_answers (self))
        return NULL;
    const s_ask_t ask = self->asks [0];
    memmove (self->asks, self->asks + 1, --self->ask_count * sizeof self->asks [0]);
    own (mail_destroy) mail_t *mail = mail_new (MAIL_SLACK_CHECKED);
    own (json_drop) json_t *doc =
        json_pack ("{s:b,s:O}", "works", self->works, "receivers", self->found);
    if (!mail || !doc)
        return NULL;
    mail->as.slack.reply = ask.reply;
    mail->as.slack.cookie = ask.cookie;
    mail->as.slack.text = json_line (doc);
    return mail->as.slack.text ? own_take (mail) : NULL;
}

int64_t
notify_check_wait_ms (const notify_check_t *self, int64_t max_ms)
{
    if (s_answers (self) || (self->due && !self->sender))
        return 0;
    if (!self->sender)
        return max_ms;
    const int64_t left_us = self->until_us - clk_us ();
    const int64_t left_ms = left_us > 0 ? (left_us + S_MS_US - 1) / S_MS_US : 0;
    return notify_sender_wait_ms (self->sender, left_ms < max_ms ? left_ms : max_ms);
}
