//  test_slack_view - webhook messages on a terminal, and those that Slack would refuse.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tools/slack_view.h"

#include <string.h>

enum { S_ROOM = 1 << 20 };

static const char *
s_view (const char *text, bool color, buf_t *out)
{
    own (json_drop) json_t *message = NULL;
    assert_int_equal (json_parse (text, strlen (text), &message, NULL), 0);
    return slack_view (message, color, out);
}

static void
s_expect (const char *text, bool color, const char *wanted)
{
    own (buf_fini) buf_t out = buf_init (S_ROOM);
    assert_null (s_view (text, color, &out));
    assert_string_equal (out.data, wanted);
}

static void
s_refused (const char *text, const char *why)
{
    own (buf_fini) buf_t out = buf_init (S_ROOM);
    const char *refusal = s_view (text, false, &out);
    assert_non_null (refusal);
    assert_string_equal (refusal, why);
    assert_int_equal (out.size, 0);
}

//  {"blocks": [block]} with `count` copies of the letter where block has its %s.
static void
s_with_long (const char *format, size_t count, const char *why)
{
    own (buf_fini) buf_t letters = buf_init (S_ROOM);
    own (buf_fini) buf_t text = buf_init (S_ROOM);
    for (size_t i = 0; i < count; i++)
        buf_text (&letters, "\xC3\xA4"); //  one character, two bytes
    buf_text (&text, "{\"text\":\"t\",\"blocks\":[");
    const char *gap = strstr (format, "%s");
    buf_append (&text, format, (size_t) (gap - format));
    buf_text (&text, letters.data);
    buf_text (&text, gap + 2);
    buf_text (&text, "]}");
    if (why) {
        s_refused (text.data, why);
        return;
    }
    own (buf_fini) buf_t out = buf_init (S_ROOM);
    assert_null (s_view (text.data, false, &out));
}

static void
test_blocks_become_lines_and_entities_characters (void **state)
{
    s_expect ("{\"text\":\"t\",\"blocks\":["
              "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"Head\"}},"
              "{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"*A:*\\na "
              "&lt;b&gt; &amp; c &x;\"}]},"
              "{\"type\":\"divider\"},"
              "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":\"small\"}]},"
              "{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_"
              "text\","
              "\"text\":\"View\"},\"url\":\"https://x/y\"}]}]}",
              false, "| Head\n| *A:* a <b> & c &x;\n| small\n| [ View ] https://x/y\n");
}

static void
test_a_message_of_text_alone_shows_it (void **state)
{
    s_expect ("{\"text\":\"plain\"}", false, "| plain\n");
}

static void
test_attachments_have_a_coloured_bar (void **state)
{
    const char *message =
        "{\"text\":\"t\",\"attachments\":[{\"color\":\"warning\",\"blocks\":["
        "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"Bad\"}}]}]}";
    s_expect (message, true, "| \033[1mt\033[0m\n\033[33m|\033[0m \033[1mBad\033[0m\n");
}

static void
test_what_a_pod_wrote_cannot_act_on_the_terminal (void **state)
{
    s_expect ("{\"text\":\"a\\u001b[2Jb\"}", true, "| \033[1ma\\x1b[2Jb\033[0m\n");
}

static void
test_what_slack_refuses_is_refused_in_its_words (void **state)
{
    s_refused ("[]", "invalid_payload");
    s_refused ("{}", "no_text");
    s_refused ("{\"text\":\"t\",\"blocks\":[{\"type\":\"poem\"}]}", "invalid_blocks");
    s_refused ("{\"text\":\"t\",\"blocks\":[{\"type\":\"section\"}]}", "invalid_blocks");
    s_refused ("{\"text\":\"t\",\"blocks\":[{\"type\":\"context\",\"elements\":[]}]}",
               "invalid_blocks");
}

static void
test_limits_count_characters (void **state)
{
    const char *header = "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"%s\"}}";
    s_with_long (header, 150, NULL);
    s_with_long (header, 151, "invalid_blocks");
    const char *section = "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%s\"}}";
    s_with_long (section, 3000, NULL);
    s_with_long (section, 3001, "invalid_blocks");
    const char *field = "{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"%s\"}]}";
    s_with_long (field, 2000, NULL);
    s_with_long (field, 2001, "invalid_blocks");
}

static void
test_fifty_blocks_are_the_most (void **state)
{
    for (int count = 50; count <= 51; count++) {
        own (buf_fini) buf_t text = buf_init (S_ROOM);
        own (buf_fini) buf_t out = buf_init (S_ROOM);
        buf_text (&text, "{\"text\":\"t\",\"blocks\":[{\"type\":\"divider\"}");
        for (int i = 1; i < count; i++)
            buf_text (&text, ",{\"type\":\"divider\"}");
        buf_text (&text, "]}");
        const char *refusal = s_view (text.data, false, &out);
        assert_true (count == 50 ? refusal == NULL : strcmp (refusal, "invalid_blocks") == 0);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_blocks_become_lines_and_entities_characters),
        cmocka_unit_test (test_a_message_of_text_alone_shows_it),
        cmocka_unit_test (test_attachments_have_a_coloured_bar),
        cmocka_unit_test (test_what_a_pod_wrote_cannot_act_on_the_terminal),
        cmocka_unit_test (test_what_slack_refuses_is_refused_in_its_words),
        cmocka_unit_test (test_limits_count_characters),
        cmocka_unit_test (test_fifty_blocks_are_the_most),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
