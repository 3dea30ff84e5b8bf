#!/bin/sh
# as-root.sh - run a line of shell as root; who may not is shown that line, and it fails.
#
#   as-root.sh WHY LINE     WHY opens the message; LINE has no single quotes
# SPDX-License-Identifier: Apache-2.0
set -eu
if [ "$(id -u)" = 0 ]; then
    exec env DEBIAN_FRONTEND=noninteractive sh -c "$2"
fi
shown=$2
if command -v sudo >/dev/null 2>&1; then
    ! sudo -n true 2>/dev/null || exec sudo env DEBIAN_FRONTEND=noninteractive sh -c "$2"
    shown="sudo sh -c '$2'"
fi
printf '%s; as root run:\n\n  %s\n\n' "$1" "$shown" >&2
exit 1
