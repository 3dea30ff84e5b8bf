//  Tests of broker/intake/intake against a real server on the official TypeScript SDK.  The test
//  plays the loop.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/base/blob.h"
#include "broker/intake/intake.h"
#include "broker/intake/intake_mark.h"
#include "broker/intake/intake_queue.h"
#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/net/http.h"
#include "tests/unit/broker/config.h"
#include "tests/unit/broker/intake/faults_server.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WAIT_MS = 15000, MAILS = 512 };

typedef struct {
    faults_server_t server;
    char folder [64], state_path [128], url [128];
    settings_t settings;
    mailbox_t *loop;
    intake_t *intake;
    clk_t *clk;
    http_t *http;
    //  mails that the loop received
    mail_t *mails [MAILS];
    size_t count;
    int refuse; //  number of events to refuse first
} s_world_t;


//  --- the loop's part

//  Take all mail and answer events as the loop would.
static void
s_hear (s_world_t *self, int64_t wait_ms)
{
    struct pollfd fd = {.fd = mailbox_fd (self->loop), .events = POLLIN};
    (void) poll (&fd, 1, (int) wait_ms);
    mail_t *mail;
    while ((mail = mailbox_recv (self->loop)) != NULL) {
        if (mail->kind == MAIL_EVENT) {
            own (mail_destroy) mail_t *reply = mail_new (MAIL_REPLY);
            reply->as.reply.cookie = mail->as.event.cookie;
            reply->as.reply.accepted = self->refuse == 0;
            reply->as.reply.retry_ms = 20;
            assert_int_equal (mailbox_send (mail->as.event.reply, &reply), 0);
            if (self->refuse > 0) {
                self->refuse--;
                mail_destroy (&mail);
                continue;
            }
        }
        assert_true (self->count < MAILS);
        self->mails [self->count++] = mail;
    }
}

static size_t
s_events (const s_world_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->mails [i]->kind == MAIL_EVENT;
    return count;
}

static const mail_t *
s_event (const s_world_t *self, size_t number)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->mails [i]->kind == MAIL_EVENT && number-- == 0)
            return self->mails [i];
    }
    fail_msg ("no such event");
    abort (); //  not reached, but gcc cannot know
}

static size_t
s_notices (const s_world_t *self, const char *change)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->mails [i]->kind == MAIL_SOURCE
                 && strcmp (self->mails [i]->as.source.change, change) == 0;
    return count;
}

static void
s_wait_events (s_world_t *self, size_t count)
{
    int64_t end = clk_now (self->clk).boot_ms + WAIT_MS;
    while (s_events (self) < count && clk_now (self->clk).boot_ms < end)
        s_hear (self, 100);
    assert_int_equal (s_events (self), count);
}

static void
s_wait_notices (s_world_t *self, const char *change, size_t count)
{
    int64_t end = clk_now (self->clk).boot_ms + WAIT_MS;
    while (s_notices (self, change) < count && clk_now (self->clk).boot_ms < end)
        s_hear (self, 100);
    assert_int_equal (s_notices (self, change), count);
}

static void
s_start (s_world_t *self)
{
    err_diag_t diag = {""};
    self->intake = intake_new (&self->settings, self->loop, &diag);
    assert_non_null (self->intake);
}

static void
s_forget_mails (s_world_t *self)
{
    while (self->count > 0)
        mail_destroy (&self->mails [--self->count]);
}

static int
s_setup (void **state, const char *extra)
{
    s_world_t *self = calloc (1, sizeof (s_world_t));
    *state = self;
    self->clk = clk_new ();
    self->http = http_new ();
    self->loop = mailbox_new (64, mail_item_destroy); //  small, so that it is full at times
    snprintf (self->folder, sizeof self->folder, "/tmp/test-intake-XXXXXX");
    assert_non_null (mkdtemp (self->folder));
    snprintf (self->state_path, sizeof self->state_path, "%s/broker.db", self->folder);
    self->server.http = self->http;
    faults_server_start (&self->server, extra);
    snprintf (self->url, sizeof self->url, "http://%s", self->server.address);
    self->settings.mcp_endpoint = self->url;
    self->settings.state_path = self->state_path;
    self->settings.sse_reconnect_initial_backoff_ms = 50;
    self->settings.sse_reconnect_max_backoff_ms = 400;
    return 0;
}

static int
setup (void **state)
{
    return s_setup (state, NULL);
}

