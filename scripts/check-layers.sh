#!/bin/sh
# check-layers.sh - fail when a file includes a folder its own folder may not see (layers.txt).
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
git ls-files --cached --others --exclude-standard '*.[ch]' | while read -r file; do
    awk -v file="$file" '
        function folder_of(path,  folder, found) {
            for (folder in allowed)
                if (index (path, folder "/") == 1 && length (folder) > length (found))
                    found = folder
            return found
        }
        FNR == NR {
            if (NF && $1 !~ /^#/) {
                allowed[$1] = " " $1
                for (i = 2; i <= NF; i++)
                    allowed[$1] = allowed[$1] " " $i
                allowed[$1] = allowed[$1] " "
            }
            next
        }
        /^#include "/ {
            split ($0, part, "\"")
            path = part[2]
            target = folder_of(path)
            seen = allowed[folder_of(file)]
            if (target == "" && index (path, "/"))
                print file ": unknown folder in #include \"" path "\""
            else if (target && !index (seen, " " target " ") && !index (seen, " " path " "))
                print file ": may not include " path " (scripts/layers.txt)"
        }
    ' scripts/layers.txt "$file"
done | awk '{ print; bad = 1 } END { exit bad }'
