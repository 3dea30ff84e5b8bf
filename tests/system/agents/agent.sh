#!/bin/sh
# An agent that does what the event's context tells it: "do: WORD [NUMBER]".
# SPDX-License-Identifier: Apache-2.0
set -eu
order=$(sed -n 's/^ *"context": *"do: \([a-z_]*\) *\([0-9]*\).*/\1 \2/p' \
    "$WORKSPACE_DIR/event.json" | head -n 1)
word=${order%% *} number=${order#* }
mkdir -p "$WORKSPACE_DIR/output"
report="$WORKSPACE_DIR/output/investigation.md"
text() { head -c "$1" /dev/zero | tr '\0' 'x'; }
good() {
    printf '# Report\n\nincident %s attempt %s\n%s\n' \
        "$INCIDENT_ID" "$ATTEMPT" "$(text 100)" > "$report"
}
case $word in
    bytes) text "$number" > "$report" ;;
    exit) good; exit "$number" ;;
    none) ;;
    directory) mkdir "$report" ;;
    symlink) good; mv "$report" "$WORKSPACE_DIR/output/other.md"; ln -s other.md "$report" ;;
    diagnose)
        good
        printf '\n## Root Cause\n\nThe **limit** is too low.\n\n**Confidence:** HIGH\n' \
            >> "$report" ;;
    hostile)
        good
        printf '\n## Root Cause\n\n<!channel> @here @channel <@U012AB3CD> ' >> "$report"
        printf '[View](https://evil.example/) %s.\n' "$(text 9000)" >> "$report" ;;
    slow) sleep "$number"; good ;;
    late) trap '' TERM; sleep "$number"; good ;;
    first_fails) good; if [ "$ATTEMPT" = 1 ]; then exit 3; fi ;;
    kubeconfig) good; cat "${KUBECONFIG:-/dev/null}" >> "$report" ;;
    environment) good; env | sort >> "$report" ;;
    arguments) good; printf '%s\n' "$@" >> "$report" ;;
    *) good ;;
esac
