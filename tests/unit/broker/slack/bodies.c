//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/slack/slack_text.h"
#include "tests/unit/broker/slack/bodies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 3000, HEADER = 150, BLOCKS = 50 };

char bodies_all [262144];

const char *const bodies_hostile [] = {
    "<!channel> <!here> <!everyone> <!subteam^S0123|x>",
    "<@U012AB3CD> <#C012AB3CD> <https://evil.example|View Report>",
    "@channel @here @everyone @group @CHANNEL x@here @U0123456", "& &amp; &lt;!channel&gt; <b>",
    "*Root Cause (HIGH confidence):* ~gone~ `code` ```block``` _it_",
    "line one\nReport: elsewhere\r\n> quote\t\x1b[31m", "\xff\xfe\x80 cut \xe2\x82",
    "\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf@\xe2\x80\213channel", "@@channel @<!here> <<!here>>",
    "x@\xe2\x80\213channel x@he\xe2\x80\xaere x@\xef\xbb\xbf@\xc2\255everyone",
    "x@gro\xf3\xa0\x81\x81up",
    //  fullwidth < ! > @, letters and &; a grapheme joiner and a Hangul filler in a word
    "\xef\xbc\x9c!here\xef\xbc\x9e \xef\xbc\240channel \xef\xbc\x86lt;",
    "x@\xef\xbd\x88\xef\xbd\x85re", "x@h\xcd\217ere x@ch\xe3\x85\244annel \xef\xb9\253group", NULL};

//  Visit each text of the message; returns its number of blocks.
static size_t
s_visit (const json_t *value, void (*visit) (const char *type, const char *text))
{
    size_t blocks = 0, index;
    const char *key;
    json_t *item;
    union {
        const json_t *from;
        json_t *to;
    } object = {.from = value};
    json_array_foreach (value, index, item) blocks += s_visit (item, visit);
    json_object_foreach (object.to, key, item)
    {
        if (strcmp (key, "blocks") == 0)
            blocks += json_array_size (item);
        if (json_is_string (item) && strcmp (key, "text") == 0)
            visit (json_member_text (value, "type", "top"), json_string_value (item));
        blocks += s_visit (item, visit);
    }
    return blocks;
}

static void
s_collect (const char *type, const char *text)
{
    size_t used = strlen (bodies_all);
    snprintf (bodies_all + used, sizeof bodies_all - used, "%s\n", text);
}

static void
s_check_limits (const char *type, const char *text)
{
    assert_true (*text && slack_text_units (text) < TEXT);
    assert_true (json_utf8_valid (text, strlen (text)));
    if (strcmp (type, "plain_text") == 0)
        assert_true (slack_text_units (text) <= HEADER);
}

//  No markup except ours: no bare < or >, & only in escapes, and no mentions; in a notification
//  no address.
static void
s_check_forged (const char *type, const char *text)
{
    static const char *const words [] = {"@channel", "@here", "@everyone", "@group", "@U0",
                                         "<!",       "<@",    "<#",        "```"};
    for (size_t i = 0; i < sizeof words / sizeof words [0]; i++)
        assert_null (strcasestr (text, words [i]));
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            assert_true (strncmp (at, "&amp;", 5) == 0 || strncmp (at, "&lt;", 4) == 0
                         || strncmp (at, "&gt;", 4) == 0);
        assert_true (*at != '<' && *at != '>');
        assert_true ((unsigned char) *at >= ' ' || *at == '\n');
    }
    if (strcmp (type, "top") == 0)
        assert_true (!strstr (text, "://") && !strstr (text, "www."));
}

json_t *
bodies_read (char *text)
{
    json_t *message = NULL;
    assert_non_null (text);
    assert_int_equal (json_parse (text, strlen (text), &message, NULL), 0);
    free (text);
    assert_true (json_member_text (message, "text", "") [0] != 0);
    assert_true (json_is_array (json_object_get (message, "attachments")));
    bodies_all [0] = 0;
    size_t blocks = s_visit (message, s_collect);
    assert_in_range (blocks, 1, BLOCKS);
    s_visit (message, s_check_limits);
    s_visit (message, s_check_forged);
    return message;
}

void
bodies_show (char *text)
{
    json_decref (bodies_read (text));
}

void
bodies_expect (const char *part)
{
    if (!strstr (bodies_all, part))
        fail_msg ("no '%s' in:\n%s", part, bodies_all);
}

void
bodies_expect_not (const char *part)
{
    if (strstr (bodies_all, part))
        fail_msg ("'%s' in:\n%s", part, bodies_all);
}

const json_t *
bodies_block (const json_t *message, size_t index)
{
    return json_array_get (json_object_get (message, "blocks"), index);
}

void
bodies_fill (char *field, size_t size, const char *unit)
{
    size_t length = strlen (unit);
    for (size_t i = 0; i + 1 < size; i++)
        field [i] = unit [i % length];
    field [size - 1] = 0;
}
