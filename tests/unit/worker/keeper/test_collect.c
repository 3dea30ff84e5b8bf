//  collect - a transcript that is too long, or not what it should be; the prompt.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/scratch.h"
#include "worker/keeper/collect.h"

static redact_t s_secrets;

static spool_verdict_t
s_collect (scratch_t *folder)
{
    spool_verdict_t verdict = {.attempt = 1, .usage = usage_none ()};
    int unsynced = -1;
    assert_int_equal (collect_files (folder->path, &s_secrets, NULL, &verdict, &unsynced), 0);
    assert_int_equal (unsynced, 0);
    return verdict;
}

//  The transcript as it is now.  Own: fresh.
static char *
s_transcript (scratch_t *folder, size_t *ret_size)
{
    char *text = malloc (LIMIT_TRANSCRIPT_BYTES + 1);
    assert_non_null (text);
    int fd = open (scratch_at (folder, "logs/transcript.jsonl"), O_RDONLY);
    const ssize_t got = read (fd, text, LIMIT_TRANSCRIPT_BYTES);
    assert_true (got >= 0);
    char more;
    assert_int_equal (read (fd, &more, 1), 0);
    close (fd);
    text [got] = 0;
    *ret_size = (size_t) got;
    return text;
}

static void
s_write (scratch_t *folder, const char *before, const char *after, int count)
{
    scratch_dir (folder, "logs");
    FILE *file = fopen (scratch_at (folder, "logs/transcript.jsonl"), "w");
    assert_non_null (file);
    for (int i = 0; i < count; i++)
        fprintf (file, "%s%07d%s", before, i, after);
    assert_int_equal (fclose (file), 0);
}

static void
test_a_transcript_travels_whole_up_to_its_limit (void **state)
{
    s_write (*state, "{\"n\": 1", ", \"text\": \"a step with sk-0123456789\"}\n", 3);
    const spool_verdict_t verdict = s_collect (*state);
    assert_int_equal (verdict.file_count, 1);
    assert_string_equal (verdict.files [0].path, "logs/transcript.jsonl");
    size_t size = 0;
    own (own_mem) char *text = s_transcript (*state, &size);
    assert_int_equal (size, verdict.files [0].size);
    assert_non_null (strstr (text, "{\"n\": 10000002, \"text\": \"a step with *************\"}\n"));
}

static void
test_a_long_transcript_keeps_whole_lines_of_its_head_and_tail (void **state)
{
    enum { COUNT = 60000 };
    s_write (*state, "{\"n\": 1", ", \"text\": \"a step with sk-0123456789 in it\"}\n", COUNT);
    const spool_verdict_t verdict = s_collect (*state);
    assert_int_equal (verdict.file_count, 1);
    size_t size = 0;
    own (own_mem) char *text = s_transcript (*state, &size);
    assert_true (size <= LIMIT_TRANSCRIPT_BYTES && size > LIMIT_TRANSCRIPT_BYTES - 1000);
    assert_null (strstr (text, "sk-0"));
    int number = -1, lines = 0, marks = 0;
    for (char *line = text, *end; (end = strchr (line, '\n')); line = end + 1) {
        *end = 0;
        long long cut = 0;
        int now = -1;
        lines++;
        if (sscanf (line, "{\"text\": \"[... %lld bytes cut ...]\"}", &cut) == 1) {
            marks++;
            assert_true (cut > 0);
            continue;
        }
        assert_int_equal (sscanf (line, "{\"n\": %d, \"text\": \"a step with", &now), 1);
        assert_true (now > number && strstr (line, " in it\"}"));
        number = now;
    }
    assert_int_equal (marks, 1);
    assert_int_equal (number, 10000000 + COUNT - 1);
    assert_true (lines > 1000);
}

static void
test_a_transcript_of_one_endless_line_is_only_its_mark (void **state)
{
    s_write (*state, "0123456789abc", "", LIMIT_TRANSCRIPT_BYTES / 10);
    const spool_verdict_t verdict = s_collect (*state);
    assert_int_equal (verdict.file_count, 1);
    size_t size = 0;
    own (own_mem) char *text = s_transcript (*state, &size);
    char mark [100];
    snprintf (mark, sizeof mark, "{\"text\": \"[... %d bytes cut ...]\"}\n",
              LIMIT_TRANSCRIPT_BYTES / 10 * 20);
    assert_string_equal (text, mark);
}

