//  A try is a row of calls: s_next says which is due, from what is known; s_steps says how it is
//  made and what its answer changes.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_bot.h"

#include "broker/delivery/notify_body.h"
#include "broker/delivery/notify_bot_call.h"
#include "broker/delivery/notify_error.h"
#include "broker/delivery/notify_bot_find.h"
#include "common/base/clk.h"
#include "common/base/digest.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_PAGE_MESSAGES = 100,
    S_SKEW_MS = 300000, //  between this host's clock and Slack's
    S_PARTS = ROW_PART_DETAIL | ROW_PART_FILE,
    S_URL_BYTES = 2048,
    S_STATUS_RATE = 429,
    S_FILE_TRIES = 3
};

typedef enum {
    S_HISTORY, //  is the message there already?
    S_POST,
    S_UPDATE,
    S_REPLIES, //  what stands in its thread already?
    S_DETAIL,
    S_FILE_URL, //  the report: where to, its bytes, and into the thread
    S_FILE_BYTES,
    S_FILE_SHARE,
    S_STEPS //  nothing is due
} due_t;

typedef struct {
    notify_body_t body;
    char digest [DIGEST_HEX]; //  of the body
    char channel [ROW_NAME];  //  of the call: a new configuration may name another
    char parent [ROW_NAME];   //  ts of the message in whose thread this one is posted, "" = none
    due_t step;
    bool calling;  //  go_on: an answer, else the end of a pause
    bool doubt;    //  a part may have been posted unseen
    bool searched; //  the history has been asked, or need not be
    bool looked;   //  the thread likewise
    bool marked;   //  the body says that it may be a repeat
    bool plain;    //  the next message goes without blocks
    bool anew;     //  it was posted anew in this try
    int pages;     //  of the history
    char cursor [NOTIFY_BOT_FIND_CURSOR];
    char file_id [ROW_NAME], upload_url [S_URL_BYTES];
    bool uploaded;
    buf_t report;
    int64_t until_us; //  end of the try
} bot_t;

static bot_t *
s_bot (const notify_sender_t *sender)
{
    return sender->state;
}

static notify_bot_find_t
s_about (const notify_sender_t *sender)
{
    const char *incident = sender->effect.incident.text;
    return (notify_bot_find_t){.incident = incident,
                               .alert = *incident ? "" : sender->effect.key,
                               .since_ms = s_bot (sender)->body.since_ms};
}

//  The channel in which the message stands, or will.
static const char *
s_channel (const notify_sender_t *sender)
{
    const row_message_t *row = &sender->message;
    return row->ts [0] ? row->channel : sender->target.channel;
}

static void
s_file_name (const notify_sender_t *sender, char ret_name [ROW_NAME])
{
    snprintf (ret_name, ROW_NAME, "investigation-%.40s.md", sender->effect.incident.text);
}

//  The step that is due.
static due_t
s_next (const notify_sender_t *sender)
{
    const bot_t *bot = s_bot (sender);
    const row_message_t *row = &sender->message;
    if (!row->ts [0])
        return bot->doubt && !bot->searched ? S_HISTORY : S_POST;
    if (strcmp (row->shown, bot->digest) != 0)
        return S_UPDATE;
    if (!bot->body.reported || (row->parts & S_PARTS) == S_PARTS)
        return S_STEPS;
    if (bot->doubt && !bot->looked)
        return S_REPLIES;
    if (!(row->parts & ROW_PART_DETAIL))
        return S_DETAIL;
    return bot->uploaded ? S_FILE_SHARE : bot->upload_url [0] ? S_FILE_BYTES : S_FILE_URL;
}


//  --- the arguments of each step

static int
s_set (json_t *args, const char *key, const char *value)
{
    return json_object_set_new (args, key, json_string (value));
}

//  Add what a message has besides its body.  text: the body; NULL: no memory.
static int
s_message (const notify_sender_t *sender, const char *text, const char *part, json_t **ret_args)
{
    const bot_t *bot = s_bot (sender);
    const notify_bot_find_t about = s_about (sender);
    int rc = text ? json_parse (text, strlen (text), ret_args, NULL) : -ENOMEM;
    if (rc < 0)
        return rc;
    json_t *args = *ret_args;
    int bad = s_set (args, "channel", s_channel (sender));
    bad |= json_object_set_new (args, "metadata", notify_bot_find_metadata (&about, part));
    if (bot->plain) { //  an empty list takes away what an edited message has
        bad |= json_object_set_new (args, "blocks", json_array ());
        bad |= json_object_set_new (args, "attachments", json_array ());
    }
    return bad ? -ENOMEM : 0;
}

