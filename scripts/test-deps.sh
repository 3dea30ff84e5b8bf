#!/bin/sh
# test-deps.sh - what the tests need besides deps.sh: Debian packages, and npm packages by their lockfile.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
scripts/packages.sh \
    libcmocka-dev python3 python3-pytest python3-pytest-xdist python3-pytest-timeout python3-zmq python3-msgpack python3-yaml procps \
    clang-format clang-tidy universal-ctags shellcheck binutils gcovr curl sqlite3
# Debian's npm conflicts with the nodejs of other archives, which brings its own npm.
command -v npm >/dev/null 2>&1 || scripts/packages.sh npm
stamp=tests/npm/node_modules/.installed
if ! cmp -s tests/npm/package-lock.json "$stamp"; then
    (cd tests/npm && npm ci --omit=dev --no-audit --no-fund --loglevel=error)
    cp tests/npm/package-lock.json "$stamp"
fi
