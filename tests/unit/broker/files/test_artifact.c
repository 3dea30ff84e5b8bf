//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/blob.h"
#include "broker/files/artifact.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/wire/link.h"
#include "tests/unit/broker/config.h"
#include "tests/unit/broker/world.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { S_WAIT_MS = 10000 };

static const char s_body [] = "{\"faultType\":\"CrashLoop\",\"context\":\"It \\\"crashed\\\".\"}";

//  One broker's artifact thread and one worker's link.
typedef struct {
    world_t world;
    mailbox_t *loop;
    artifact_t *artifact;
    link_t *link;
    link_msg_t msg;
    char report [200001];
} fixture_t;

static void
s_start (fixture_t *self)
{
    static const curve_keys_t keys = {0};
    err_diag_t diag = {{0}};
    self->artifact = artifact_new (&self->world.settings, &keys, NULL, self->loop, &diag);
    if (!self->artifact)
        fail_msg ("%s", diag.text);
    self->link = link_connect (LINK_FILES, artifact_endpoint (self->artifact), &keys, &diag);
    assert_non_null (self->link);
    link_set_session (self->link, 7);
}

static void
s_stop (fixture_t *self)
{
    link_destroy (&self->link);
    artifact_destroy (&self->artifact);
}

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    world_init (&self->world, s_body, sizeof s_body - 1);
    world_attempt (&self->world, 1, ROW_ATTEMPT_LIVE, VERDICT_SUCCESS, "local:w");
    self->loop = mailbox_new (16, mail_item_destroy);
    for (size_t i = 0; i < sizeof self->report - 1; i++)
        self->report [i] = (char) ('a' + i % 23);
    s_start (self);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    s_stop (self);
    link_msg_fini (&self->msg);
    mailbox_destroy (&self->loop);
    world_fini (&self->world);
    free (self);
    return 0;
}

//  A new link sends nothing before it is connected.
static void
s_send (fixture_t *self, uint8_t type, const void *from)
{
    int64_t rc = -EAGAIN;
    for (int i = 0; i < S_WAIT_MS && rc == -EAGAIN; i++) {
        rc = link_send (self->link, NULL, type, from, 0);
        if (rc == -EAGAIN)
            poll (NULL, 0, 1);
    }
    assert_true (rc > 0);
}

//  Wait for the next answer; it must be of this type.
static const msg_t *
s_expect (fixture_t *self, uint8_t type)
{
    link_wait_t item = {.link = self->link};
    err_diag_t diag = {{0}};
    int rc = -EAGAIN;
    while (rc == -EAGAIN) {
        assert_int_equal (link_wait (&item, 1, S_WAIT_MS), 1);
        rc = link_recv (self->link, &self->msg, &diag);
    }
    if (rc < 0 || self->msg.frame.type != type)
        fail_msg ("expected %s, got %s (%d, %s)", msg_name (type), msg_name (self->msg.frame.type),
                  rc,
                  self->msg.frame.type == MSG_ERROR ? self->msg.msg.error.text.data : diag.text);
    return &self->msg.msg;
}

static void
s_expect_error (fixture_t *self, const char *code)
{
    const msg_t *msg = s_expect (self, MSG_ERROR);
    if (!codec_is (msg->error.code, code))
        fail_msg ("expected error %s, got %.*s", code, (int) msg->error.code.size,
                  msg->error.code.data);
}

static void
s_put (fixture_t *self, const char *path, int64_t size, int64_t offset, const void *bytes,
       size_t count)
{
    msg_chunk_t put = {.incident = codec_text (self->world.incident.id.text),
                       .attempt = 1,
                       .path = codec_text (path),
                       .offset = offset,
                       .size = size,
                       .bytes = {bytes, count}};
    s_send (self, MSG_PUT, &put);
}

static void
s_expect_go (fixture_t *self, int64_t upto)
{
    assert_int_equal (s_expect (self, MSG_GO)->at.upto, upto);
}

static void
s_put_all (fixture_t *self, const char *path, const char *bytes, size_t size)
{
    s_put (self, path, (int64_t) size, 0, bytes, size);
    s_expect_go (self, (int64_t) size);
}