static int
s_make_post (const notify_sender_t *sender, json_t **ret_args)
{
    const bot_t *bot = s_bot (sender);
    int rc = s_message (sender, bot->body.text, "message", ret_args);
    if (rc < 0 || !bot->parent [0])
        return rc;
    //  An answer to another message: in its thread, and in the channel.
    int bad = s_set (*ret_args, "thread_ts", bot->parent);
    bad |= json_object_set_new (*ret_args, "reply_broadcast", json_true ());
    return bad ? -ENOMEM : 0;
}

static int
s_make_update (const notify_sender_t *sender, json_t **ret_args)
{
    int rc = s_message (sender, s_bot (sender)->body.text, "message", ret_args);
    return rc == 0 && s_set (*ret_args, "ts", sender->message.ts) ? -ENOMEM : rc;
}

static int
s_make_detail (const notify_sender_t *sender, json_t **ret_args)
{
    own (own_mem) char *text = NULL;
    int rc = notify_body_detail (sender, &text);
    if (rc == 0)
        rc = s_message (sender, text, "detail", ret_args);
    return rc == 0 && s_set (*ret_args, "thread_ts", sender->message.ts) ? -ENOMEM : rc;
}

//  Slack's clock and ours may differ.
static int
s_make_history (const notify_sender_t *sender, json_t **ret_args)
{
    char oldest [32], limit [16];
    const bot_t *bot = s_bot (sender);
    const int64_t since_ms = bot->body.since_ms > S_SKEW_MS ? bot->body.since_ms - S_SKEW_MS : 0;
    snprintf (oldest, sizeof oldest, "%" PRId64 ".000000", since_ms / 1000);
    snprintf (limit, sizeof limit, "%d", S_PAGE_MESSAGES);
    *ret_args = json_pack ("{s:s,s:s,s:s,s:s}", "channel", sender->target.channel, "oldest", oldest,
                           "limit", limit, "include_all_metadata", "true");
    return !*ret_args || (bot->cursor [0] && s_set (*ret_args, "cursor", bot->cursor)) ? -ENOMEM
                                                                                       : 0;
}

static int
s_make_replies (const notify_sender_t *sender, json_t **ret_args)
{
    char limit [16];
    snprintf (limit, sizeof limit, "%d", S_PAGE_MESSAGES);
    *ret_args = json_pack ("{s:s,s:s,s:s,s:s}", "channel", s_channel (sender), "ts",
                           sender->message.ts, "limit", limit, "include_all_metadata", "true");
    return *ret_args ? 0 : -ENOMEM;
}

static int
s_make_url (const notify_sender_t *sender, json_t **ret_args)
{
    bot_t *bot = s_bot (sender);
    char name [ROW_NAME], length [24];
    buf_fini (&bot->report);
    int rc = notify_body_report (sender, &bot->report);
    if (rc < 0)
        return rc;
    s_file_name (sender, name);
    snprintf (length, sizeof length, "%zu", bot->report.size);
    *ret_args = json_pack ("{s:s,s:s}", "filename", name, "length", length);
    return *ret_args ? 0 : -ENOMEM;
}

static int
s_make_share (const notify_sender_t *sender, json_t **ret_args)
{
    *ret_args = json_pack ("{s:[{s:s,s:s}],s:s,s:s}", "files", "id", s_bot (sender)->file_id,
                           "title", "Whole report", "channel_id", s_channel (sender), "thread_ts",
                           sender->message.ts);
    return *ret_args ? 0 : -ENOMEM;
}


//  --- what the answer of each step changes; false: it lacks what it must have

//  Name the row.  One without a ts says that the message may have been posted unseen, also for the
//  next effect of this key.
static void
s_name (notify_sender_t *sender)
{
    row_message_t *row = &sender->message;
    snprintf (row->key, sizeof row->key, "%s", sender->effect.key);
    row->incident = sender->effect.incident;
    snprintf (row->receiver, sizeof row->receiver, "%s", sender->receiver);
}

