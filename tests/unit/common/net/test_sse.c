//  Unit tests of common/net/sse: each rule, and the whole corpus split at every offset.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/net/sse.h"

#include <stdlib.h>
#include <string.h>

//  Events are written as "type=data;" so that one string shows the whole result.
static void
s_note (void *arg, const sse_event_t *event)
{
    buf_t *notes = arg;
    assert_int_equal (strlen (event->data), event->size);
    buf_printf (notes, "%s=%s;", event->type, event->data);
}

typedef struct {
    const char *stream;
    const char *events;
    const char *last_id;
    int64_t retry_ms;
} s_row_t;

static const s_row_t corpus [] = {
    //  line ends
    {"data: a\n\ndata: b\n\n", "message=a;message=b;", "", -1},
    {"data: a\r\rdata: b\r\r", "message=a;message=b;", "", -1},
    {"data: a\r\n\r\ndata: b\r\n\r\n", "message=a;message=b;", "", -1},
    {"data: a\r\n\ndata: b\n\r\n", "message=a;message=b;", "", -1},
    //  byte order mark
    {"\xEF\xBB\xBF"
     "data: a\n\n",
     "message=a;", "", -1},
    {"data: \xEF\xBB\xBF"
     "a\n\n",
     "message=\xEF\xBB\xBF"
     "a;",
     "", -1},
    {"\xEF\xBB\xBF\xEF\xBB\xBF"
     "data: a\n\ndata: b\n\n",
     "message=b;", "", -1},
    {"\xEF"
     "data: a\n\ndata: b\n\n",
     "message=b;", "", -1},
    //  comments
    {": ok\n\n:\n: keepalive\n\ndata: a\n: in between\ndata: b\n\n", "message=a\nb;", "", -1},
    //  data
    {"data\ndata\n\n", "message=\n;", "", -1},
    {"data:x\n\ndata: x\n\ndata:  x\n\n", "message=x;message=x;message= x;", "", -1},
    {"data: {\"a\":\ndata: 1}\n\n", "message={\"a\":\n1};", "", -1},
    //  no data
    {"id: 1\ndata: \n\n", "", "1", -1},
    {"id: 7\n\n", "", "7", -1},
    {"event: prime\nid: 3\ndata:\n\n", "", "3", -1},
    //  end without a blank line
    {"id: 1\ndata: a\n\nid: 2\ndata: b\n", "message=a;", "1", -1},
    {"data: a", "", "", -1},
    //  ids
    {"id: 1\ndata: a\n\ndata: b\n\n", "message=a;message=b;", "1", -1},
    {"id: 1\ndata: a\n\nid:\ndata: b\n\n", "message=a;message=b;", "", -1},
    {"id: 1\x01\ndata: a\n\n", "message=a;", "", -1},
    {"id: \xC3\xA4\ndata: a\n\n", "message=a;", "", -1},
    //  retry
    {"retry: 2000\n\n", "", "", 2000},
    {"retry: 99999999999999999999999\n\n", "", "", 86400000},
    {"retry: 500\nretry: -1\nretry: 12a\nretry:\nretry:  5\n\n", "", "", 500},
    {"retry: 0\n\n", "", "", 0},
    //  unknown fields, case, no colon
    {"foo: x\nData: y\nDATA: z\nbar\ndata: a\n\n", "message=a;", "", -1},
    //  names
    {"event: ping\ndata: a\n\ndata: b\n\nevent: message\ndata: c\n\n",
     "ping=a;message=b;message=c;", "", -1},
    {"event: x\n\ndata: b\n\n", "message=b;", "", -1},
    //  multi-byte text
    {"data: \xE2\x82\xAC\xF0\x9F\x98\x80\n\n", "message=\xE2\x82\xAC\xF0\x9F\x98\x80;", "", -1},
};

static void
s_check_split (const s_row_t *row, size_t first, size_t second)
{
    size_t size = strlen (row->stream);
    own (sse_destroy) sse_t *sse = sse_new (4096);
    buf_t notes = buf_init (4096);
    sse_feed (sse, row->stream, first, s_note, &notes);
    sse_feed (sse, row->stream + first, second - first, s_note, &notes);
    sse_feed (sse, row->stream + second, size - second, s_note, &notes);
    assert_string_equal (notes.data, row->events);
    assert_string_equal (sse_last_id (sse), row->last_id);
    assert_int_equal (sse_retry_ms (sse), row->retry_ms);
    buf_fini (&notes);
}

