//  The bot's calls and what it makes of the answers, with a server that plays a script.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/notify.h"
#include "broker/delivery/notify_bot_find.h"
#include "broker/delivery/notify_error.h"
#include "common/base/own.h"
#include "tests/unit/broker/delivery/slack_peer.h"
#include "tests/unit/broker/world.h"

#include <stdio.h>
#include <string.h>

#define TOKEN "xoxb-1-SECRET"
#define CHANNEL "C0123456789"
#define TS "1503435956.000247"
#define ALERT "degraded/1"

typedef struct {
    world_t world;
    store_reader_t *reader;
    http_t *http;
    storage_t *storage;
    notify_t *notify;
    slack_peer_t peer;
    char url [128];
    row_effect_t effect;
    const char *moves; //  the channel of a new configuration, once the call is under way
    bool forgets;      //  then there is no bot any more
    bool other;        //  but a webhook
} fixture_t;

static void
s_write (fixture_t *self, const step_write_t *write)
{
    assert_int_equal (store_apply (self->world.store, write), 0);
    assert_int_equal (store_commit (self->world.store), 0);
}

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    setenv ("TRIAGE_MESSAGE_PACE_MS", "10", 1);
    world_init (&self->world, "{}", 2);
    step_write_t write = {.kind = STEP_WRITE_ALERT};
    write.as.alert =
        (row_alert_t){.key = ALERT, .count = 3, .first_ms = 1000000, .last_ms = 2000000};
    s_write (self, &write);
    assert_int_equal (store_reader_open (self->world.state_path, &self->reader, NULL), 0);
    self->http = http_new ();
    const storage_env_t env = {.settings = &self->world.settings, .http = self->http};
    self->storage = storage_new (storage_backends, &env, self->reader, NULL);
    settings_t *settings = &self->world.settings;
    settings->slack_bot_token = TOKEN;
    settings->slack_channel = CHANNEL;
    settings->slack_api_url = self->url;
    self->notify = notify_new (settings, self->http, self->storage, self->reader, NULL);
    assert_non_null (self->notify);
    self->effect = (row_effect_t){.id = 7, .channel = ROW_CHANNEL_MESSAGE, .key = ALERT};
    snprintf (self->effect.receiver, sizeof self->effect.receiver, "%s", row_default_receiver);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    free (self->peer.requests);
    notify_destroy (&self->notify);
    storage_destroy (&self->storage);
    http_destroy (&self->http);
    store_reader_destroy (&self->reader);
    world_fini (&self->world);
    free (self);
    return 0;
}

//  Send the effect while the peer plays its script; the row it returns is kept, as the core does.
static mail_effect_done_t
s_play (fixture_t *self, const slack_peer_turn_t *script, size_t count)
{
    mail_effect_done_t end;
    free (self->peer.requests);
    slack_peer_start (&self->peer, script, count);
    snprintf (self->url, sizeof self->url, "http://127.0.0.1:%d/api/", self->peer.port);
    notify_begin (self->notify, &self->effect);
    if (self->moves)
        self->world.settings.slack_channel = self->moves;
    settings_t *settings = &self->world.settings;
    if (self->forgets) {
        settings->slack_bot_token = "";
        settings->slack_webhook_url = self->other ? "http://127.0.0.1:1/" : "";
    }
    while (!notify_ended (self->notify, &end))
        http_poll (self->http, -1, notify_wait_ms (self->notify, 1000));
    settings->slack_bot_token = TOKEN;
    settings->slack_webhook_url = "";
    slack_peer_stop (&self->peer);
    assert_null (strstr (end.error, "SECRET"));
    if (end.message.key [0]) {
        step_write_t write = {.kind = STEP_WRITE_MESSAGE};
        write.as.message = end.message;
        s_write (self, &write);
    }
    self->effect.unsure = self->effect.unsure || end.result == STEP_EFFECT_UNSURE;
    return end;
}