//  The message stands there.  ts: as Slack makes them.
static bool
s_stands (notify_sender_t *sender, const char *ts, const char *channel, const char *shown)
{
    row_message_t *row = &sender->message;
    if (!notify_bot_find_ts (ts))
        return false;
    *row = (row_message_t){.at_ms = strtoll (ts, NULL, 10) * 1000};
    s_name (sender);
    snprintf (row->channel, sizeof row->channel, "%s", channel);
    snprintf (row->ts, sizeof row->ts, "%s", ts);
    snprintf (row->shown, sizeof row->shown, "%s", shown);
    return true;
}

static bool
s_take_post (notify_sender_t *sender, const json_t *answer)
{
    bot_t *bot = s_bot (sender);
    bot->plain = false;
    bot->looked = true; //  its thread is new
    return s_stands (sender, json_member_text (answer, "ts", ""), bot->channel, bot->digest);
}

static bool
s_take_update (notify_sender_t *sender, const json_t *answer)
{
    bot_t *bot = s_bot (sender);
    bot->plain = false;
    snprintf (sender->message.shown, sizeof sender->message.shown, "%s", bot->digest);
    return true;
}

static bool
s_take_detail (notify_sender_t *sender, const json_t *answer)
{
    s_bot (sender)->plain = false;
    sender->message.parts |= ROW_PART_DETAIL;
    return true;
}

//  The channel's history does not tell whether the message is there: it says so itself.
static void
s_unknown (notify_sender_t *sender, const char *why)
{
    bot_t *bot = s_bot (sender);
    log_warn ("slack cannot tell whether a message has arrived, it may be repeated",
              kv ("message", sender->effect.key), kv ("reason", why));
    bot->searched = true;
    bot->marked = true;
}

static bool
s_take_history (notify_sender_t *sender, const json_t *answer)
{
    bot_t *bot = s_bot (sender);
    char ts [ROW_NAME];
    const notify_bot_find_t about = s_about (sender);
    if (notify_bot_find_message (&about, answer, ts)) //  what it shows is not known
        return s_stands (sender, ts, bot->channel, "");
    bot->pages++;
    if (!notify_bot_find_next (answer, bot->cursor)) {
        bot->searched = true;
        sender->message.key [0] = 0; //  no doubt is left
    }
    else if (bot->pages >= LIMIT_SLACK_PAGES)
        s_unknown (sender, "too many messages since");
    return true;
}

static bool
s_take_replies (notify_sender_t *sender, const json_t *answer)
{
    char name [ROW_NAME];
    const notify_bot_find_t about = s_about (sender);
    s_file_name (sender, name);
    sender->message.parts &= ~ROW_PART_DOUBT;
    sender->message.parts |= notify_bot_find_parts (&about, answer, name);
    s_bot (sender)->looked = true;
    return true;
}

static bool
s_take_url (notify_sender_t *sender, const json_t *answer)
{
    bot_t *bot = s_bot (sender);
    const char *url = json_member_text (answer, "upload_url", "");
    const char *id = json_member_text (answer, "file_id", "");
    if (!*url || strlen (url) >= sizeof bot->upload_url || !*id || strlen (id) >= ROW_NAME)
        return false;
    snprintf (bot->upload_url, sizeof bot->upload_url, "%s", url);
    snprintf (bot->file_id, sizeof bot->file_id, "%s", id);
    return true;
}

static bool
s_take_bytes (notify_sender_t *sender, const json_t *answer)
{
    s_bot (sender)->uploaded = true;
    return true;
}

static bool
s_take_share (notify_sender_t *sender, const json_t *answer)
{
    sender->message.parts |= ROW_PART_FILE;
    return true;
}


//  --- the steps

