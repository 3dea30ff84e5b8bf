//  SPDX-License-Identifier: Apache-2.0
#include "broker/slack/slack_block.h"

#include "broker/slack/slack_text.h"
#include "common/base/clk.h"
#include "common/base/own.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    S_BLOCKS = 50,
    S_FIELDS = 10,
    S_HEADER = 150,
    S_URL = 3000,
    S_BRIEF_BYTES = 8192,   //  far below Slack's 4,000 characters of an edit
    S_TEXT_BYTES = 3 * 3000 //  a character has at most three bytes
};

static const char s_repeat [] =
    "This may be a repeat: the broker was interrupted while it sent this message.";

slack_block_t
slack_block_init (const char *color)
{
    slack_block_t self = {.blocks = json_array (), .notes = json_array (), .color = color};
    self.failed = !self.blocks || !self.notes;
    return self;
}

buf_t
slack_block_text (void)
{
    return buf_init (S_TEXT_BYTES);
}

//  Own: takes block.
static void
s_add (slack_block_t *self, json_t *list, json_t *block)
{
    if (json_array_size (list) < S_BLOCKS - 1) //  one is kept for the mark of a repeat
        self->failed |= json_array_append_new (list, block);
    else
        json_decref (block);
}

//  A text part.  Own: fresh; NULL when out of memory; takes the content of text.
static json_t *
s_mrkdwn (buf_t *text)
{
    json_t *part = text->failed ? NULL
                                : json_pack ("{s:s,s:s,s:b}", "type", "mrkdwn", "text", text->data,
                                             "verbatim", true);
    buf_fini (text);
    return part;
}

void
slack_block_header (slack_block_t *self, const char *text)
{
    assert (strlen (text) <= S_HEADER);
    s_add (self, self->blocks,
           json_pack ("{s:s,s:{s:s,s:s,s:b}}", "type", "header", "text", "type", "plain_text",
                      "text", text, "emoji", true));
}

void
slack_block_section (slack_block_t *self, buf_t *text)
{
    s_add (self, self->blocks, json_pack ("{s:s,s:o}", "type", "section", "text", s_mrkdwn (text)));
}

//  The fields that the next one joins; NULL without memory.  Own: borrowed.
static json_t *
s_fields (slack_block_t *self)
{
    const size_t count = json_array_size (self->blocks);
    json_t *last = count > 0 ? json_array_get (self->blocks, count - 1) : NULL;
    json_t *fields = json_object_get (last, "fields");
    if (fields && json_array_size (fields) < S_FIELDS)
        return fields;
    s_add (self, self->blocks, json_pack ("{s:s,s:[]}", "type", "section", "fields"));
    last = json_array_get (self->blocks, count);
    return json_object_get (last, "fields");
}

void
slack_block_field (slack_block_t *self, const char *label, const char *value)
{
    buf_t text = slack_block_text ();
    buf_printf (&text, "*%s:*\n", label);
    slack_text_add (&text, *value ? value : "-", SLACK_BLOCK_FIELD);
    self->failed |= json_array_append_new (s_fields (self), s_mrkdwn (&text));
}

bool
slack_block_url (const char *url)
{
    if (!url || (strncmp (url, "https://", 8) != 0 && strncmp (url, "http://", 7) != 0))
        return false;
    const char *host = strchr (url, ':') + 3;
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || strchr ("<>\"\\^`{|}", *at))
            return false;
    return *host && *host != '/' && strlen (url) <= S_URL;
}

void
slack_block_button (slack_block_t *self, const char *label, const char *url)
{
    assert (slack_block_url (url));
    s_add (self, self->blocks,
           json_pack ("{s:s,s:[{s:s,s:{s:s,s:s,s:b},s:s,s:s}]}", "type", "actions", "elements",
                      "type", "button", "text", "type", "plain_text", "text", label, "emoji", true,
                      "url", url, "action_id", "view_report"));
}

void
slack_block_note (slack_block_t *self, buf_t *text)
{
    s_add (self, self->notes,
           json_pack ("{s:s,s:[o]}", "type", "context", "elements", s_mrkdwn (text)));
}

void
slack_block_span (int64_t ms, char *ret_text, size_t size)
{
    int64_t s = ms > 0 ? (ms + 500) / 1000 : 0;
    if (s >= 3600)
        snprintf (ret_text, size, "%" PRId64 "h %" PRId64 "m %" PRId64 "s", s / 3600, s / 60 % 60,
                  s % 60);
    else if (s >= 60)
        snprintf (ret_text, size, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    else
        snprintf (ret_text, size, "%" PRId64 "s", s);
}

void
slack_block_time (int64_t wall_ms, char *ret_text, size_t size)
{
    clk_text (wall_ms, ret_text, size);
    char *dot = strchr (ret_text, '.');
    if (dot)
        memcpy (dot, "Z", 2);
}

//  The mark of a message that may have arrived before; it has a place of its own.
static json_t *
s_mark (void)
{
    buf_t text = slack_block_text ();
    buf_text (&text, s_repeat);
    return json_pack ("{s:s,s:[o]}", "type", "context", "elements", s_mrkdwn (&text));
}

char *
slack_block_message (slack_block_t *self, const buf_t *brief, bool repeated)
{
    own (buf_fini) buf_t line = buf_init (S_BRIEF_BYTES);
    buf_printf (&line, "%s%s", repeated ? "(may be a repeat) " : "", brief->data);
    if (repeated)
        self->failed |= json_array_append_new (self->blocks, s_mark ());
    json_t *attachments = json_array ();
    if (json_array_size (self->notes) > 0)
        self->failed |= json_array_append_new (
            attachments, json_pack ("{s:s,s:O}", "color", self->color, "blocks", self->notes));
    own (json_drop) json_t *message =
        json_pack ("{s:s,s:o,s:o,s:b,s:b}", "text", line.data, "blocks", self->blocks,
                   "attachments", attachments, "unfurl_links", false, "unfurl_media", false);
    self->blocks = NULL;
    json_drop (&self->notes);
    return self->failed || brief->failed || line.failed || !message ? NULL : json_line (message);
}