#define PLAY(self, ...)                                                                            \
    s_play (self, (const slack_peer_turn_t []){__VA_ARGS__},                                       \
            sizeof ((const slack_peer_turn_t []){__VA_ARGS__}) / sizeof (slack_peer_turn_t))
#define OK(path, body)                                                                             \
    {                                                                                              \
        "/api/" path, 200, "{\"ok\":true," body "}", NULL                                          \
    }
#define NO(path, error)                                                                            \
    {                                                                                              \
        "/api/" path, 200, "{\"ok\":false,\"error\":\"" error "\"}", NULL                          \
    }
#define POSTED OK ("chat.postMessage", "\"channel\":\"" CHANNEL "\",\"ts\":\"" TS "\"")
#define UPDATED OK ("chat.update", "\"channel\":\"" CHANNEL "\",\"ts\":\"" TS "\"")
#define UNANSWERED(path)                                                                           \
    {                                                                                              \
        "/api/" path, 0, "", NULL                                                                  \
    }

static bool
s_has (const fixture_t *self, size_t call, const char *text)
{
    return strstr (self->peer.requests [call], text) != NULL;
}

static void
s_count (fixture_t *self, int64_t count)
{
    step_write_t write = {.kind = STEP_WRITE_ALERT};
    write.as.alert = (row_alert_t){
        .key = ALERT, .count = count, .first_ms = 1000000, .last_ms = 2000000 + count};
    s_write (self, &write);
}

//  Another alert is to be sent.
static void
s_alert (fixture_t *self, size_t number)
{
    step_write_t write = {.kind = STEP_WRITE_ALERT};
    write.as.alert = (row_alert_t){.count = 3, .first_ms = 1000000, .last_ms = 2000000};
    snprintf (write.as.alert.key, sizeof write.as.alert.key, "degraded/%zu", number);
    s_write (self, &write);
    memcpy (self->effect.key, write.as.alert.key, sizeof self->effect.key);
    self->effect.unsure = false;
}

//  --- one message