static const struct {
    notify_bot_call_t call;
    notify_pace_t pace;
    bool message;                                                   //  a message with a form
    int (*make) (const notify_sender_t *sender, json_t **ret_args); //  NULL: bytes
    bool (*take) (notify_sender_t *sender, const json_t *answer);
} s_steps [S_STEPS] = {
    [S_HISTORY] = {.call = {"conversations.history", "history", true, false,
                            LIMIT_SLACK_PAGE_BYTES},
                   .make = s_make_history,
                   .take = s_take_history},
    [S_POST] = {.call = {"chat.postMessage", "post", false, true, LIMIT_SLACK_ANSWER_BYTES},
                .pace = NOTIFY_PACE_POST,
                .message = true,
                .make = s_make_post,
                .take = s_take_post},
    [S_UPDATE] = {.call = {"chat.update", "update", false, false, LIMIT_SLACK_ANSWER_BYTES},
                  .pace = NOTIFY_PACE_EDIT,
                  .message = true,
                  .make = s_make_update,
                  .take = s_take_update},
    [S_REPLIES] = {.call = {"conversations.replies", "replies", true, false,
                            LIMIT_SLACK_PAGE_BYTES},
                   .make = s_make_replies,
                   .take = s_take_replies},
    [S_DETAIL] = {.call = {"chat.postMessage", "detail", false, true, LIMIT_SLACK_ANSWER_BYTES},
                  .pace = NOTIFY_PACE_POST,
                  .message = true,
                  .make = s_make_detail,
                  .take = s_take_detail},
    [S_FILE_URL] = {.call = {"files.getUploadURLExternal", "url", true, false,
                             LIMIT_SLACK_ANSWER_BYTES},
                    .make = s_make_url,
                    .take = s_take_url},
    [S_FILE_BYTES] = {.call = {"file upload", "upload", false, false, LIMIT_SLACK_ANSWER_BYTES},
                      .take = s_take_bytes},
    [S_FILE_SHARE] = {.call = {"files.completeUploadExternal", "share", false, true,
                               LIMIT_SLACK_ANSWER_BYTES},
                      .pace = NOTIFY_PACE_SHARE,
                      .make = s_make_share,
                      .take = s_take_share},
};

static int
s_make_body (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    notify_body_fini (&bot->body);
    int rc = notify_body_make (sender, false, &bot->body);
    if (rc < 0)
        return rc;
    digest_hex (bot->body.text, strlen (bot->body.text), bot->digest);
    if (!bot->marked)
        return 0;
    notify_body_fini (&bot->body);
    return notify_body_make (sender, true, &bot->body);
}

//  Make the call of the step, or wait until it may be made.
static int
s_call (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    const notify_bot_call_t *call = &s_steps [bot->step].call;
    const notify_pace_t pace = s_steps [bot->step].pace;
    const int64_t wait_ms = notify_sender_paced_ms (sender, pace);
    bot->calling = wait_ms == 0;
    if (!bot->calling) {
        notify_sender_pause (sender, wait_ms);
        return 0;
    }
    notify_sender_pace (sender, pace);
    snprintf (bot->channel, sizeof bot->channel, "%s", s_channel (sender));
    if (!s_steps [bot->step].make)
        return notify_bot_call_upload (sender, bot->upload_url, &bot->report, call->action);
    own (json_drop) json_t *args = NULL;
    int rc = s_steps [bot->step].make (sender, &args);
    return rc < 0 ? rc : notify_bot_call (sender, call, args);
}

//  The call of the step cannot be made.
static void
s_unmade (notify_sender_t *sender, int rc)
{
    char text [LIMIT_REASON_BYTES];
    const due_t step = s_bot (sender)->step;
    const bool gone = rc == -ENOENT || rc == ERR_NONE;
    const char *why = gone ? "the incident's report is not there any more" : err_str (rc);
    if (step == S_FILE_BYTES && rc == -EINVAL)
        why = "Slack has given an address that is no https URL";
    snprintf (text, sizeof text, "%s: %s", s_steps [step].call.method, why);
    notify_sender_fail (sender, gone || rc == -EINVAL ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY,
                        NOTIFY_OTHER, text);
}

//  Do what is due, or end.
static void
s_advance (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    bot->step = s_next (sender);
    if (bot->step == S_STEPS) {
        notify_sender_end (sender, STEP_EFFECT_OK, "");
        return;
    }
    if (notify_sender_gone (sender))
        return;
    if (clk_us () > bot->until_us) {
        notify_sender_fail (sender, STEP_EFFECT_RETRY, NOTIFY_TIMEOUT,
                            "Slack was too slow for one message, it is continued later");
        return;
    }
    int rc = bot->marked && bot->step == S_POST ? s_make_body (sender) : 0;
    if (rc == 0)
        rc = s_call (sender);
    if (rc < 0)
        s_unmade (sender, rc);
}


//  --- the judgement of an answer