static void
test_a_transcript_of_another_kind_is_left_out (void **state)
{
    scratch_t *folder = *state;
    scratch_dir (folder, "logs");
    scratch_file (folder, "other", LIMIT_TRANSCRIPT_BYTES + 5);
    assert_int_equal (symlink ("../other", scratch_at (folder, "logs/transcript.jsonl")), 0);
    assert_int_equal (s_collect (folder).file_count, 0);
    assert_int_equal (unlink (scratch_at (folder, "logs/transcript.jsonl")), 0);
    assert_int_equal (mkfifo (scratch_at (folder, "logs/transcript.jsonl"), 0600), 0);
    assert_int_equal (s_collect (folder).file_count, 0);
    assert_int_equal (unlink (scratch_at (folder, "logs/transcript.jsonl")), 0);
    //  A hard link to a file elsewhere: the copy is cut, the file is not.
    char other [512];
    snprintf (other, sizeof other, "%s", scratch_at (folder, "other"));
    assert_int_equal (link (other, scratch_at (folder, "logs/transcript.jsonl")), 0);
    assert_int_equal (s_collect (folder).file_count, 1);
    struct stat st;
    assert_int_equal (stat (other, &st), 0);
    assert_int_equal (st.st_size, LIMIT_TRANSCRIPT_BYTES + 5);
}

//  --- the prompt

enum { LEFT_TEXT, LEFT_NOTHING, LEFT_LINK, LEFT_FIFO, LEFT_FOLDER, LEFT_NO_FOLDER, LEFT_KINDS };

//  What an agent may leave as logs/prompt.md.
static void
s_leave (scratch_t *folder, int kind)
{
    char path [512];
    snprintf (path, sizeof path, "%s", scratch_at (folder, "logs/prompt.md"));
    if (kind != LEFT_NO_FOLDER)
        scratch_dir (folder, "logs");
    if (kind == LEFT_TEXT)
        scratch_file (folder, "logs/prompt.md", 10);
    if (kind == LEFT_LINK)
        assert_int_equal (symlink ("../other", path), 0);
    if (kind == LEFT_FIFO)
        assert_int_equal (mkfifo (path, 0600), 0);
    if (kind == LEFT_FOLDER) {
        scratch_dir (folder, "logs/prompt.md");
        scratch_file (folder, "logs/prompt.md/x.log", 10);
    }
}

static void
test_the_prompt_is_what_was_given_whatever_the_agent_left (void **state)
{
    scratch_t *folder = *state;
    own (buf_fini) buf_t prompt = buf_init (100), got = buf_init (100);
    assert_int_equal (buf_text (&prompt, "Look at sk-0123456789.\n"), 0);
    scratch_file (folder, "other", 7);
    for (int kind = 0; kind < LEFT_KINDS; kind++) {
        spool_verdict_t verdict = {.attempt = 1, .usage = usage_none ()};
        int unsynced = -1;
        s_leave (folder, kind);
        int rc = collect_files (folder->path, &s_secrets, &prompt, &verdict, &unsynced);
        assert_int_equal (rc, 0);
        assert_int_equal (unsynced, 0);
        assert_int_equal (verdict.file_count, 1);
        assert_string_equal (verdict.files [0].path, "logs/prompt.md");
        buf_reset (&got);
        assert_int_equal (buf_read_file (&got, scratch_at (folder, "logs/prompt.md")), 0);
        assert_string_equal (got.data, "Look at *************.\n");
        assert_int_equal (unlink (scratch_at (folder, "logs/prompt.md")), 0);
        assert_int_equal (rmdir (scratch_at (folder, "logs")), 0);
    }
    struct stat st;
    assert_int_equal (stat (scratch_at (folder, "other"), &st), 0);
    assert_int_equal (st.st_size, 7);
}

static void
test_a_prompt_that_is_not_known_is_left_out (void **state)
{
    scratch_t *folder = *state;
    s_leave (folder, LEFT_TEXT);
    assert_int_equal (s_collect (folder).file_count, 0);
    //  Nor is it written where `logs` leads elsewhere.
    own (buf_fini) buf_t prompt = buf_init (100);
    assert_int_equal (buf_text (&prompt, "Look."), 0);
    assert_int_equal (unlink (scratch_at (folder, "logs/prompt.md")), 0);
    assert_int_equal (rmdir (scratch_at (folder, "logs")), 0);
    scratch_dir (folder, "away");
    assert_int_equal (symlink ("away", scratch_at (folder, "logs")), 0);
    spool_verdict_t verdict = {.attempt = 1, .usage = usage_none ()};
    int unsynced = -1;
    int rc = collect_files (folder->path, &s_secrets, &prompt, &verdict, &unsynced);
    assert_int_equal (rc, 0);
    assert_int_equal (verdict.file_count, 0);
    assert_int_not_equal (access (scratch_at (folder, "away/prompt.md"), F_OK), 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_transcript_travels_whole_up_to_its_limit,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_a_long_transcript_keeps_whole_lines_of_its_head_and_tail, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_transcript_of_one_endless_line_is_only_its_mark,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_transcript_of_another_kind_is_left_out,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_prompt_is_what_was_given_whatever_the_agent_left,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_prompt_that_is_not_known_is_left_out, scratch_setup,
                                         scratch_teardown),
    };
    redact_add (&s_secrets, "sk-0123456789", 13);
    int rc = cmocka_run_group_tests (tests, NULL, NULL);
    redact_fini (&s_secrets);
    return rc;
}
