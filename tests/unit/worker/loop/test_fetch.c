//  fetch - DATA from an untrusted peer, and a files socket that cannot be reached.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/unit/scratch.h"
#include "tests/unit/worker/loop/session_case.h"
#include "worker/loop/fetch.h"

#include <errno.h>

static msg_chunk_t
s_data (const char *path, int64_t offset, int64_t size, size_t count)
{
    static char bytes [LIMIT_CHUNK_BYTES];
    return (msg_chunk_t){.path = codec_text (path),
                         .offset = offset,
                         .size = size,
                         .bytes = {.data = bytes, .size = count}};
}

static void
test_four_files_come_chunk_by_chunk (void **state)
{
    scratch_t *folder = *state;
    scratch_dir (folder, "logs");
    fetch_t fetch = {.index = 0};
    msg_chunk_t data = s_data ("event.json", 0, 10, 4);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_MORE);
    data = s_data ("event.json", 4, 10, 6);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_MORE);
    data = s_data ("incident.json", 0, 3, 3);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_MORE);
    data = s_data ("prompt.md", 0, 0, 0);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_MORE);
    data = s_data ("system-prompt.md", 0, 1, 1);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_DONE);
    struct stat status;
    assert_int_equal (stat (scratch_at (folder, "event.json"), &status), 0);
    assert_int_equal (status.st_size, 10);
    assert_int_equal (stat (scratch_at (folder, "logs/prompt.md"), &status), 0);
}

static void
test_bytes_nobody_asked_for_are_not_written (void **state)
{
    static const char *const paths [] = {"../event.json", "/etc/passwd", "event.json/../../x",
                                         "logs/prompt.md", ""};
    scratch_t *folder = *state;
    fetch_t fetch = {.index = 0};
    for (size_t i = 0; i < sizeof paths / sizeof paths [0]; i++) {
        msg_chunk_t data = s_data (paths [i], 0, 5, 5);
        assert_int_equal (fetch_data (&fetch, folder->path, &data), FETCH_MORE);
    }
    msg_chunk_t late = s_data ("event.json", 5, 10, 5);
    assert_int_equal (fetch_data (&fetch, folder->path, &late), FETCH_MORE);
    assert_int_not_equal (access (scratch_at (folder, "event.json"), F_OK), 0);
}

static void
test_a_fifo_in_place_of_a_file_is_not_waited_for (void **state)
{
    scratch_t *folder = *state;
    assert_int_equal (mkfifo (scratch_at (folder, "event.json"), 0600), 0);
    fetch_t fetch = {.index = 0};
    msg_chunk_t data = s_data ("event.json", 0, 5, 5);
    assert_int_equal (fetch_data (&fetch, folder->path, &data), -ENXIO);
}

static void
test_impossible_sizes_end_the_fetch (void **state)
{
    scratch_t *folder = *state;
    const msg_chunk_t bad [] = {
        s_data ("event.json", 0, 5, 6), //  more than there is
        s_data ("event.json", 0, 5, 0), //  no bytes of a file that has some
        s_data ("event.json", 0, (int64_t) LIMIT_INCIDENT_BYTES + 1, 5), //  larger than any file
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        fetch_t fetch = {.index = 0};
        assert_int_equal (fetch_data (&fetch, folder->path, &bad [i]), ERR_PROTO);
    }
}

//  --- a session whose work socket has a broker and whose files socket has none

static void
test_a_files_socket_that_cannot_be_reached_ends_the_fetch (void **state)
{
    const curve_keys_t plain = {.enabled = false};
    link_t *broker = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &plain, NULL);
    const session_spec_t spec = session_case_spec (broker, "tcp://127.0.0.1:9", &plain);
    session_t *session = session_new (&spec, NULL);
    fetch_t fetch = {.index = 0};
    //  Nothing is counted while there is no broker at all.
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, 1000), 0);
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, 1000000), 0);
    for (int64_t now_ms = 1; !session_ready (session); now_ms += 20) {
        assert_true (now_ms < 20000);
        session_drain (session, now_ms, now_ms);
        session_case_welcome (broker);
    }
    int64_t begin_ms = 2000000;
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, begin_ms), 0);
    int64_t last_ms = begin_ms + LIMIT_FETCH_TRIES * LIMIT_FILES_RETRY_MS - 1;
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, last_ms), 0);
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, last_ms + 1), ERR_LIMIT);
    fetch_greet (&fetch);
    assert_int_equal (fetch_tick (&fetch, session, "i", 1, last_ms + 1), 0);
    session_destroy (&session);
    link_destroy (&broker);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_four_files_come_chunk_by_chunk, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_bytes_nobody_asked_for_are_not_written, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_fifo_in_place_of_a_file_is_not_waited_for,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_impossible_sizes_end_the_fetch, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test (test_a_files_socket_that_cannot_be_reached_ends_the_fetch),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