static void
s_file (verdict_file_t *file, const char *path, const char *bytes, size_t size)
{
    snprintf (file->path, sizeof file->path, "%s", path);
    file->size = (int64_t) size;
    digest_hex (bytes, size, file->sha256);
}

static void
s_seal (fixture_t *self, const verdict_file_t *files, size_t count)
{
    msg_file_t items [LIMIT_ATTEMPT_FILES];
    for (size_t i = 0; i < count; i++)
        items [i] = (msg_file_t){.path = codec_text (files [i].path),
                                 .size = files [i].size,
                                 .sha256 = codec_text (files [i].sha256)};
    msg_seal_t seal = {.incident = codec_text (self->world.incident.id.text),
                       .attempt = 1,
                       .files = {items, count}};
    s_send (self, MSG_SEAL, &seal);
}

static void
s_expect_sealed (fixture_t *self, const char *result)
{
    const msg_t *msg = s_expect (self, MSG_SEALED);
    if (!codec_is (msg->sealed.result, result))
        fail_msg ("expected %s, got %.*s", result, (int) msg->sealed.result.size,
                  msg->sealed.result.data);
}

static mail_t *
s_mail (fixture_t *self)
{
    struct pollfd fd = {.fd = mailbox_fd (self->loop), .events = POLLIN};
    assert_int_equal (poll (&fd, 1, S_WAIT_MS), 1);
    return mailbox_recv (self->loop);
}

//  Send a CHECK and wait for its CHECKED.  Own: fresh.
static mail_t *
s_check (fixture_t *self, verdict_outcome_t outcome, const verdict_file_t *files, size_t count)
{
    mail_t *mail = mail_new (MAIL_CHECK);
    mail->as.check.verdict.kind = STEP_IN_VERDICT;
    mail->as.check.verdict.as.verdict.outcome = outcome;
    mail->as.check.verdict.as.verdict.fence.incident = self->world.incident.id;
    mail->as.check.verdict.as.verdict.fence.attempt = 1;
    for (size_t i = 0; i < count; i++)
        mail->as.check.files [i] = files [i];
    mail->as.check.file_count = count;
    assert_int_equal (mailbox_send (artifact_inbox (self->artifact), &mail), 0);
    mail = s_mail (self);
    assert_int_equal (mail->kind, MAIL_CHECKED);
    return mail;
}

//  Download a whole file.  Own: fresh.
static char *
s_get (fixture_t *self, const char *path)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_MIB (16));
    int64_t size = 1;
    while ((int64_t) text.size < size) {
        msg_at_t get = {.incident = codec_text (self->world.incident.id.text),
                        .attempt = 1,
                        .path = codec_text (path),
                        .upto = (int64_t) text.size};
        s_send (self, MSG_GET, &get);
        const msg_t *msg = s_expect (self, MSG_DATA);
        assert_int_equal (msg->chunk.offset, text.size);
        assert_true (msg->chunk.bytes.size > 0);
        buf_append (&text, msg->chunk.bytes.data, msg->chunk.bytes.size);
        size = msg->chunk.size;
    }
    return buf_take (&text);
}

static const char s_path [] = "output/investigation.md";

