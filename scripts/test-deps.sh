#!/bin/sh
# test-deps.sh - all that the tests need: the packages of deps.sh, more of them, and npm packages
# by their lockfile.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
# Debian's npm conflicts with the nodejs of other archives, which brings its own npm.
npm=
command -v npm >/dev/null 2>&1 || npm=npm
# shellcheck disable=SC2086  # npm: one name or none
scripts/deps.sh $npm \
    libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-pytest-timeout python3-zmq \
    python3-msgpack python3-yaml procps clang libclang-rt-14-dev clang-format clang-tidy \
    universal-ctags shellcheck binutils gcovr curl sqlite3 openssl podman runc \
    qemu-system-x86 cpio busybox-static chromium
scripts/promtool.sh
scripts/npm.sh tests/npm
