#!/bin/sh
# check-licence.sh - every source file names its licence by one SPDX line.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard '*.[ch]' '*.py' '*.sh' '*.bash' '*.mjs' \
    '*CMakeLists.txt' '*.cmake' Makefile | grep -v '__init__' \
    | xargs grep -L 'SPDX-License-Identifier: Apache-2.0' \
    | awk '{ print $0 ": has no SPDX line"; bad = 1 } END { exit bad }'
