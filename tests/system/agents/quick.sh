#!/bin/sh
# The quickest honest agent: a report from the event, nothing else.
# SPDX-License-Identifier: Apache-2.0
mkdir -p "$WORKSPACE_DIR/output"
{ echo "# Report of $INCIDENT_ID"; cat "$WORKSPACE_DIR/event.json"; } \
    > "$WORKSPACE_DIR/output/investigation.md"