//  The message is gone or cannot be edited: post it anew, once.  False: that was done already.
static bool
s_anew (notify_sender_t *sender, const char *why)
{
    bot_t *bot = s_bot (sender);
    row_message_t *row = &sender->message;
    if (bot->anew)
        return false;
    log_warn ("slack message cannot be edited, it is posted anew",
              kv ("message", sender->effect.key), kv ("reason", why));
    bot->anew = true;
    bot->searched = true; //  the history would show the one that cannot be edited
    bot->parent [0] = 0;
    bot->uploaded = false;
    bot->upload_url [0] = 0;
    row->ts [0] = 0;
    row->shown [0] = 0;
    row->parts = 0;
    return true;
}

//  Slack has said no.  True: there is another way.
static bool
s_another_way (notify_sender_t *sender, const notify_error_t *error)
{
    bot_t *bot = s_bot (sender);
    if (sender->gone [0])
        return false;
    const bool elsewhere = strcmp (s_channel (sender), sender->target.channel) != 0;
    switch (error->class) {
        case NOTIFY_ERROR_FORM:
            if (!s_steps [bot->step].message || bot->plain)
                return false;
            log_warn ("slack does not take a message's form, it is sent as plain text",
                      kv ("message", sender->effect.key), kv ("reason", error->text));
            return bot->plain = true;
        case NOTIFY_ERROR_GONE: return s_anew (sender, error->text);
        case NOTIFY_ERROR_PLACE: return elsewhere && s_anew (sender, error->text);
        case NOTIFY_ERROR_DOWN:
        case NOTIFY_ERROR_RETRY:
        case NOTIFY_ERROR_UNSURE: return false;
        case NOTIFY_ERROR_FINAL: break;
    }
    if (error->scope && bot->step == S_HISTORY) {
        s_unknown (sender, error->text);
        return true;
    }
    if (error->scope && bot->step == S_REPLIES)
        return bot->looked = true;
    return false;
}

//  End the try with a failure.  What may have been posted stays in doubt.  The bytes of a file go
//  to a server of their own: when it takes none, the messages behind do not wait for ever.
static void
s_end (notify_sender_t *sender, step_effect_result_t result, notify_reason_t reason,
       const char *text)
{
    if (result == STEP_EFFECT_RETRY && s_bot (sender)->step == S_FILE_BYTES
        && sender->answer.status != S_STATUS_RATE && sender->effect.tries + 1 >= S_FILE_TRIES)
        result = STEP_EFFECT_PERMANENT;
    if (result == STEP_EFFECT_UNSURE && sender->message.ts [0])
        sender->message.parts |= ROW_PART_DOUBT;
    else if (result == STEP_EFFECT_UNSURE)
        s_name (sender);
    notify_sender_fail (sender, result, reason, text);
}

static void
s_refused (notify_sender_t *sender, const json_t *answer)
{
    bot_t *bot = s_bot (sender);
    notify_error_t error;
    notify_error (s_steps [bot->step].call.method, answer, &error);
    if (s_another_way (sender, &error)) {
        s_advance (sender);
        return;
    }
    step_effect_result_t result = STEP_EFFECT_PERMANENT;
    sender->answer.down = error.class == NOTIFY_ERROR_DOWN;
    if (error.class == NOTIFY_ERROR_RETRY || error.class == NOTIFY_ERROR_DOWN)
        result = STEP_EFFECT_RETRY;
    else if (error.class == NOTIFY_ERROR_UNSURE)
        result = s_steps [bot->step].call.once ? STEP_EFFECT_UNSURE : STEP_EFFECT_RETRY;
    s_end (sender, result, error.reason, error.text);
}

//  End the try after an answer that says nothing about the call.
static void
s_fail (notify_sender_t *sender, step_effect_result_t result, notify_reason_t reason,
        const char *what)
{
    char text [LIMIT_REASON_BYTES];
    snprintf (text, sizeof text, "%.40s: %.200s", s_steps [s_bot (sender)->step].call.method, what);
    s_end (sender, result, reason, text);
}

//  Judge a status other than 2xx.
static void
s_status (notify_sender_t *sender, step_effect_result_t doubt)
{
    char text [128];
    const int status = sender->answer.status;
    const bool upload = s_bot (sender)->step == S_FILE_BYTES;
    snprintf (text, sizeof text, "Slack answered %d", status);
    if (status == S_STATUS_RATE)
        s_fail (sender, STEP_EFFECT_RETRY, NOTIFY_RATE_LIMITED, "Slack asks for a pause");
    else if (status >= 500)
        s_fail (sender, doubt, NOTIFY_SERVER_ERROR, text);
    else if (upload) //  its URL is good for a short time
        s_fail (sender, STEP_EFFECT_RETRY, NOTIFY_CLIENT_ERROR, text);
    else {
        snprintf (text, sizeof text, "the server answered %d: is slack_api_url right?", status);
        s_fail (sender, STEP_EFFECT_PERMANENT,
                status == 401 || status == 403 ? NOTIFY_AUTH_ERROR : NOTIFY_CLIENT_ERROR, text);
    }
}

