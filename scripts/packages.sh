#!/bin/sh
# packages.sh - install Debian packages that are missing; quick and quiet when none is.
#
#   packages.sh NAME...
# Without root and without sudo it prints the one line to run and fails.
# SPDX-License-Identifier: Apache-2.0
set -eu
missing=
for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | cut -c 1-2)" = ii ] || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    printf 'packages are missing; as root run:\n\n  apt-get install --no-install-recommends%s\n\n' "$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086  # a list of package names
$as_root apt-get install -y -qq --no-install-recommends $missing