static void
test_corpus_at_every_pair_of_split_points (void **state)
{
    for (size_t i = 0; i < sizeof corpus / sizeof corpus [0]; i++) {
        size_t size = strlen (corpus [i].stream);
        for (size_t first = 0; first <= size; first++)
            for (size_t second = first; second <= size; second++)
                s_check_split (&corpus [i], first, second);
    }
}

static void
test_corpus_one_byte_at_a_time (void **state)
{
    for (size_t i = 0; i < sizeof corpus / sizeof corpus [0]; i++) {
        own (sse_destroy) sse_t *sse = sse_new (4096);
        buf_t notes = buf_init (4096);
        for (const char *at = corpus [i].stream; *at; at++)
            sse_feed (sse, at, 1, s_note, &notes);
        assert_string_equal (notes.data, corpus [i].events);
        buf_fini (&notes);
    }
}

static void
test_a_lone_cr_ends_an_event_without_waiting_for_more (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (100);
    buf_t notes = buf_init (100);
    sse_feed (sse, "data: a\r\r", 9, s_note, &notes);
    assert_string_equal (notes.data, "message=a;");
    buf_fini (&notes);
}

static void
test_id_with_nul_is_ignored (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (100);
    buf_t notes = buf_init (100);
    static const char stream [] = "id: 5\n\nid: 1\0002\ndata: a\n\n";
    sse_feed (sse, stream, sizeof stream - 1, s_note, &notes);
    assert_string_equal (notes.data, "message=a;");
    assert_string_equal (sse_last_id (sse), "5");
    buf_fini (&notes);
}

static void
test_id_over_its_limit_is_never_echoed (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (LIMIT_KIB (16));
    buf_t notes = buf_init (100);
    buf_t stream = buf_init (LIMIT_KIB (16));
    buf_text (&stream, "id: ");
    for (int i = 0; i <= LIMIT_SSE_ID_BYTES; i++)
        buf_text (&stream, "x");
    buf_text (&stream, "\n\n");
    sse_feed (sse, stream.data, stream.size, s_note, &notes);
    assert_string_equal (sse_last_id (sse), "");
    buf_fini (&stream);
    buf_fini (&notes);
}

static void
test_event_over_the_limit_is_dropped_and_the_next_is_heard (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (32);
    buf_t notes = buf_init (100);
    const char *stream = "data: 0123456789012345678901234567890123456789\n\n" //  one long line
                         "data: 012345678901234\ndata: 012345678901234\ndata: x\n\n" //  many lines
                         "data: ok\n\n";
    sse_feed (sse, stream, strlen (stream), s_note, &notes);
    assert_string_equal (notes.data, "message=ok;");
    assert_int_equal (sse_dropped (sse), 2);
    buf_fini (&notes);
}

static void
test_restart_drops_the_partial_event_and_keeps_the_last_id (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (100);
    buf_t notes = buf_init (100);
    const char *first = "id: 1\ndata: a\n\nid: 2\ndata: lost\nda";
    sse_feed (sse, first, strlen (first), s_note, &notes);
    sse_restart (sse);
    const char *second = "\xEF\xBB\xBF"
                         "data: b\n\n";
    sse_feed (sse, second, strlen (second), s_note, &notes);
    assert_string_equal (notes.data, "message=a;message=b;");
    assert_string_equal (sse_last_id (sse), "1");
    sse_forget_id (sse);
    assert_string_equal (sse_last_id (sse), "");
    buf_fini (&notes);
}

static void
s_count (void *arg, const sse_event_t *event)
{
    ++*(size_t *) arg;
}

static void
test_a_hundred_thousand_events_in_one_chunk (void **state)
{
    own (sse_destroy) sse_t *sse = sse_new (100);
    buf_t stream = buf_init (LIMIT_MIB (4));
    for (int i = 0; i < 100000; i++)
        buf_text (&stream, "data: {}\n\n");
    assert_int_equal (stream.failed, 0);
    size_t count = 0;
    sse_feed (sse, stream.data, stream.size, s_count, &count);
    assert_int_equal (count, 100000);
    buf_fini (&stream);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_corpus_at_every_pair_of_split_points),
        cmocka_unit_test (test_corpus_one_byte_at_a_time),
        cmocka_unit_test (test_a_lone_cr_ends_an_event_without_waiting_for_more),
        cmocka_unit_test (test_id_with_nul_is_ignored),
        cmocka_unit_test (test_id_over_its_limit_is_never_echoed),
        cmocka_unit_test (test_event_over_the_limit_is_dropped_and_the_next_is_heard),
        cmocka_unit_test (test_restart_drops_the_partial_event_and_keeps_the_last_id),
        cmocka_unit_test (test_a_hundred_thousand_events_in_one_chunk),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
