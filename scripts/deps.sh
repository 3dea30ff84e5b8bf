#!/bin/sh
# deps.sh - the Debian packages to build and run, and those named besides.
#
#   deps.sh [NAME...]
# SPDX-License-Identifier: Apache-2.0
set -eu
"$(dirname "$0")/packages.sh" \
    gcc libc6-dev make cmake ninja-build pkg-config ccache git ca-certificates \
    libzmq3-dev libczmq-dev libcurl4-openssl-dev libmsgpack-dev libssl-dev libyaml-dev \
    libjansson-dev libsqlite3-dev libmicrohttpd-dev libhttp-parser-dev libmd4c-dev \
    libxml2-dev libsmartcols-dev libseccomp-dev uthash-dev jq bubblewrap "$@"