static void
test_an_upload_is_stored_sealed_and_checked (void **state)
{
    fixture_t *self = *state;
    verdict_file_t files [2];
    s_file (&files [0], s_path, self->report, 200000);
    s_file (&files [1], "logs/agent.stdout.log", "", 0);
    s_put_all (self, s_path, self->report, 200000);
    s_put_all (self, "logs/agent.stdout.log", "", 0);
    s_seal (self, files, 2);
    s_expect_sealed (self, "stored");
    own (own_mem) char *report = world_read (&self->world, "attempts/1/output/investigation.md");
    assert_non_null (report);
    assert_memory_equal (report, self->report, 200000);
    struct stat st;
    assert_int_equal (stat (world_path (&self->world, "attempts/1"), &st), 0);
    assert_int_equal (st.st_mode & 0777, 0700);
    assert_int_equal (stat (world_path (&self->world, "attempts/1.staging"), &st), -1);

    //  Everything again: nothing changes
    s_put (self, s_path, 200000, 0, self->report, 1000);
    s_expect_go (self, 200000);
    s_seal (self, files, 2);
    s_expect_sealed (self, "stored");
    s_seal (self, files, 1);
    s_expect_sealed (self, "closed");

    own (mail_destroy) mail_t *good = s_check (self, VERDICT_SUCCESS, files, 2);
    assert_int_equal (good->as.check.verdict.as.verdict.stored, STEP_STORED);
    assert_int_equal (good->as.check.verdict.as.verdict.outcome, VERDICT_SUCCESS);
    own (mail_destroy) mail_t *other = s_check (self, VERDICT_SUCCESS, files, 1);
    assert_int_equal (other->as.check.verdict.as.verdict.stored, STEP_MISSING);
    assert_int_equal (unlink (world_path (&self->world, "attempts/1/output/investigation.md")), 0);
    own (mail_destroy) mail_t *gone = s_check (self, VERDICT_SUCCESS, files, 2);
    assert_int_equal (gone->as.check.verdict.as.verdict.stored, STEP_MISSING);
}

static void
test_an_upload_continues_where_it_was_also_after_a_restart (void **state)
{
    fixture_t *self = *state;
    s_put (self, s_path, 200000, 0, self->report, 50000);
    s_expect_go (self, 50000);
    s_put (self, s_path, 200000, 120000, self->report + 120000, 1000);
    s_expect_go (self, 50000);
    s_stop (self);
    s_start (self);
    s_put (self, s_path, 200000, 0, self->report, 10);
    s_expect_go (self, 50000);
    s_put (self, s_path, 200000, 50000, self->report + 50000, 150000);
    s_expect_go (self, 200000);
    verdict_file_t file;
    s_file (&file, s_path, self->report, 200000);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
}

static void
test_a_wrong_digest_removes_the_file_and_asks_again (void **state)
{
    fixture_t *self = *state;
    verdict_file_t file;
    s_file (&file, s_path, self->report, 500);
    s_put_all (self, s_path, self->report + 1, 500);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "missing");
    s_put (self, s_path, 500, 0, self->report, 500);
    s_expect_go (self, 500);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
}

static void
test_a_seal_without_its_files_is_missing_and_extra_files_do_not_stay (void **state)
{
    fixture_t *self = *state;
    verdict_file_t file;
    s_file (&file, s_path, self->report, 500);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "missing");
    s_put_all (self, s_path, self->report, 500);
    s_put_all (self, "logs/agent.stderr.log", "noise", 5);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
    assert_null (world_read (&self->world, "attempts/1/logs/agent.stderr.log"));
}

static void
test_paths_outside_the_list_are_refused_and_the_sender_is_muted (void **state)
{
    fixture_t *self = *state;
    static const char *const paths [LIMIT_STRIKES] = {
        "../../etc/passwd", "output/../../x", "/etc/passwd", "manifest.json", "logs/.hidden.log"};
    for (size_t i = 0; i < LIMIT_STRIKES; i++) {
        s_put (self, paths [i], 1, 0, "x", 1);
        s_expect_error (self, "malformed");
    }
    s_put (self, s_path, 1, 0, "x", 1);
    link_t *muted = self->link;
    static const curve_keys_t keys = {0};
    self->link = link_connect (LINK_FILES, artifact_endpoint (self->artifact), &keys, NULL);
    s_put (self, "logs/a.log", 1, 0, "x", 1); //  others are served; by then it would have answered
    s_expect_go (self, 1);
    link_wait_t item = {.link = muted};
    assert_int_equal (link_wait (&item, 1, 0), 0);
    assert_null (world_read (&self->world, "attempts/1.staging/output/investigation.md"));
    link_destroy (&muted);
    artifact_stats_t stats;
    artifact_stats (self->artifact, &stats);
    //  Also the messages of a muted route.
    assert_int_equal (stats.bad_messages_total, LIMIT_STRIKES + 1);
}

