//  Tests of publisher/ids and publisher/replay against a broker's sockets in a thread.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/wire/link.h"
#include "publisher/ids.h"
#include "publisher/replay.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/eventfd.h>
#include <unistd.h>

static char dir [] = "/tmp/triage-replay-XXXXXX";
static char file [64], spool [64];

static void
s_put (const char *text, size_t size)
{
    FILE *out = fopen (file, "w");
    assert_non_null (out);
    assert_int_equal (fwrite (text, 1, size, out), size);
    fclose (out);
}

static int
setup (void **state)
{
    (void) state;
    if (!mkdtemp (dir))
        return 1;
    snprintf (file, sizeof (file), "%s/in.jsonl", dir);
    snprintf (spool, sizeof (spool), "%s/spool", dir);
    return 0;
}

static int
teardown (void **state)
{
    (void) state;
    return unlink (file) || rmdir (spool) || rmdir (dir);
}

static void
test_a_second_run_gets_the_same_ids_and_changed_lines_new_ones (void **state)
{
    (void) state;
    s_put ("", 0);
    const char *inputs [] = {file};
    ident_t first [2];
    ident_t second [2];
    ids_t *ids = NULL;
    assert_int_equal (ids_open (spool, inputs, 1, &ids, NULL), 0);
    ids_t *other = NULL;
    assert_int_equal (ids_open (spool, inputs, 1, &other, NULL), -EBUSY);
    assert_int_equal (ids_next (ids, "a", 1, 1000, &first [0]), 0);
    assert_int_equal (ids_next (ids, "b", 1, 1000, &first [1]), 0);
    assert_int_equal (ids_sync (ids), 0);
    ids_destroy (&ids);

    assert_int_equal (ids_open (spool, inputs, 1, &ids, NULL), 0);
    assert_int_equal (ids_next (ids, "a", 1, 2000, &second [0]), 0);
    assert_int_equal (ids_next (ids, "B", 1, 2000, &second [1]), 0);
    assert_int_equal (ids_known (ids), 1);
    assert_string_equal (first [0].text, second [0].text);
    assert_string_not_equal (first [1].text, second [1].text);
    assert_int_equal (ids_finish (ids), 0);
    ids_destroy (&ids);

    assert_int_equal (ids_open (spool, inputs, 1, &ids, NULL), 0);
    assert_int_equal (ids_next (ids, "a", 1, 3000, &second [0]), 0);
    assert_string_not_equal (first [0].text, second [0].text);
    assert_int_equal (ids_finish (ids), 0);
    ids_destroy (&ids);
}

//  A broker that answers events, but drops or refuses the first send of each.
typedef struct {
    link_t *ingest, *files;
    int stop_fd;
    bool drop_first;  //  no answer to the first send
    bool nack_second; //  refuse the second send
    int sendings, acks;
    char first_id [IDENT_SIZE]; //  of the first send
    size_t upto;
    bool large_whole; //  SEAL_EVENT had the digest of the bytes received
    char body [LIMIT_MIB (1)];
} broker_t;

//  libzmq's worst case: the first connection is reported after a message has gone over it.
static atomic_bool sent;

int64_t
__real_link_connections (link_t *link);
int64_t
__wrap_link_connections (link_t *link);
int64_t
__wrap_link_connections (link_t *link)
{
    return sent ? __real_link_connections (link) : 0;
}

static void
s_ack (broker_t *self, link_t *link, const link_msg_t *got, codec_text_t id)
{
    msg_event_ack_t ack = {.event_id = id,
                           .disposition = codec_text ("new"),
                           .incident = codec_text ("01890000-0000-7000-8000-000000000001")};
    assert_true (link_send (link, &got->route, MSG_EVENT_ACK, &ack, got->frame.seq) > 0);
    self->acks++;
}

static void
s_on_ingest (broker_t *self, const link_msg_t *got)
{
    self->sendings++;
    if (self->sendings == 1)
        assert_true (codec_copy (got->msg.event.event_id, self->first_id, IDENT_SIZE));
    if (self->drop_first && self->sendings == 1)
        return;
    if (self->nack_second && self->sendings == 2) {
        msg_event_nack_t nack = {
            .event_id = got->msg.event.event_id, .reason = codec_text ("store"), .retry_ms = 50};
        assert_true (link_send (self->ingest, &got->route, MSG_EVENT_NACK, &nack, 0) > 0);
        return;
    }
    s_ack (self, self->ingest, got, got->msg.event.event_id);
}

static void
s_on_files (broker_t *self, const link_msg_t *got)
{
    const msg_event_chunk_t *chunk = &got->msg.event_chunk;
    if (got->frame.type == MSG_SEAL_EVENT) {
        char hex [DIGEST_HEX];
        digest_hex (self->body, self->upto, hex);
        self->large_whole = codec_is (chunk->sha256, hex);
        s_ack (self, self->files, got, chunk->event_id);
        return;
    }
    //  Keep only bytes that follow those received; GO reports how far that is.
    if ((size_t) chunk->offset == self->upto
        && chunk->bytes.size <= sizeof (self->body) - self->upto) {
        memcpy (self->body + self->upto, chunk->bytes.data, chunk->bytes.size);
        self->upto += chunk->bytes.size;
    }
    msg_go_event_t go = {.event_id = chunk->event_id, .upto = (int64_t) self->upto};
    assert_true (link_send (self->files, &got->route, MSG_GO_EVENT, &go, 0) > 0);
}