static int
setup_without_tools (void **state)
{
    return s_setup (state, "NO_TOOLS=1");
}

static int
teardown (void **state)
{
    s_world_t *self = *state;
    intake_destroy (&self->intake);
    kill (self->server.pid, SIGKILL);
    waitpid (self->server.pid, NULL, 0);
    s_forget_mails (self);
    mailbox_destroy (&self->loop);
    http_destroy (&self->http);
    clk_destroy (&self->clk);
    char *argv [] = {(char []){"rm"}, (char []){"-rf"}, self->folder, NULL};
    pid_t pid = 0;
    if (posix_spawnp (&pid, "rm", NULL, NULL, argv, environ) == 0)
        waitpid (pid, NULL, 0);
    free (self);
    return 0;
}


//  --- tests

static void
test_a_fault_reaches_the_loop_with_its_fields (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    json_decref (faults_server_control (&self->server, "fault",
                                        "{\"faultType\":\"JobFailure\",\"extra\":[1,2]}"));
    s_wait_events (self, 1);
    const mail_t *mail = s_event (self, 0);
    assert_string_equal (mail->as.event.fault.fault_type, "JobFailure");
    assert_string_equal (mail->as.event.fault.name, "web-0");
    assert_string_equal (mail->as.event.fault.cluster, "kind-test");
    assert_string_equal (mail->as.event.row.source, "mcp:default");
    intake_source_t source = {0}; //  without a name of its own, its name is the cluster's
    const int64_t end = clk_now (self->clk).boot_ms + WAIT_MS;
    while (strcmp (source.cluster, "kind-test") != 0 && clk_now (self->clk).boot_ms < end) {
        s_hear (self, 20);
        assert_int_equal (intake_sources (self->intake, &source, 1), 1);
    }
    assert_string_equal (source.cluster, "kind-test");
    assert_int_equal (strlen (mail->as.event.row.event_id), 64);
    assert_ptr_equal (mail->as.event.row.body, mail->as.event.body);
    assert_non_null (strstr (mail->as.event.body, "\"extra\":[1,2]"));
    assert_int_equal (faults_server_state (&self->server, "subscribe"), 1);
    assert_int_equal (s_notices (self, "gap"), 0);
}

static void
test_a_burst_larger_than_the_mailbox_arrives_whole_in_spite_of_refusals (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    buf_t list = buf_init (LIMIT_MIB (1));
    buf_text (&list, "[");
    for (int i = 0; i < 300; i++)
        buf_printf (&list, "%s{\"faultId\":\"f%d\"}", i ? "," : "", i);
    buf_text (&list, "]");
    self->refuse = 40;
    json_decref (faults_server_control (&self->server, "fault", list.data));
    buf_fini (&list);
    s_wait_events (self, 300);
    bool seen [300] = {0};
    for (size_t i = 0; i < 300; i++) {
        int number = -1;
        assert_int_equal (sscanf (s_event (self, i)->as.event.fault.fault_id, "f%d", &number), 1);
        assert_false (seen [number]);
        seen [number] = true;
    }
}

static void
test_a_cut_stream_is_opened_again_and_the_gap_is_told (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    json_decref (faults_server_control (&self->server, "cut", "null"));
    s_wait_notices (self, "connected", 2);
    assert_int_equal (s_notices (self, "lost"), 1);
    s_wait_notices (self, "gap", 1);
    json_decref (faults_server_control (&self->server, "fault", "{}"));
    s_wait_events (self, 1);
    assert_int_equal (faults_server_state (&self->server, "initialize"), 1);
}

static void
test_a_forgotten_session_is_made_anew_once (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    json_decref (faults_server_control (&self->server, "drop", "null"));
    s_wait_notices (self, "connected", 2);
    s_wait_notices (self, "gap", 1);
    json_decref (faults_server_control (&self->server, "fault", "{}"));
    s_wait_events (self, 1);
    assert_int_equal (faults_server_state (&self->server, "initialize"), 2);
}

static void
test_a_subscription_lost_while_the_stream_was_away_is_made_again (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    json_decref (faults_server_control (&self->server, "unsubscribe", "null"));
    json_decref (faults_server_control (&self->server, "cut", "null"));
    s_wait_notices (self, "connected", 2);
    assert_int_equal (faults_server_state (&self->server, "subscribe"), 2);
    assert_int_equal (faults_server_state (&self->server, "initialize"), 1);
}

