#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# agent; start the worker with a line end behind the key: ANTHROPIC_API_KEY='sk-ant-field-0001<LF>' AGENT_CLI=custom AGENT_ENV=AGENT_CUSTOM_COMMAND,ANTHROPIC_API_KEY
# Right: stars in report, log, result.json and Slack, as without the newline.  Seen: the key itself.
mkdir -p "$1/output"
k=$(printf %s "$ANTHROPIC_API_KEY" | tr -d '\n')
echo "authorization failed for x-api-key: $k (401)" >&2
{ echo "## Root Cause"; echo; echo "The client sent x-api-key: $k and got 401 from the gateway."; echo; echo "**Confidence:** LOW"; echo; echo "This report is long enough to be taken for a report by whoever counts its bytes."; } > "$1/output/investigation.md"