static void
test_a_planted_symlink_is_not_followed (void **state)
{
    fixture_t *self = *state;
    char victim [128];
    snprintf (victim, sizeof victim, "%s/victim", self->world.dir);
    assert_int_equal (blob_write (self->world.dir, "victim", "safe", 4, "save"), 0);
    assert_int_equal (blob_make_dir (world_path (&self->world, "attempts/1.staging/output")), 0);
    assert_int_equal (symlink (victim, world_path (&self->world, "attempts/1.staging/output/"
                                                                 "investigation.md")),
                      0);
    s_put (self, s_path, 500, 0, self->report, 500);
    s_expect_error (self, "io");
    verdict_file_t file;
    s_file (&file, s_path, "safe", 4);
    s_seal (self, &file, 1); //  the link is removed, its target stays
    s_expect_sealed (self, "missing");
    own (buf_fini) buf_t text = buf_init (64);
    assert_int_equal (buf_read_file (&text, victim), 0);
    assert_string_equal (text.data, "safe");
}

static void
test_sizes_over_the_limits_are_refused (void **state)
{
    fixture_t *self = *state;
    s_put (self, s_path, LIMIT_REPORT_BYTES + 1, 0, "x", 1);
    s_expect_error (self, "limit");
    s_put (self, "logs/a.log", LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES + 1, 0, "x", 1);
    s_expect_error (self, "limit");
    for (int i = 0; i < 6; i++) { //  6 x 5 MiB fit into 32 MiB
        char path [32];
        snprintf (path, sizeof path, "logs/a%d.log", i);
        s_put (self, path, LIMIT_MIB (5), 0, "x", 1);
        s_expect_go (self, 1);
    }
    s_put (self, "logs/a6.log", LIMIT_MIB (5), 0, "x", 1);
    s_expect_error (self, "limit");
    s_put (self, s_path, 10, 8, "xxx", 3);
    s_expect_error (self, "malformed");
}

static void
test_an_attempt_that_was_never_issued_is_refused (void **state)
{
    fixture_t *self = *state;
    msg_at_t get = {.incident = codec_text (self->world.incident.id.text),
                    .attempt = 2,
                    .path = codec_text ("event.json")};
    s_send (self, MSG_GET, &get);
    s_expect_error (self, "unknown");
    get.incident = codec_text ("019b76da-0000-7000-8000-000000000000");
    s_send (self, MSG_GET, &get);
    s_expect_error (self, "unknown");
}

static void
test_a_closed_incident_takes_no_files_but_knows_what_it_has (void **state)
{
    fixture_t *self = *state;
    verdict_file_t file;
    s_file (&file, s_path, self->report, 500);
    s_put_all (self, s_path, self->report, 400);
    self->world.incident.state = INCIDENT_REPORTED;
    world_save (&self->world);
    s_put (self, s_path, 500, 400, self->report, 100);
    s_expect_error (self, "closed");
    s_seal (self, &file, 1);
    s_expect_sealed (self, "closed");
    assert_int_not_equal (access (world_path (&self->world, "attempts/1.staging"), F_OK), 0);

    self->world.incident.state = INCIDENT_INVESTIGATING;
    world_save (&self->world);
    s_put_all (self, s_path, self->report, 500);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
    self->world.incident.state = INCIDENT_REPORTED;
    world_save (&self->world);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
}

static void
test_a_success_without_a_good_report_becomes_a_failure_of_the_agent (void **state)
{
    fixture_t *self = *state;
    verdict_file_t file;
    own (mail_destroy) mail_t *nothing = s_check (self, VERDICT_HOST, NULL, 0);
    assert_int_equal (nothing->as.check.verdict.as.verdict.stored, STEP_STORED);
    s_file (&file, s_path, self->report, 100);
    s_put_all (self, s_path, self->report, 100);
    own (mail_destroy) mail_t *early = s_check (self, VERDICT_SUCCESS, &file, 1);
    assert_int_equal (early->as.check.verdict.as.verdict.stored, STEP_MISSING);
    s_seal (self, &file, 1);
    s_expect_sealed (self, "stored");
    own (mail_destroy) mail_t *small = s_check (self, VERDICT_SUCCESS, &file, 1);
    assert_int_equal (small->as.check.verdict.as.verdict.stored, STEP_STORED);
    assert_int_equal (small->as.check.verdict.as.verdict.outcome, VERDICT_AGENT);
    assert_string_equal (small->as.check.verdict.as.verdict.reason,
                         "investigation.md too small: 100 bytes (expected > 100)");
}