static void *
s_broker (void *arg)
{
    broker_t *self = arg;
    link_msg_t got = {0};
    link_wait_t items [] = {{.fd = self->stop_fd}, {.link = self->ingest}, {.link = self->files}};
    while (link_wait (items, 3, 10000) > 0 && !items [0].readable) {
        sent = items [1].readable || items [2].readable || sent;
        while (link_recv (self->ingest, &got, NULL) == 0)
            s_on_ingest (self, &got);
        while (link_recv (self->files, &got, NULL) == 0)
            s_on_files (self, &got);
    }
    link_msg_fini (&got);
    return NULL;
}

static int
s_replay_files (broker_t *broker, const char *const *inputs, size_t count)
{
    curve_keys_t keys = {0};
    err_diag_t diag;
    broker->ingest = link_bind (LINK_INGEST, "tcp://127.0.0.1:0", &keys, &diag);
    broker->files = link_bind (LINK_FILES, "tcp://127.0.0.1:0", &keys, &diag);
    broker->stop_fd = eventfd (0, EFD_CLOEXEC);
    int signal_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_non_null (broker->ingest);
    assert_non_null (broker->files);
    settings_t settings = {.ingest_endpoint = link_endpoint (broker->ingest),
                           .files_endpoint = link_endpoint (broker->files),
                           .spool_dir = spool,
                           .cluster = "",
                           .window = 2,
                           .shutdown_timeout_ms = 1000};
    clk_t *clk = clk_new ();
    replay_args_t args = {.settings = &settings,
                          .keys = &keys,
                          .clk = clk,
                          .inputs = inputs,
                          .input_count = count,
                          .signal_fd = signal_fd};
    replay_t *replay = NULL;
    sent = false;
    assert_int_equal (replay_open (&args, &replay, &diag), 0);
    pthread_t thread;
    assert_int_equal (pthread_create (&thread, NULL, s_broker, broker), 0);
    int rc = replay_run (replay);
    assert_int_equal (eventfd_write (broker->stop_fd, 1), 0);
    pthread_join (thread, NULL);
    replay_destroy (&replay);
    clk_destroy (&clk);
    link_destroy (&broker->ingest);
    link_destroy (&broker->files);
    close (broker->stop_fd);
    close (signal_fd);
    return rc;
}

static int
s_replay (broker_t *broker)
{
    const char *inputs [] = {file};
    return s_replay_files (broker, inputs, 1);
}

static void
test_each_line_is_sent_until_it_is_acknowledged (void **state)
{
    (void) state;
    static const char text [] = "{\"a\":1}\n\nnot json\n{\"b\":2}\n{\"c\":3}\n";
    s_put (text, sizeof (text) - 1);
    static broker_t broker;
    broker = (broker_t){.drop_first = true, .nack_second = true};
    own (clk_destroy) clk_t *clk = clk_new ();
    const int64_t begin_ms = clk_now (clk).boot_ms;
    assert_int_equal (s_replay (&broker), EXIT_RUNTIME); //  one line is no JSON
    const int64_t terms = (clk_now (clk).boot_ms - begin_ms) / LIMIT_PUBLISH_RESEND_MS;
    assert_int_equal (broker.acks, broker.sendings - 2);
    //  The dropped one waits one term.  More sends happen only if the machine slept through a term.
    assert_in_range (broker.sendings, 6, 6 + 4 * (terms - 1));
}

static void
test_a_replay_that_could_not_read_a_file_sends_the_same_ids_again (void **state)
{
    (void) state;
    char missing [64];
    snprintf (missing, sizeof (missing), "%s/missing.jsonl", dir);
    const char *inputs [] = {file, missing};
    s_put ("{\"a\":1}\n", 8);
    static broker_t broker, again;
    broker = again = (broker_t){0};
    assert_int_equal (s_replay_files (&broker, inputs, 2), EXIT_RUNTIME);
    FILE *out = fopen (missing, "w");
    assert_non_null (out);
    fclose (out);
    assert_int_equal (s_replay_files (&again, inputs, 2), 0);
    unlink (missing);
    assert_string_equal (again.first_id, broker.first_id);
}

static void
test_a_large_event_goes_by_the_files_socket (void **state)
{
    (void) state;
    enum { SIZE = 700000 };
    char *text = malloc (SIZE + 8);
    memset (text, '7', SIZE);
    text [SIZE] = '\n';
    s_put (text, SIZE + 1);
    static broker_t broker;
    broker = (broker_t){0};
    assert_int_equal (s_replay (&broker), 0);
    assert_int_equal (broker.acks, 1);
    assert_int_equal (broker.upto, SIZE);
    assert_true (broker.large_whole);
    assert_memory_equal (broker.body, text, SIZE);
    free (text);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_second_run_gets_the_same_ids_and_changed_lines_new_ones),
        cmocka_unit_test (test_each_line_is_sent_until_it_is_acknowledged),
        cmocka_unit_test (test_a_replay_that_could_not_read_a_file_sends_the_same_ids_again),
        cmocka_unit_test (test_a_large_event_goes_by_the_files_socket),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