static void
test_a_server_ping_is_answered (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    own (json_drop) json_t *doc = faults_server_control (&self->server, "ping", "null");
    assert_int_equal (json_member_int (doc, "answered", 0), 1);
}

static void
test_the_session_is_deleted_at_the_end (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    intake_destroy (&self->intake);
    assert_int_equal (faults_server_state (&self->server, "deleted"), 1);
}

static void
test_the_session_of_a_killed_broker_is_deleted_by_the_next (void **state)
{
    s_world_t *self = *state;
    pid_t pid = fork ();
    if (pid == 0) {
        s_start (self);
        while (s_notices (self, "connected") == 0)
            s_hear (self, 100);
        kill (getpid (), SIGKILL);
    }
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    assert_int_equal (faults_server_state (&self->server, "initialize"), 1);
    s_start (self);
    s_wait_notices (self, "connected", 1);
    assert_int_equal (faults_server_state (&self->server, "initialize"), 2);
    assert_int_equal (faults_server_state (&self->server, "deleted"), 1);
    own (json_drop) json_t *doc = faults_server_control (&self->server, "state", "null");
    assert_int_equal (json_array_size (json_object_get (doc, "sessions")), 1);
}

static intake_mark_t
s_mark (s_world_t *self)
{
    char name [DIGEST_HEX], dir [128], url [160];
    intake_mark_t mark = {0};
    snprintf (url, sizeof url, "%s/mcp", self->url);
    intake_mark_name ("", url, name);
    snprintf (dir, sizeof dir, "%s/mcp-sessions", self->folder);
    assert_int_equal (intake_mark_read (dir, name, &mark), 0);
    return mark;
}

static void
test_the_time_between_two_lives_is_a_gap_and_the_first_has_none (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    assert_int_equal (s_notices (self, "gap"), 0);
    intake_destroy (&self->intake);
    const int64_t stopped_ms = clk_now (self->clk).wall_ms;
    intake_mark_t mark = s_mark (self);
    assert_string_equal (mark.session, "");
    assert_in_range (mark.until_ms, 1, stopped_ms);
    s_start (self);
    s_wait_notices (self, "connected", 2);
    s_wait_notices (self, "gap", 1);
}

//  Otherwise the gap after a kill would begin before this one.
static void
test_a_source_that_is_followed_again_is_known_from_there_on (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    const int64_t cut_ms = clk_now (self->clk).wall_ms;
    json_decref (faults_server_control (&self->server, "cut", "null"));
    s_wait_notices (self, "connected", 2);
    const int64_t end = cut_ms + LIMIT_MARK_MS / 2;
    while (s_mark (self).until_ms < cut_ms && clk_now (self->clk).wall_ms < end)
        s_hear (self, 20);
    assert_true (s_mark (self).until_ms >= cut_ms);
}

//  Time of the last event, wall clock.
static int64_t
s_last_event (s_world_t *self)
{
    intake_source_t source = {0};
    return intake_sources (self->intake, &source, 1) > 0 ? source.last_event_ms : 0;
}

//  Events offered by a destroyed intake must not be answered any more.
static void
s_drop_offers (s_world_t *self)
{
    mail_t *mail;
    while ((mail = mailbox_recv (self->loop)) != NULL)
        mail_destroy (&mail);
}

//  Received but never committed: the next gap begins before it.
static void
test_events_left_at_the_end_are_in_the_next_gap (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    self->refuse = MAILS;
    json_decref (faults_server_control (&self->server, "fault", "{}"));
    while (self->refuse == MAILS)
        s_hear (self, 100);
    const int64_t received_ms = clk_now (self->clk).wall_ms;
    poll (NULL, 0, 50); //  later events are newer than that one
    json_decref (faults_server_control (&self->server, "fault", "{\"faultId\":\"other\"}"));
    const int64_t end = received_ms + WAIT_MS;
    while (clk_now (self->clk).wall_ms < end && s_last_event (self) <= received_ms)
        s_hear (self, 20);
    assert_true (s_last_event (self) > received_ms);
    intake_destroy (&self->intake);
    s_drop_offers (self);
    assert_true (s_mark (self).until_ms <= received_ms);
    self->refuse = 0;
    s_start (self);
    s_wait_notices (self, "gap", 1);
}