static void
test_a_success_whose_files_hold_none_becomes_a_failure_of_the_agent (void **state)
{
    static const char result [] = "{\"is_error\":true,\"result\":\"Overloaded\"}";
    static const char result_path [] = "output/agent-result.json";
    fixture_t *self = *state;
    verdict_file_t files [2];
    s_file (&files [0], s_path, self->report, 500);
    s_file (&files [1], result_path, result, sizeof result - 1);
    s_put_all (self, s_path, self->report, 500);
    s_put_all (self, result_path, result, sizeof result - 1);
    s_seal (self, files, 2);
    s_expect_sealed (self, "stored");
    own (mail_destroy) mail_t *bad = s_check (self, VERDICT_SUCCESS, files, 2);
    assert_int_equal (bad->as.check.verdict.as.verdict.stored, STEP_STORED);
    assert_int_equal (bad->as.check.verdict.as.verdict.outcome, VERDICT_AGENT);
    assert_string_equal (bad->as.check.verdict.as.verdict.reason,
                         "agent reported an error: Overloaded");
}

//  As on the worker: a file too large to be read fails no report.
static void
test_a_success_with_a_result_that_cannot_be_read_stays_one_if_its_report_is_long (void **state)
{
    enum { LONG = 2 * LIMIT_ERROR_TEXT_BYTES };
    static const char result [] = "{\"is_error\":tr";
    fixture_t *self = *state;
    const char *folder = world_path (&self->world, "attempts/1.staging/output");
    assert_int_equal (blob_make_dir (folder), 0);
    assert_int_equal (blob_write (folder, "agent-result.json", result, sizeof result - 1, "save"),
                      0);
    verdict_file_t files [2];
    s_file (&files [0], s_path, self->report, LONG);
    s_file (&files [1], "output/agent-result.json", result, sizeof result - 1);
    s_put_all (self, s_path, self->report, LONG);
    s_seal (self, files, 2);
    s_expect_sealed (self, "stored");
    own (mail_destroy) mail_t *good = s_check (self, VERDICT_SUCCESS, files, 2);
    assert_int_equal (good->as.check.verdict.as.verdict.stored, STEP_STORED);
    assert_int_equal (good->as.check.verdict.as.verdict.outcome, VERDICT_SUCCESS);
}

static void
test_downloads_are_rendered_on_first_use (void **state)
{
    fixture_t *self = *state;
    own (own_mem) char *event = s_get (self, "event.json");
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (event, strlen (event), &doc, NULL), 0);
    assert_string_equal (json_member_text (doc, "context", ""), "It \"crashed\".");
    assert_string_equal (json_member_text (doc, "incidentId", ""), self->world.incident.id.text);
    own (own_mem) char *on_disk = world_read (&self->world, "event.json");
    assert_string_equal (event, on_disk);
    own (own_mem) char *incident = s_get (self, "incident.json");
    assert_non_null (strstr (incident, "\"status\": \"investigating\""));
    own (own_mem) char *prompt = s_get (self, "prompt.md");
    assert_non_null (strstr (prompt, "BEGIN UNTRUSTED EVENT"));
    own (own_mem) char *system_prompt = s_get (self, "system-prompt.md");
    assert_string_equal (system_prompt, "Be careful.\n");
    msg_at_t get = {.incident = codec_text (self->world.incident.id.text),
                    .attempt = 1,
                    .path = codec_text ("broker.db")};
    s_send (self, MSG_GET, &get);
    s_expect_error (self, "unknown");
}


//  --- large events

