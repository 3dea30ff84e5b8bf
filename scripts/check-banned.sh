#!/bin/sh
# check-banned.sh - functions we do not use: unbounded, bound to global state, or hiding errors.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|gets|system|popen'
banned=$banned'|sleep|usleep|localtime|gmtime|rand|srand|alloca|setenv|putenv|exit'
git ls-files --cached --others --exclude-standard '*.[ch]' | grep -v '^tests/' \
    | xargs grep -nE "(^|[^A-Za-z0-9_.>])($banned) ?\(" \
    | { grep -vE '^[^:]*:[0-9]*: *//' || true; } | awk '{ print; bad = 1 } END { exit bad }'
# A thread is an actor.  threads.c asks whether there could be some; the watchdog outlives main.
git ls-files --cached --others --exclude-standard '*.c' \
    | grep -vE '^(tests/.*|common/base/(actor|threads)\.c|broker/main\.c)$' \
    | xargs grep -nE 'pthread_create \(' | sed 's|$|  <- make it an actor|' \
    | awk '{ print; bad = 1 } END { exit bad }'
git ls-files --cached --others --exclude-standard '*.[ch]' '*.py' '*.sh' '*.mjs' \
    | grep -v check-banned.sh | xargs grep -nE '\b(TODO|FIXME|XXX)\b' \
    | awk '{ print; bad = 1 } END { exit bad }'