static void
test_a_source_that_is_no_longer_configured_has_no_gap_later (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    const char *const nothing [] = {NULL}, *const again [] = {"--mcp-endpoint", self->url, NULL};
    config_send (intake_inbox (self->intake), nothing, NULL);
    intake_source_t source;
    int64_t end = clk_now (self->clk).boot_ms + WAIT_MS;
    while (intake_sources (self->intake, &source, 1) > 0 && clk_now (self->clk).boot_ms < end)
        s_hear (self, 20);
    config_send (intake_inbox (self->intake), again, NULL);
    s_wait_notices (self, "connected", 2);
    assert_int_equal (s_notices (self, "gap"), 0);
}

static void
test_a_damaged_mark_is_told_apart_from_none (void **state)
{
    s_world_t *self = *state;
    intake_mark_t mark = {.until_ms = 7, .session = "old"}, found = {0};
    assert_int_equal (intake_mark_read (self->folder, "x", &found), ERR_NONE);
    assert_int_equal (intake_mark_write (self->folder, "x", &mark), 0);
    assert_int_equal (intake_mark_read (self->folder, "x", &found), 0);
    assert_int_equal (found.until_ms, 7);
    assert_string_equal (found.session, "old");
    static const char *const bad [] = {"",       "x",     "7",
                                       "-1 old", "old 7", "99999999999999999999999 x"};
    snprintf (mark.cluster, sizeof mark.cluster, "edge berlin");
    assert_int_equal (intake_mark_write (self->folder, "y", &mark), 0);
    assert_int_equal (intake_mark_read (self->folder, "y", &found), 0);
    assert_string_equal (found.session, "old");
    assert_string_equal (found.cluster, "edge berlin");
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        assert_int_equal (blob_write (self->folder, "x", bad [i], strlen (bad [i]), "session"), 0);
        assert_int_equal (intake_mark_read (self->folder, "x", &found), ERR_PROTO);
    }
    char large [2000];
    memset (large, 'x', sizeof large);
    memcpy (large, "7 ", 2);
    assert_int_equal (blob_write (self->folder, "x", large, 1100, "session"), 0);
    assert_true (intake_mark_read (self->folder, "x", &found) < 0);
    intake_mark_drop (self->folder, "x");
    assert_int_equal (intake_mark_read (self->folder, "x", &found), ERR_NONE);
}

static void
test_a_server_without_event_tools_is_unsupported (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "unsupported", 1);
    assert_int_equal (s_notices (self, "connected"), 0);
}

static void
test_a_large_body_is_a_file_beside_the_store (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    buf_t body = buf_init (LIMIT_MIB (2));
    buf_text (&body, "{\"context\":\"");
    for (int i = 0; i < 1024; i++)
        buf_printf (&body, "%0512d", i);
    buf_text (&body, "\"}");
    json_decref (faults_server_control (&self->server, "fault", body.data));
    buf_fini (&body);
    s_wait_events (self, 1);
    const mail_t *mail = s_event (self, 0);
    assert_null (mail->as.event.body);
    assert_int_equal (strlen (mail->as.event.row.body_sha), 64);
    char path [256];
    snprintf (path, sizeof path, "%s/events/%s.json", self->folder, mail->as.event.row.body_sha);
    buf_t file = buf_init (LIMIT_MIB (2));
    assert_int_equal (buf_read_file (&file, path), 0);
    assert_int_equal (file.size, mail->as.event.row.body_bytes);
    buf_fini (&file);
}

//  Refused, its file removed meanwhile, offered again: the file exists when the row names it.
static void
test_a_large_body_is_written_again_when_its_file_is_gone (void **state)
{
    s_world_t *self = *state;
    intake_queue_t *queue = intake_queue_new (self->state_path);
    mailbox_t *reply = mailbox_new (1, mail_item_destroy);
    const size_t size = LIMIT_EVENT_INLINE_BYTES + 1;
    own (own_mem) char *body = malloc (size);
    memset (body, ' ', size);
    fault_t fault;
    fault_read (body, size, "x", &fault);
    assert_true (intake_queue_event (queue, "mcp:x", &fault, true, body, size, 1000));
    for (int round = 0; round < 2; round++) {
        (void) intake_queue_offer (queue, self->loop, reply, 1000 * round);
        own (mail_destroy) mail_t *mail = mailbox_recv (self->loop);
        assert_non_null (mail);
        assert_null (mail->as.event.body);
        char path [256];
        blob_event_path (self->state_path, mail->as.event.row.body_sha, path, sizeof path);
        assert_int_equal (unlink (path), 0);
        intake_queue_reply (queue, mail->as.event.cookie, round == 1, 20, 1000 * round);
    }
    assert_int_equal (intake_queue_count (queue), 0);
    intake_queue_destroy (&queue);
    mailbox_destroy (&reply);
}