static void
s_event (fixture_t *self, uint8_t type, msg_event_chunk_t chunk)
{
    chunk.event_id = codec_text ("big-1");
    s_send (self, type, &chunk);
}

static void
test_a_large_event_becomes_a_mail_and_is_acknowledged_after_the_reply (void **state)
{
    fixture_t *self = *state;
    enum { SIZE = 400000 };
    own (own_mem) char *body = malloc (SIZE + 1);
    memset (body, ' ', SIZE);
    memcpy (body, "{\"faultType\":\"Big\"}", 19);
    char sha [DIGEST_HEX];
    digest_hex (body, SIZE, sha);
    const msg_event_chunk_t seal = {
        .cluster = codec_text ("edge"), .size = SIZE, .sha256 = codec_text (sha)};
    s_event (self, MSG_PUT_EVENT,
             (msg_event_chunk_t){.size = SIZE, .bytes = {body, LIMIT_CHUNK_BYTES}});
    assert_int_equal (s_expect (self, MSG_GO_EVENT)->go_event.upto, LIMIT_CHUNK_BYTES);
    s_event (self, MSG_SEAL_EVENT, seal);
    assert_true (codec_is (s_expect (self, MSG_EVENT_NACK)->event_nack.reason, "upload"));
    s_event (self, MSG_PUT_EVENT,
             (msg_event_chunk_t){.offset = LIMIT_CHUNK_BYTES,
                                 .size = SIZE,
                                 .bytes = {body + LIMIT_CHUNK_BYTES, SIZE - LIMIT_CHUNK_BYTES}});
    assert_int_equal (s_expect (self, MSG_GO_EVENT)->go_event.upto, SIZE);
    for (int round = 0; round < 2; round++) { //  refused, then sealed again and accepted
        s_event (self, MSG_SEAL_EVENT, seal);
        own (mail_destroy) mail_t *mail = s_mail (self);
        assert_int_equal (mail->kind, MAIL_EVENT);
        assert_string_equal (mail->as.event.row.body_sha, sha);
        assert_null (mail->as.event.row.body);
        assert_int_equal (mail->as.event.row.body_bytes, SIZE);
        assert_string_equal (mail->as.event.fault.cluster, "edge");
        assert_string_equal (mail->as.event.fault.fault_type, "Big");
        char path [256];
        blob_event_path (self->world.state_path, sha, path, sizeof path);
        assert_int_equal (access (path, R_OK), 0);
        mail_t *reply = mail_new (MAIL_REPLY);
        reply->as.reply.cookie = mail->as.event.cookie;
        reply->as.reply.accepted = round == 1;
        reply->as.reply.retry_ms = 250;
        reply->as.reply.incident = self->world.incident.id;
        assert_int_equal (mailbox_send (mail->as.event.reply, &reply), 0);
        if (round == 0)
            assert_int_equal (s_expect (self, MSG_EVENT_NACK)->event_nack.retry_ms, 250);
    }
    const msg_t *ack = s_expect (self, MSG_EVENT_ACK);
    assert_true (codec_is (ack->event_ack.event_id, "big-1"));
    assert_true (codec_is (ack->event_ack.disposition, "new"));
    assert_true (codec_is (ack->event_ack.incident, self->world.incident.id.text));
}

static void
test_a_large_event_with_a_wrong_digest_is_refused_and_begun_anew (void **state)
{
    fixture_t *self = *state;
    char sha [DIGEST_HEX];
    digest_hex ("other", 5, sha);
    s_event (self, MSG_PUT_EVENT, (msg_event_chunk_t){.size = 5, .bytes = {"event", 5}});
    assert_int_equal (s_expect (self, MSG_GO_EVENT)->go_event.upto, 5);
    s_event (self, MSG_SEAL_EVENT, (msg_event_chunk_t){.size = 5, .sha256 = codec_text (sha)});
    assert_true (codec_is (s_expect (self, MSG_EVENT_NACK)->event_nack.reason, "upload"));
    s_event (self, MSG_PUT_EVENT, (msg_event_chunk_t){.size = 5, .bytes = {"other", 5}});
    assert_int_equal (s_expect (self, MSG_GO_EVENT)->go_event.upto, 5);
    s_event (self, MSG_SEAL_EVENT, (msg_event_chunk_t){.size = 5, .sha256 = codec_text (sha)});
    own (mail_destroy) mail_t *mail = s_mail (self);
    assert_int_equal (mail->kind, MAIL_EVENT);
}

