#!/bin/sh
# check-failpoints.sh - every fsync and rename is made by common/base/durable, every send by
# common/wire/link, every commit by broker/store/store: there stand the failpoints around it.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
only () { # only PATTERN FILE...: the pattern stands in these files and nowhere else
    pattern=$1
    shift
    for file in "$@"; do
        grep -qE "$pattern" "$file" \
            || echo "$file: nothing like $pattern; is this rule out of date?"
    done
    git ls-files --cached --others --exclude-standard '*.c' \
        | grep -v '^tests/' | grep -vxF "$(printf '%s\n' "$@")" \
        | xargs grep -nE "$pattern" | sed "s|\$|  <- belongs in $*|" || true
}
{
    only '(^|[^a-z_])(fsync|fdatasync|syncfs|sync_file_range|rename|renameat|renameat2) \(' \
        common/base/durable.c
    only '(^|[^a-z_])zmq_(send|msg_send|send_const) \(' common/wire/link.c
    only '"COMMIT' broker/store/store_migrate.c broker/store/store_open.c \
        broker/store/store_schema.c
    only 'sqlite3_wal_checkpoint' broker/store/store.c broker/store/store_open.c
} | awk '{ print; bad = 1 } END { exit bad }'
