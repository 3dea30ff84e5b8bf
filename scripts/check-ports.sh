#!/bin/sh
# check-ports.sh - a foreign header appears in the port that wraps its library, nowhere else
# (ports.txt).
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
grep -v '^#' scripts/ports.txt | while read -r header allowed; do
    git ls-files --cached --others --exclude-standard '*.[ch]' \
        | xargs grep -lE "^#include <$header" | while read -r file; do
            found=
            for port in $allowed; do
                case $file in "$port"*) found=yes ;; esac
            done
            [ -n "$found" ] || echo "$file: may not include <$header>; it belongs to $allowed"
        done
done | awk '{ print; bad = 1 } END { exit bad }'
