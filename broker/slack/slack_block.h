//  slack_block - builds one message to Slack of blocks.  Pure.
//
//  What matters stands in blocks.  Notes stand beside a coloured bar below them, which Slack may
//  fold.  A body always holds "text", "blocks" and "attachments", so an edit replaces all of them.
//  Ensures: Slack's limits hold, whatever the values are.  A block that is one too many is left
//  out.
//  Own: init, then slack_block_message, which frees all.  A failure shows only there.
//  Src: docs.slack.dev/reference/block-kit/blocks.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"

enum {
    SLACK_BLOCK_TEXT = 2900,  //  characters of one text; Slack accepts 3000
    SLACK_BLOCK_FIELD = 1500, //  of a field's value; Slack accepts 2000 with its label
    SLACK_BLOCK_BRIEF = 300   //  of a value in a notification
};

typedef struct {
    json_t *blocks;
    json_t *notes; //  blocks beside the bar
    const char *color;
    int failed;
} slack_block_t;

//  color: of the bar, "good", "warning" or "#E01E5A".  Own: borrowed.
slack_block_t
slack_block_init (const char *color);
//  An empty text, for the functions below.
buf_t
slack_block_text (void);
//  A title; one of ours, at most 150 characters.
void
slack_block_header (slack_block_t *self, const char *text);
//  A paragraph.  Own: takes the content of text.
void
slack_block_section (slack_block_t *self, buf_t *text);
//  "*Label:*" over its value, which is escaped; "-" when it is empty.  Fields that follow each
//  other stand in two columns, at most ten.
void
slack_block_field (slack_block_t *self, const char *label, const char *value);
//  A button that opens a URL (slack_block_url).
void
slack_block_button (slack_block_t *self, const char *label, const char *url);
//  A small line beside the bar.  Own: takes the content of text.
void
slack_block_note (slack_block_t *self, buf_t *text);
//  May a button open this URL: http or https, whole, within Slack's limit?
bool
slack_block_url (const char *url);
//  "2h 3m 4s".  Units: ms.  size: at least SLACK_BLOCK_SPAN.
enum { SLACK_BLOCK_SPAN = 32 };
void
slack_block_span (int64_t ms, char *ret_text, size_t size);
//  "2026-01-15T12:34:56Z".  size: at least CLK_TEXT.
void
slack_block_time (int64_t wall_ms, char *ret_text, size_t size);
//  The body, one line of JSON; the blocks are then gone.  brief: the text of a notification.
//  repeated: the message may have arrived before, and says so.
//  Own: fresh, free it with free (); NULL when out of memory.
char *
slack_block_message (slack_block_t *self, const buf_t *brief, bool repeated);
