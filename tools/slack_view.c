//  SPDX-License-Identifier: Apache-2.0
#include "tools/slack_view.h"

#include "common/base/own.h"
#include "tools/term.h"

#include <string.h>

enum { BLOCKS_MAX = 50, FIELDS_MAX = 10, HEADER_MAX = 150, TEXT_MAX = 3000, FIELD_MAX = 2000 };

typedef struct {
    bool color;
    const char *bar; //  colour of the attachment's bar, "" = none
    buf_t *out;
} view_t;

//  --- messages that Slack refuses

//  Characters, as Slack counts them.
static size_t
s_length (const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

static bool
s_text_fits (const json_t *text, size_t max)
{
    const char *content = json_member_text (text, "text", "");
    return content [0] && s_length (content) <= max;
}

static bool
s_all_fit (const json_t *list, size_t count_max, size_t max)
{
    const size_t count = json_array_size (list);
    for (size_t i = 0; i < count; i++)
        if (!s_text_fits (json_array_get (list, i), max))
            return false;
    return count > 0 && count <= count_max;
}

static bool
s_block_valid (const json_t *block)
{
    const char *type = json_member_text (block, "type", "");
    const json_t *text = json_object_get (block, "text");
    if (strcmp (type, "header") == 0)
        return s_text_fits (text, HEADER_MAX);
    if (strcmp (type, "section") == 0) {
        const json_t *fields = json_object_get (block, "fields");
        return (text || fields) && (!text || s_text_fits (text, TEXT_MAX))
               && (!fields || s_all_fit (fields, FIELDS_MAX, FIELD_MAX));
    }
    if (strcmp (type, "context") == 0)
        return s_all_fit (json_object_get (block, "elements"), FIELDS_MAX, TEXT_MAX);
    return strcmp (type, "divider") == 0
           || (strcmp (type, "actions") == 0
               && json_array_size (json_object_get (block, "elements")) > 0);
}

static bool
s_blocks_valid (const json_t *blocks)
{
    const size_t count = json_array_size (blocks);
    for (size_t i = 0; i < count; i++)
        if (!s_block_valid (json_array_get (blocks, i)))
            return false;
    return count <= BLOCKS_MAX;
}

static const char *
s_refusal (const json_t *message)
{
    if (!json_is_object (message))
        return "invalid_payload";
    const json_t *attachments = json_object_get (message, "attachments");
    bool valid = s_blocks_valid (json_object_get (message, "blocks"));
    for (size_t i = 0; i < json_array_size (attachments); i++)
        valid =
            valid && s_blocks_valid (json_object_get (json_array_get (attachments, i), "blocks"));
    if (!valid)
        return "invalid_blocks";
    const bool empty = !json_member_text (message, "text", "") [0]
                       && json_array_size (json_object_get (message, "blocks")) == 0;
    return empty ? "no_text" : NULL;
}

//  --- printing

//  Decode &amp; &lt; &gt;; everything else is unchanged.
static void
s_unescape (const char *text, buf_t *out)
{
    static const struct {
        const char *entity, *character;
    } table [] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}};
    while (*text) {
        size_t run = strcspn (text, "&");
        buf_append (out, text, run);
        text += run;
        size_t i = 0;
        while (i < 3 && strncmp (text, table [i].entity, strlen (table [i].entity)) != 0)
            i++;
        if (*text)
            buf_text (out, i < 3 ? table [i].character : "&");
        text += i < 3 ? strlen (table [i].entity) : *text != 0;
    }
}

static void
s_start (const view_t *self)
{
    if (self->color && self->bar [0])
        buf_printf (self->out, "\033[%sm|\033[0m ", self->bar);
    else
        buf_text (self->out, "| ");
}

//  Print each line of the text after the bar; `code` is the colour of the whole text.
static void
s_lines (const view_t *self, const char *text, const char *code)
{
    own (buf_fini) buf_t plain = buf_init (TEXT_MAX * 8);
    s_unescape (text, &plain);
    for (const char *line = plain.data;;) {
        const size_t size = strcspn (line, "\n");
        s_start (self);
        if (self->color && code [0])
            buf_printf (self->out, "\033[%sm", code);
        term_escape (line, size, self->out);
        if (self->color && code [0])
            buf_text (self->out, "\033[0m");
        buf_text (self->out, "\n");
        if (!line [size])
            return;
        line += size + 1;
    }
}

static void
s_each (const view_t *self, const json_t *list, const char *code)
{
    for (size_t i = 0; i < json_array_size (list); i++)
        s_lines (self, json_member_text (json_array_get (list, i), "text", ""), code);
}

//  Slack shows fields side by side with their labels above; here a field is a line.
static void
s_fields (const view_t *self, const json_t *list)
{
    for (size_t i = 0; i < json_array_size (list); i++) {
        own (buf_fini) buf_t line = buf_init (TEXT_MAX * 8);
        buf_text (&line, json_member_text (json_array_get (list, i), "text", ""));
        char *label = strstr (line.data, ":*\n");
        if (label)
            label [2] = ' ';
        s_lines (self, line.data, "");
    }
}

static void
s_buttons (const view_t *self, const json_t *elements)
{
    for (size_t i = 0; i < json_array_size (elements); i++) {
        const json_t *item = json_array_get (elements, i);
        own (buf_fini) buf_t line = buf_init (TEXT_MAX * 2);
        buf_printf (&line, "[ %s ] %s",
                    json_member_text (json_object_get (item, "text"), "text", ""),
                    json_member_text (item, "url", ""));
        s_lines (self, line.data, "4");
    }
}

static void
s_blocks (const view_t *self, const json_t *blocks)
{
    for (size_t i = 0; i < json_array_size (blocks); i++) {
        const json_t *block = json_array_get (blocks, i);
        const char *type = json_member_text (block, "type", "");
        const char *text = json_member_text (json_object_get (block, "text"), "text", "");
        if (text [0])
            s_lines (self, text, strcmp (type, "header") == 0 ? "1" : "");
        s_fields (self, json_object_get (block, "fields"));
        if (strcmp (type, "actions") == 0)
            s_buttons (self, json_object_get (block, "elements"));
        else
            s_each (self, json_object_get (block, "elements"), "2");
    }
}

static const char *
s_bar (const char *color)
{
    static const char *const table [][2] = {{"good", "32"}, {"warning", "33"}, {"danger", "31"}};
    for (size_t i = 0; i < 3; i++)
        if (strcmp (color, table [i][0]) == 0)
            return table [i][1];
    return "";
}

const char *
slack_view (const json_t *message, bool color, buf_t *out)
{
    const char *refusal = s_refusal (message);
    if (refusal)
        return refusal;
    view_t view = {.color = color, .bar = "", .out = out};
    const json_t *blocks = json_object_get (message, "blocks");
    const json_t *attachments = json_object_get (message, "attachments");
    if (json_array_size (blocks) == 0)
        s_lines (&view, json_member_text (message, "text", ""), "1");
    s_blocks (&view, blocks);
    for (size_t i = 0; i < json_array_size (attachments); i++) {
        const json_t *attachment = json_array_get (attachments, i);
        view.bar = s_bar (json_member_text (attachment, "color", ""));
        const char *text = json_member_text (attachment, "text", "");
        if (text [0])
            s_lines (&view, text, "");
        s_blocks (&view, json_object_get (attachment, "blocks"));
    }
    return NULL;
}