static void
s_judge (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    const notify_answer_t *answer = &sender->answer;
    const bool once = s_steps [bot->step].call.once;
    const step_effect_result_t doubt =
        once && (answer->sent || answer->status) ? STEP_EFFECT_UNSURE : STEP_EFFECT_RETRY;
    if (answer->status && !notify_sender_delivered (answer->status)) {
        s_status (sender, doubt);
        return;
    }
    if (answer->rc) {
        if (doubt == STEP_EFFECT_UNSURE && answer->rc == -ETIMEDOUT)
            sender->answer.retry_after_ms =
                failpoint_number ("TRIAGE_SLACK_DOUBT_MS", LIMIT_SLACK_DOUBT_MS);
        s_fail (sender, doubt, answer->rc == -ETIMEDOUT ? NOTIFY_TIMEOUT : NOTIFY_OTHER,
                answer->reason);
        return;
    }
    own (json_drop) json_t *document = NULL;
    if (s_steps [bot->step].make
        && (json_parse (answer->body.data, answer->body.size, &document, NULL) < 0
            || !json_is_boolean (json_object_get (document, "ok")))) {
        s_fail (sender, doubt, NOTIFY_OTHER,
                "the answer is none of Slack's: is slack_api_url right?");
        return;
    }
    if (document && json_is_false (json_object_get (document, "ok")))
        s_refused (sender, document);
    else if (s_steps [bot->step].take (sender, document))
        s_advance (sender);
    else
        s_fail (sender, doubt, NOTIFY_OTHER, "the answer lacks what it must have");
}


//  --- a try

//  "recovered/7" answers "degraded/7".
static int
s_find_parent (notify_sender_t *sender)
{
    static const char answer [] = "recovered/";
    char key [ROW_ALERT];
    row_message_t row;
    if (strncmp (sender->effect.key, answer, strlen (answer)) != 0)
        return 0;
    snprintf (key, sizeof key, "degraded/%s", sender->effect.key + strlen (answer));
    const int rc = store_reader_message (sender->env->reader, key, &row);
    if (rc == 0 && strcmp (row.receiver, sender->receiver) == 0
        && strcmp (row.channel, sender->target.channel) == 0)
        snprintf (s_bot (sender)->parent, ROW_NAME, "%s", row.ts);
    return rc == ERR_NONE ? 0 : rc;
}

static void
s_begin (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    bot->report = buf_init (0);
    bot->until_us = clk_us () + (int64_t) LIMIT_SLACK_MESSAGE_MS * 1000;
    const char *key = sender->effect.key;
    int rc = store_reader_message (sender->env->reader, key, &sender->message);
    row_message_t *row = &sender->message;
    bot->doubt =
        sender->effect.unsure || (rc == 0 && (!row->ts [0] || (row->parts & ROW_PART_DOUBT)));
    if (rc == ERR_NONE) {
        sender->message = (row_message_t){.key = ""};
        rc = s_find_parent (sender);
    }
    if (bot->doubt && row->ts [0])
        row->parts |= ROW_PART_DOUBT;
    else if (bot->doubt)
        s_name (sender);
    if (rc == 0)
        rc = s_make_body (sender);
    if (rc < 0) {
        notify_sender_fail_rc (sender, rc);
        return;
    }
    if (s_next (sender) != S_STEPS)
        atomic_fetch_add (&sender->env->counts->posts, 1);
    s_advance (sender);
}

static void
s_go_on (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    if (bot->calling)
        s_judge (sender);
    else
        s_advance (sender);
}

static void
s_clear (notify_sender_t *sender)
{
    bot_t *bot = s_bot (sender);
    notify_body_fini (&bot->body);
    buf_fini (&bot->report);
}

const notify_kind_t notify_bot = {.name = "bot",
                                  .state_bytes = sizeof (bot_t),
                                  .finds = true,
                                  .begin = s_begin,
                                  .go_on = s_go_on,
                                  .clear = s_clear};
