#!/bin/sh
# A quick agent that writes its key down; on the event's word it takes its time, or leaves a folder
# too deep to be removed in one go.
# SPDX-License-Identifier: Apache-2.0
mkdir -p "$WORKSPACE_DIR/output"
echo "key $ANTHROPIC_API_KEY" > "$WORKSPACE_DIR/logs/key.log"
case $(head -c 4096 "$WORKSPACE_DIR/event.json") in
    *'"context": "do: slow"'*) : > "$WORKSPACE_DIR/slow"; sleep 5 ;;
    *'"context": "do: deep"'*) mkdir -p "$WORKSPACE_DIR/$(printf 'd/%.0s' $(seq 28))" ;;
esac
{ echo "# Report of $INCIDENT_ID, attempt $ATTEMPT"; cat "$WORKSPACE_DIR/event.json"; } \
    > "$WORKSPACE_DIR/output/investigation.md"