static void
test_an_odd_event_is_unparsed_and_kept (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    json_decref (faults_server_control (&self->server, "fault", "{\"_raw\":\"only text\"}"));
    s_wait_events (self, 1);
    assert_false (s_event (self, 0)->as.event.fault.parsed);
    assert_string_equal (s_event (self, 0)->as.event.body, "\"only text\"");
}

static void
test_an_event_over_the_limit_is_a_counted_gap (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    static const char head [] = "{\"context\":\"";
    const size_t size = (size_t) LIMIT_EVENT_BYTES + LIMIT_MIB (1);
    own (own_mem) char *body = malloc (size);
    memset (body, 'x', size);
    memcpy (body, head, sizeof head - 1);
    memcpy (body + size - 3, "\"}", 3);
    json_decref (faults_server_control (&self->server, "fault", body));
    s_wait_notices (self, "gap", 1);
    json_decref (faults_server_control (&self->server, "fault", "{}"));
    s_wait_events (self, 1);
    intake_source_t source;
    assert_int_equal (intake_sources (self->intake, &source, 1), 1);
    assert_int_equal (source.gaps_total, 1);
    assert_int_equal (source.dropped_total, 1);
}

static void
test_configure_removes_and_adds_a_source (void **state)
{
    s_world_t *self = *state;
    s_start (self);
    s_wait_notices (self, "connected", 1);
    const char *const events [] = {"--mcp-endpoint", self->url, "--subscribe-mode", "events", NULL};
    config_send (intake_inbox (self->intake), events, NULL);
    s_wait_notices (self, "connected", 2);
    own (json_drop) json_t *doc = faults_server_control (&self->server, "state", "null");
    const json_t *sessions = json_object_get (doc, "sessions");
    assert_int_equal (json_array_size (sessions), 1);
    const json_t *subs = json_object_get (json_array_get (sessions, 0), "subscriptions");
    assert_string_equal (json_member_text (json_array_get (subs, 0), "mode", ""), "events");
    assert_int_equal (json_member_int (doc, "deleted", 0), 1);

    const char *const nothing [] = {NULL};
    config_send (intake_inbox (self->intake), nothing, NULL);
    int64_t end = clk_now (self->clk).boot_ms + WAIT_MS;
    while (faults_server_state (&self->server, "deleted") < 2 && clk_now (self->clk).boot_ms < end)
        s_hear (self, 20);
    assert_int_equal (faults_server_state (&self->server, "deleted"), 2);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_fault_reaches_the_loop_with_its_fields, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (
            test_a_burst_larger_than_the_mailbox_arrives_whole_in_spite_of_refusals, setup,
            teardown),
        cmocka_unit_test_setup_teardown (test_a_cut_stream_is_opened_again_and_the_gap_is_told,
                                         setup, teardown),
        cmocka_unit_test_setup_teardown (test_a_forgotten_session_is_made_anew_once, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (
            test_a_subscription_lost_while_the_stream_was_away_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown (test_a_server_ping_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown (test_the_session_is_deleted_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown (test_the_session_of_a_killed_broker_is_deleted_by_the_next,
                                         setup, teardown),
        cmocka_unit_test_setup_teardown (
            test_the_time_between_two_lives_is_a_gap_and_the_first_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown (
            test_a_source_that_is_followed_again_is_known_from_there_on, setup, teardown),
        cmocka_unit_test_setup_teardown (test_events_left_at_the_end_are_in_the_next_gap, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (
            test_a_source_that_is_no_longer_configured_has_no_gap_later, setup, teardown),
        cmocka_unit_test_setup_teardown (test_a_damaged_mark_is_told_apart_from_none, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_server_without_event_tools_is_unsupported,
                                         setup_without_tools, teardown),
        cmocka_unit_test_setup_teardown (test_a_large_body_is_a_file_beside_the_store, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_large_body_is_written_again_when_its_file_is_gone,
                                         setup, teardown),
        cmocka_unit_test_setup_teardown (test_an_odd_event_is_unparsed_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown (test_an_event_over_the_limit_is_a_counted_gap, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_configure_removes_and_adds_a_source, setup, teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
