//  slack_view - a Slack webhook message as text for a terminal, and Slack's answer to it.
//
//  Knows the blocks that the broker posts: header, section, context, actions, divider, and
//  attachments.
//  Src: https://docs.slack.dev/reference/block-kit/blocks (limits of each block).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"

#include <stdbool.h>

//  Append the message, framed, one text per line.  Control bytes of hostile texts are escaped.
//  Returns NULL, or Slack's error text for a message that it would refuse; nothing is appended
//  then.
const char *
slack_view (const json_t *message, bool color, buf_t *out);