static void
test_a_message_is_posted_then_edited_and_an_equal_one_is_not_sent (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t end = PLAY (self, POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_string_equal (end.message.ts, TS);
    assert_string_equal (end.message.channel, CHANNEL);
    assert_string_equal (end.message.key, ALERT);
    assert_true (digest_valid (end.message.shown));
    assert_int_equal (end.message.at_ms, 1503435956000);
    assert_true (s_has (self, 0, "Authorization: Bearer " TOKEN "\r\n"));
    assert_true (s_has (self, 0, "Content-Type: application/json; charset=utf-8\r\n"));
    assert_true (s_has (self, 0, "\"channel\":\"" CHANNEL "\""));
    assert_true (s_has (self, 0,
                        "\"metadata\":{\"event_type\":\"k8s_triage_incident\",\"event_payload\":{"
                        "\"alert\":\"degraded/1\",\"since\":1000000,\"part\":\"message\"}}"));
    end = s_play (self, NULL, 0);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    s_count (self, 4);
    end = PLAY (self, UPDATED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_string_equal (end.message.ts, TS);
    assert_true (s_has (self, 0, "\"ts\":\"" TS "\""));
}

typedef struct {
    int code;
    const char *body, *more;
    step_effect_result_t post, update;
    int64_t retry_after_ms;
    const char *says;
} answer_t;

static const answer_t s_answers [] = {
    {429, "", "Retry-After: 30\r\n", STEP_EFFECT_RETRY, STEP_EFFECT_RETRY, 30000, "pause"},
    {200, "{\"ok\":false,\"error\":\"ratelimited\"}", "Retry-After: 7\r\n", STEP_EFFECT_RETRY,
     STEP_EFFECT_RETRY, 7000, "ratelimited"},
    {200, "{\"ok\":false,\"error\":\"invalid_auth\"}", NULL, STEP_EFFECT_PERMANENT,
     STEP_EFFECT_PERMANENT, 0, "slack_bot_token"},
    {200, "{\"ok\":false,\"error\":\"not_in_channel\"}", NULL, STEP_EFFECT_PERMANENT,
     STEP_EFFECT_PERMANENT, 0, "invite it"},
    {200, "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"chat:write\"}", NULL,
     STEP_EFFECT_PERMANENT, STEP_EFFECT_PERMANENT, 0, "lacks the scope chat:write"},
    {200, "{\"ok\":false,\"error\":\"internal_error\"}", NULL, STEP_EFFECT_UNSURE,
     STEP_EFFECT_RETRY, 0, "internal_error"},
    {200, "{\"ok\":false,\"error\":\"new<!here>\\u0007\"}", NULL, STEP_EFFECT_PERMANENT,
     STEP_EFFECT_PERMANENT, 0, "new??here??: see Slack"},
    {200, "{\"ok\":false}", NULL, STEP_EFFECT_PERMANENT, STEP_EFFECT_PERMANENT, 0, "no error"},
    {200, "<html>", NULL, STEP_EFFECT_UNSURE, STEP_EFFECT_RETRY, 0, "slack_api_url"},
    {200, "[]", NULL, STEP_EFFECT_UNSURE, STEP_EFFECT_RETRY, 0, "slack_api_url"},
    {200, "{\"ok\":\"yes\"}", NULL, STEP_EFFECT_UNSURE, STEP_EFFECT_RETRY, 0, "slack_api_url"},
    {503, "", "Retry-After: 5\r\n", STEP_EFFECT_UNSURE, STEP_EFFECT_RETRY, 5000, "503"},
    {404, "", NULL, STEP_EFFECT_PERMANENT, STEP_EFFECT_PERMANENT, 0, "slack_api_url"},
    {302, "", "Location: http://127.0.0.1:1/\r\n", STEP_EFFECT_PERMANENT, STEP_EFFECT_PERMANENT, 0,
     "302"},
    {0, "", NULL, STEP_EFFECT_UNSURE, STEP_EFFECT_RETRY, 0, "chat."},
};

static void
s_check_answer (const mail_effect_done_t *end, const answer_t *answer, step_effect_result_t result)
{
    if (end->result != result || end->retry_after_ms != answer->retry_after_ms
        || !strstr (end->error, answer->says))
        fail_msg ("%d %s: %d after %d ms, %s", answer->code, answer->body, (int) end->result,
                  (int) end->retry_after_ms, end->error);
    assert_int_equal (end->unreached, !answer->code);
    assert_int_equal (end->down, answer->code == 429 || answer->code == 503
                                     || strstr (answer->body, "ratelimited") != NULL);
}

static void
test_each_answer_is_judged (void **state)
{
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof s_answers / sizeof s_answers [0]; i++) {
        const answer_t *answer = &s_answers [i];
        const slack_peer_turn_t turn = {"/api/chat.postMessage", answer->code, answer->body,
                                        answer->more};
        s_alert (self, 100 + i);
        mail_effect_done_t end = s_play (self, &turn, 1);
        s_check_answer (&end, answer, answer->post);
        //  A row without a ts: the message is in doubt.
        assert_string_equal (end.message.key,
                             answer->post == STEP_EFFECT_UNSURE ? self->effect.key : "");
        assert_string_equal (end.message.ts, "");
    }
    s_alert (self, 1);
    self->effect.unsure = false;
    mail_effect_done_t end = PLAY (self, POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    for (size_t i = 0; i < sizeof s_answers / sizeof s_answers [0]; i++) {
        const answer_t *answer = &s_answers [i];
        const slack_peer_turn_t turn = {"/api/chat.update", answer->code, answer->body,
                                        answer->more};
        s_count (self, 100 + (int64_t) i);
        end = s_play (self, &turn, 1);
        s_check_answer (&end, answer, answer->update);
        assert_string_equal (end.message.ts, TS);
    }
}

static void
test_nobody_listens (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t end;
    snprintf (self->url, sizeof self->url, "http://127.0.0.1:1/api");
    notify_begin (self->notify, &self->effect);
    while (!notify_ended (self->notify, &end))
        http_poll (self->http, -1, notify_wait_ms (self->notify, 1000));
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_true (end.unreached);
}


//  --- doubt

#define MINE(since)                                                                                \
    "{\"ts\":\"" TS "\",\"metadata\":{\"event_type\":\"k8s_triage_incident\",\"event_payload\":{"  \
    "\"alert\":\"degraded/1\",\"since\":" since ",\"part\":\"message\"}}}"
#define NEXT "\"response_metadata\":{\"next_cursor\":\"a b/+=&\"}"

static void
test_a_message_in_doubt_is_looked_for_before_it_is_posted (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t end = PLAY (self, UNANSWERED ("chat.postMessage"));
    assert_int_equal (end.result, STEP_EFFECT_UNSURE);
    //  Another's, an older one, one without a ts; then its own, on the next page.
    end = PLAY (self,
                OK ("conversations.history",
                    "\"messages\":[7,{\"ts\":\"1.1\"}," MINE ("1") "],\"has_more\":true," NEXT),
                OK ("conversations.history", "\"messages\":[" MINE ("1000000") "]"), UPDATED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_string_equal (end.message.ts, TS);
    assert_true (s_has (self, 0, "channel=" CHANNEL "&oldest=700.000000&limit=100"));
    assert_true (s_has (self, 0, "include_all_metadata=true"));
    assert_true (s_has (self, 1, "&cursor=a%20b%2F%2B%3D%26"));
}

//  An effect that died in doubt is followed by another one, which knows nothing of it.
static void
test_doubt_outlives_the_effect (void **state)
{
    fixture_t *self = *state;
    (void) PLAY (self, UNANSWERED ("chat.postMessage"));
    mail_effect_done_t end = PLAY (self, NO ("conversations.history", "invalid_auth"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    self->effect.unsure = false;
    end = PLAY (self, OK ("conversations.history", "\"messages\":[" MINE ("1000000") "]"), UPDATED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    self->effect.unsure = false;
    end = s_play (self, NULL, 0);
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_message_that_is_not_there_is_posted (void **state)
{
    fixture_t *self = *state;
    self->effect.unsure = true;
    mail_effect_done_t end =
        PLAY (self, OK ("conversations.history", "\"messages\":[" MINE ("5") "]"), POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_false (s_has (self, 1, "may be a repeat"));
}

static void
test_a_history_that_cannot_be_read_makes_the_message_say_so (void **state)
{
    fixture_t *self = *state;
    self->effect.unsure = true;
    const slack_peer_turn_t refused = {"/api/conversations.history", 200,
                                       "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":"
                                       "\"channels:history\"}",
                                       NULL};
    mail_effect_done_t end = PLAY (self, refused, POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_true (s_has (self, 1, "may be a repeat"));
    end = s_play (self, NULL, 0); //  what it shows counts without the mark
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_history_without_end_is_read_so_far (void **state)
{
    fixture_t *self = *state;
    self->effect.unsure = true;
    slack_peer_turn_t script [LIMIT_SLACK_PAGES + 1];
    const slack_peer_turn_t page = OK ("conversations.history", "\"messages\":[]," NEXT),
                            post = POSTED;
    for (size_t i = 0; i < LIMIT_SLACK_PAGES; i++)
        script [i] = page;
    script [LIMIT_SLACK_PAGES] = post;
    const mail_effect_done_t end = s_play (self, script, LIMIT_SLACK_PAGES + 1);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_true (s_has (self, LIMIT_SLACK_PAGES, "may be a repeat"));
}


//  --- another way

static void
test_a_message_that_is_gone_is_posted_anew_once (void **state)
{
    static const char *const errors [] = {"message_not_found", "cant_update_message",
                                          "edit_window_closed"};
    fixture_t *self = *state;
    mail_effect_done_t end = PLAY (self, POSTED);
    for (size_t i = 0; i < sizeof errors / sizeof errors [0]; i++) {
        char body [128];
        snprintf (body, sizeof body, "{\"ok\":false,\"error\":\"%s\"}", errors [i]);
        s_count (self, 10 + (int64_t) i);
        end = PLAY (self, {"/api/chat.update", 200, body, NULL},
                    OK ("chat.postMessage", "\"ts\":\"1999999999.5\""));
        assert_int_equal (end.result, STEP_EFFECT_OK);
        assert_string_equal (end.message.ts, "1999999999.5");
    }
    s_count (self, 20);
    end = PLAY (self, NO ("chat.update", "message_not_found"),
                NO ("chat.postMessage", "thread_not_found"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_string_equal (end.message.ts, "");
}

static void
test_a_form_that_is_refused_goes_as_plain_text_once (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t end = PLAY (self, NO ("chat.postMessage", "invalid_blocks"), POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_true (s_has (self, 0, "Failure Count"));
    assert_false (s_has (self, 1, "Failure Count"));
    assert_true (s_has (self, 1, "\"text\":\"AI Agent System Degraded"));
    end = s_play (self, NULL, 0);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    s_count (self, 4);
    end = PLAY (self, NO ("chat.update", "msg_too_long"), NO ("chat.update", "invalid_blocks"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_true (s_has (self, 1, "\"blocks\":[]") && s_has (self, 1, "\"attachments\":[]"));
}

static void
test_a_channel_that_is_gone_gives_way_to_the_configured_one (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t end = PLAY (self, POSTED);
    self->world.settings.slack_channel = "C0987654321";
    s_count (self, 4);
    end = PLAY (self, UPDATED); //  it stays where it is
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_true (s_has (self, 0, "\"channel\":\"" CHANNEL "\""));
    s_count (self, 5);
    end = PLAY (self, NO ("chat.update", "is_archived"),
                OK ("chat.postMessage", "\"ts\":\"1999999999.5\""));
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_string_equal (end.message.channel, "C0987654321");
}

static void
test_a_message_stands_where_it_was_posted_whatever_is_configured_since (void **state)
{
    fixture_t *self = *state;
    self->moves = "C9999999999";
    assert_string_equal (PLAY (self, POSTED).message.channel, CHANNEL);
    s_count (self, 4);
    assert_int_equal (PLAY (self, UPDATED).result, STEP_EFFECT_OK);
    assert_true (s_has (self, 0, "\"channel\":\"" CHANNEL "\""));
}

//  The answer comes when the bot is gone: it counts, and the bot that comes back knows it.
static void
test_what_is_posted_while_the_bot_is_removed_is_not_posted_again (void **state)
{
    fixture_t *self = *state;
    self->forgets = true;
    mail_effect_done_t end = PLAY (self, POSTED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_string_equal (end.message.ts, TS);
    self->other = true; //  a webhook takes its place
    s_count (self, 4);
    assert_int_equal (PLAY (self, UPDATED).result, STEP_EFFECT_OK);
    self->forgets = false;
    assert_int_equal (s_play (self, NULL, 0).result, STEP_EFFECT_OK);
}

//  No answer, or more to do: nothing more is called, and what is known is kept.
static void
test_a_bot_that_is_removed_makes_no_further_call (void **state)
{
    fixture_t *self = *state;
    self->forgets = true;
    mail_effect_done_t end = PLAY (self, UNANSWERED ("chat.postMessage"));
    assert_int_equal (end.result, STEP_EFFECT_UNSURE);
    assert_string_equal (end.message.key, self->effect.key); //  in doubt
    end = PLAY (self, OK ("conversations.history", "\"messages\":[" MINE ("1000000") "]"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_string_equal (end.error, "receiver slack is not configured");
    assert_string_equal (end.message.ts, TS);
    end = PLAY (self, NO ("chat.update", "cant_update_message"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_string_equal (end.message.ts, TS);
    self->forgets = false;
    assert_int_equal (PLAY (self, UPDATED).result, STEP_EFFECT_OK);
}

static void
test_what_is_over_answers_in_the_thread_and_in_the_channel (void **state)
{
    fixture_t *self = *state;
    (void) PLAY (self, POSTED);
    step_write_t write = {.kind = STEP_WRITE_ALERT};
    write.as.alert = (row_alert_t){.key = "recovered/1", .count = 3, .first_ms = 1, .last_ms = 2};
    s_write (self, &write);
    snprintf (self->effect.key, sizeof self->effect.key, "recovered/1");
    const mail_effect_done_t end = PLAY (self, OK ("chat.postMessage", "\"ts\":\"1999999999.5\""));
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_true (s_has (self, 0, "\"thread_ts\":\"" TS "\",\"reply_broadcast\":true"));
}


//  --- the thread of an incident

#define REPORT "# Report\n\n## Root Cause\nThe limit is too low.\n"
#define SHARED OK ("files.completeUploadExternal", "\"files\":[{\"id\":\"F1\"}]")
#define UPLOADED                                                                                   \
    {                                                                                              \
        "/upload/v1/x?y=1", 200, "OK - 49", NULL                                                   \
    }

static void
s_reported (fixture_t *self)
{
    world_t *world = &self->world;
    world_attempt (world, 1, ROW_ATTEMPT_ENDED, VERDICT_SUCCESS, "local:a");
    world_seal (world, 1, (const char *const [2]){"output/investigation.md", "logs/agent.log"},
                (const char *const [2]){REPORT, "a log"});
    world->incident.state = INCIDENT_REPORTED;
    world->incident.winner = 1;
    world_save (world);
    self->effect.incident = world->incident.id;
    snprintf (self->effect.key, sizeof self->effect.key, "incident/%s", world->incident.id.text);
}

#define URL(scheme)                                                                                \
    OK ("files.getUploadURLExternal",                                                              \
        "\"file_id\":\"F1\",\"upload_url\":\"" scheme "127.0.0.1:PORT/upload/v1/x?y=1\"")

static void
test_a_report_has_its_detail_and_its_file_in_the_thread (void **state)
{
    fixture_t *self = *state;
    s_reported (self);
    mail_effect_done_t end = PLAY (self, POSTED, POSTED, URL ("http://"), UPLOADED, SHARED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_int_equal (end.message.parts, ROW_PART_DETAIL | ROW_PART_FILE);
    assert_true (s_has (self, 0, "\"part\":\"message\""));
    assert_true (s_has (self, 1, "\"part\":\"detail\""));
    assert_true (s_has (self, 1, "\"thread_ts\":\"" TS "\""));
    char length [64];
    snprintf (length, sizeof length, "%s.md&length=%zu", self->world.incident.id.text,
              strlen (REPORT));
    assert_true (s_has (self, 2, length));
    assert_true (s_has (self, 3, "\r\n\r\n" REPORT));
    assert_false (s_has (self, 3, "SECRET")); //  the URL is another server's
    assert_true (s_has (self, 4, "\"channel_id\":\"" CHANNEL "\",\"thread_ts\":\"" TS "\""));
    end = s_play (self, NULL, 0);
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_try_goes_on_where_the_last_one_ended (void **state)
{
    fixture_t *self = *state;
    s_reported (self);
    mail_effect_done_t end = PLAY (self, POSTED, NO ("chat.postMessage", "ratelimited"));
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_string_equal (end.message.ts, TS);
    end = PLAY (self, POSTED, URL ("http://"), {"/upload/v1/x?y=1", 500, "", NULL});
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    assert_int_equal (end.message.parts, ROW_PART_DETAIL);
    end = PLAY (self, URL ("http://"), {"/upload/v1/x?y=1", 404, "gone", NULL});
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
    end = PLAY (self, URL ("http://"), UPLOADED, UNANSWERED ("files.completeUploadExternal"));
    assert_int_equal (end.result, STEP_EFFECT_UNSURE);
    char found [256];
    snprintf (found, sizeof found,
              "{\"ok\":true,\"messages\":[{\"ts\":\"2.2\",\"files\":[{\"name\":"
              "\"investigation-%s.md\"}]}]}",
              self->world.incident.id.text);
    end = PLAY (self, {"/api/conversations.replies", 200, found, NULL});
    assert_int_equal (end.result, STEP_EFFECT_OK);
    assert_int_equal (end.message.parts, ROW_PART_DETAIL | ROW_PART_FILE);
    assert_true (s_has (self, 0, "&ts=" TS));
}

static void
test_a_server_that_takes_no_file_holds_up_no_other_message (void **state)
{
    fixture_t *self = *state;
    static const int codes [] = {500, 0, 403, 429};
    s_reported (self);
    (void) PLAY (self, POSTED, POSTED, NO ("files.getUploadURLExternal", "ratelimited"));
    for (size_t i = 0; i < 4; i++) {
        self->effect.tries = (int64_t) i;
        const mail_effect_done_t end =
            PLAY (self, URL ("http://"), {"/upload/v1/x?y=1", codes [i], "", NULL});
        assert_int_equal (end.result, i == 2 ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY);
        assert_int_equal (end.message.parts, ROW_PART_DETAIL);
    }
}

static void
test_a_detail_in_doubt_is_looked_for_in_the_thread (void **state)
{
    fixture_t *self = *state;
    s_reported (self);
    mail_effect_done_t end = PLAY (self, POSTED, UNANSWERED ("chat.postMessage"));
    assert_int_equal (end.result, STEP_EFFECT_UNSURE);
    self->effect.unsure = false; //  that effect is dead, and another follows
    char found [512];
    snprintf (found, sizeof found,
              "{\"ok\":true,\"messages\":[{\"ts\":\"2.2\",\"metadata\":{\"event_type\":"
              "\"k8s_triage_incident\",\"event_payload\":{\"incident\":\"%s\",\"part\":"
              "\"detail\"}}}]}",
              self->world.incident.id.text);
    end = PLAY (self, {"/api/conversations.replies", 200, found, NULL}, URL ("http://"), UPLOADED,
                SHARED);
    assert_int_equal (end.result, STEP_EFFECT_OK);
}

static void
test_a_report_is_sent_to_no_odd_url (void **state)
{
    fixture_t *self = *state;
    s_reported (self);
    mail_effect_done_t end = PLAY (self, POSTED, POSTED, URL ("ftp://"));
    assert_int_equal (end.result, STEP_EFFECT_PERMANENT);
    assert_non_null (strstr (end.error, "no https URL"));
    assert_int_equal (end.message.parts, ROW_PART_DETAIL);
    end = PLAY (self, OK ("files.getUploadURLExternal", "\"file_id\":\"F1\""));
    assert_int_equal (end.result, STEP_EFFECT_RETRY);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_message_is_posted_then_edited_and_an_equal_one_is_not_sent),
        TEST (test_each_answer_is_judged),
        TEST (test_nobody_listens),
        TEST (test_a_message_in_doubt_is_looked_for_before_it_is_posted),
        TEST (test_doubt_outlives_the_effect),
        TEST (test_a_message_that_is_not_there_is_posted),
        TEST (test_a_history_that_cannot_be_read_makes_the_message_say_so),
        TEST (test_a_history_without_end_is_read_so_far),
        TEST (test_a_message_that_is_gone_is_posted_anew_once),
        TEST (test_a_form_that_is_refused_goes_as_plain_text_once),
        TEST (test_a_channel_that_is_gone_gives_way_to_the_configured_one),
        TEST (test_a_message_stands_where_it_was_posted_whatever_is_configured_since),
        TEST (test_what_is_posted_while_the_bot_is_removed_is_not_posted_again),
        TEST (test_a_bot_that_is_removed_makes_no_further_call),
        TEST (test_what_is_over_answers_in_the_thread_and_in_the_channel),
        TEST (test_a_report_has_its_detail_and_its_file_in_the_thread),
        TEST (test_a_try_goes_on_where_the_last_one_ended),
        TEST (test_a_server_that_takes_no_file_holds_up_no_other_message),
        TEST (test_a_detail_in_doubt_is_looked_for_in_the_thread),
        TEST (test_a_report_is_sent_to_no_odd_url),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