static void
test_a_missing_system_prompt_is_told_at_the_start (void **state)
{
    fixture_t *self = *state;
    static const curve_keys_t keys = {0};
    settings_t settings = self->world.settings;
    settings.agent_system_prompt_file = "/nowhere/prompt.md";
    err_diag_t diag = {{0}};
    assert_null (artifact_new (&settings, &keys, NULL, self->loop, &diag));
    assert_non_null (strstr (diag.text, "agent_system_prompt_file /nowhere/prompt.md"));
}

static void
test_a_new_configuration_brings_its_prompt_and_clusters (void **state)
{
    fixture_t *self = *state;
    own (own_mem) char *before = s_get (self, "system-prompt.md");
    assert_string_equal (before, "Be careful.\n");
    char yaml [128], path [160];
    snprintf (yaml, sizeof yaml, "clusters: [{name: edge, triage: {enabled: false}}]\n");
    assert_int_equal (blob_write (self->world.dir, "broker.yaml", yaml, strlen (yaml), "save"), 0);
    snprintf (path, sizeof path, "%s/broker.yaml", self->world.dir);
    const char *const flags [] = {"--config",
                                  path,
                                  "--workspace-root",
                                  self->world.root,
                                  "--state-path",
                                  self->world.state_path,
                                  NULL};
    config_send (artifact_inbox (self->artifact), flags, "Be bold.\n");
    own (own_mem) char *after = NULL;
    for (int i = 0; i < S_WAIT_MS && (!after || strcmp (after, before) == 0); i++) {
        own_mem (&after);
        after = s_get (self, "system-prompt.md");
    }
    assert_string_equal (after, "Be bold.\n");
    char sha [DIGEST_HEX];
    digest_hex ("{}", 2, sha);
    s_event (self, MSG_PUT_EVENT, (msg_event_chunk_t){.size = 2, .bytes = {"{}", 2}});
    assert_int_equal (s_expect (self, MSG_GO_EVENT)->go_event.upto, 2);
    s_event (
        self, MSG_SEAL_EVENT,
        (msg_event_chunk_t){.cluster = codec_text ("edge"), .size = 2, .sha256 = codec_text (sha)});
    own (mail_destroy) mail_t *mail = s_mail (self);
    assert_false (mail->as.event.triage_enabled);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_an_upload_is_stored_sealed_and_checked),
        TEST (test_an_upload_continues_where_it_was_also_after_a_restart),
        TEST (test_a_wrong_digest_removes_the_file_and_asks_again),
        TEST (test_a_seal_without_its_files_is_missing_and_extra_files_do_not_stay),
        TEST (test_paths_outside_the_list_are_refused_and_the_sender_is_muted),
        TEST (test_a_planted_symlink_is_not_followed),
        TEST (test_sizes_over_the_limits_are_refused),
        TEST (test_an_attempt_that_was_never_issued_is_refused),
        TEST (test_a_closed_incident_takes_no_files_but_knows_what_it_has),
        TEST (test_a_success_without_a_good_report_becomes_a_failure_of_the_agent),
        TEST (test_a_success_whose_files_hold_none_becomes_a_failure_of_the_agent),
        TEST (test_a_success_with_a_result_that_cannot_be_read_stays_one_if_its_report_is_long),
        TEST (test_downloads_are_rendered_on_first_use),
        TEST (test_a_large_event_becomes_a_mail_and_is_acknowledged_after_the_reply),
        TEST (test_a_large_event_with_a_wrong_digest_is_refused_and_begun_anew),
        TEST (test_a_new_configuration_brings_its_prompt_and_clusters),
        TEST (test_a_missing_system_prompt_is_told_at_the_start),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
