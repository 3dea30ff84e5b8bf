#!/bin/bash
# check-where.sh - do the documents point to files, functions and headings that exist?
#
#   check-where.sh [--mend]
#
# An answer of CONTRIBUTING.md, "Where is ...?", is `file: name`: the file must define the name.
# Any other `folder/...` in a page must be a file or folder, with or without its ending.  A page
# that code names must exist, and so must the heading that stands behind it in quotes.
# --mend corrects each answer whose name one other file alone defines, but not static names.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
listed () {
    local file
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [ ! -e "$file" ] || echo "$file"
    done
}
names=$(mktemp)
trap 'rm -f "$names"' EXIT
listed '*.[ch]' '*.sh' \
    | ctags --languages=C,Sh --map-C=+.h --kinds-C=fvde --kinds-Sh=f -x \
        --_xformat='%F %N' -L - >"$names"

# Each wrong answer, and where its name is defined.  "mend OLD NEW" on standard output.
answers () {
    awk '
    FNR == NR { defined [$1 ": " $2] = 1; at [$2] = at [$2] " " $1; next }
    /^## / { where = /^## Where is/ }
    where {
        rest = $0
        while (match (rest, /`[^` ]+: [^`]+`/)) {
            answer = substr (rest, RSTART + 1, RLENGTH - 2)
            rest = substr (rest, RSTART + RLENGTH)
            count++
            if (answer in defined)
                continue
            name = answer
            sub (/^.*: /, "", name)
            places = split (at [name], place, " ")
            print "CONTRIBUTING.md:" FNR ": " answer ": not there" \
                (places ? "; see" at [name] : "") >"/dev/stderr"
            if (places == 1 && name !~ /^s_/)
                print "mend", answer, place [1] ": " name
            bad = 1
        }
    }
    END {
        if (count < 20) {
            print "CONTRIBUTING.md: " count + 0 " answers, 20 are wanted" >"/dev/stderr"
            bad = 1
        }
        exit bad
    }' OFS='\t' "$names" CONTRIBUTING.md
}

mend () {
    local old new
    while IFS=$'\t' read -r _ old new; do
        sed -i "s|\`$old\`|\`$new\`|" CONTRIBUTING.md
    done
}

roots='broker|common|worker|runner|publisher|tools|agent-container|scripts|tests|configs'
# shellcheck disable=SC2016  # the backticks are those of Markdown
paths () {
    local bad=0 path place
    while IFS=: read -r place line path; do
        path=${path//\`/}
        [ -e "$path" ] || [ -e "$path.c" ] || [ -e "$path.h" ] \
            || { echo "$place:$line: there is no $path"; bad=1; }
    done < <(listed '*.md' ':!tests/npm' | xargs grep -HnoE '`('"$roots"')/[A-Za-z0-9_./-]*`')
    return $bad
}

pages () {
    local bad=0 place line text page title
    while IFS=: read -r place line text; do
        page=${text%%.md*}.md title=
        [[ $text != *\"* ]] || title=${text#*\"} title=${title%\"}
        if [ ! -e "$page" ]; then
            echo "$place:$line: there is no $page"
            bad=1
        elif [ -n "$title" ] && ! grep -qxE "#+ $title.*" "$page"; then
            echo "$place:$line: $page has no heading \"$title\""
            bad=1
        fi
    done < <(listed '*.[ch]' '*.py' '*.sh' Makefile ':!scripts/check-where.sh' \
        ':!tests/system/test_lint.py' \
        | xargs grep -HnoE "docs/[a-z.-]+\\.md,? ?(\"[A-Z][A-Za-z' ]*\")?")
    return $bad
}

rc=0
if [ "${1:-}" = --mend ]; then
    { answers 2>/dev/null || true; } | mend
fi
answers >/dev/null || rc=1
paths || rc=1
pages || rc=1
exit $rc
