//  slack_text - foreign text in messages to Slack: escaped, one line, cut at a sentence.  Pure.
//
//  Names, reports and reasons are hostile.  & < > are escaped, also their fullwidth forms.  A
//  mention is broken by an unseen character, and * ~ ` become look-alikes, so no formatting can be
//  forged.  _ stays, because names have it: a text may show in italics, but it says the same.
//  Units: characters, counted as UTF-16 units after escaping.  Slack counts no more than these.
//  Src: docs.slack.dev/messaging/formatting-message-text.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

//  The length of a text.
size_t
slack_text_units (const char *text);
//  Append a value of at most max characters.  It is for texts with "verbatim": Slack makes no links
//  of addresses in them.
void
slack_text_add (buf_t *out, const char *text, size_t max);
//  Append a value for the text of a notification.  It has no "verbatim", so addresses in it are
//  broken by unseen characters.
void
slack_text_brief (buf_t *out, const char *text, size_t max);
