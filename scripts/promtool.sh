#!/bin/sh
# promtool.sh - build/tools/promtool out of Debian's prometheus package: the daemon and its
# service stay away.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
! command -v promtool >/dev/null 2>&1 || exit 0
[ ! -x build/tools/promtool ] || exit 0
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
fetch () { (cd "$new" && apt-get -o APT::Sandbox::User=root -qq download prometheus); }
if ! fetch 2>/dev/null; then
    scripts/as-root.sh "the lists of packages are missing or old" "apt-get update -qq"
    fetch
fi
dpkg-deb --fsys-tarfile "$new"/prometheus_*.deb | tar -x -C "$new" ./usr/bin/promtool
mkdir -p build/tools
mv "$new/usr/bin/promtool" build/tools/promtool
