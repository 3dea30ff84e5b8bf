#!/bin/sh
#  check-docs - do the printed pages in docs/ still say what the programs' tables say?
#
#  check-docs.sh BIN: BIN is the folder of the built programs.  Exit 1 and a diff when they differ.
#  SPDX-License-Identifier: Apache-2.0
set -eu
bin=${1:?usage: check-docs.sh BIN}
here=$(dirname "$0")
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
"$here/docs.sh" "$bin" "$new"
rc=0
for page in configuration.md states.md protocol.md; do
    diff -u "$here/../docs/$page" "$new/$page" || rc=1
done
[ $rc = 0 ] || echo "docs are out of date: run scripts/docs.sh $bin" >&2
exit $rc
