#!/bin/sh
# check-root.sh - the top folder holds what is listed here, and nothing that a program left there.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
known='.ci .clang-format .clang-tidy .editorconfig .gitignore CMakeLists.txt CMakePresets.json'
known="$known CONTRIBUTING.md LICENSE Makefile README.md agent-container broker cmake common"
known="$known configs docs publisher runner scripts tests tools worker"
git ls-files --cached --others --exclude-standard | sed 's|/.*||' | sort -u \
    | awk -v known="$known" '
    BEGIN { split (known, names, " "); for (i in names) is_known [names [i]] = 1 }
    !($0 in is_known) { print $0 ": not a name of the top folder"; bad = 1 }
    END { exit bad }'
