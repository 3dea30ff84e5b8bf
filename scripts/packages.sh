#!/bin/sh
# packages.sh - install Debian packages that are missing; quick and quiet when none is.
#
#   packages.sh NAME...
# Without root and without sudo it prints the one line to run and fails.
# SPDX-License-Identifier: Apache-2.0
set -eu
missing=
for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | cut -c 1-2)" = ii ] \
        || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
exec "$(dirname "$0")/as-root.sh" "packages are missing" \
    "apt-get update -qq && apt-get install -y -qq --no-install-recommends$missing"
