//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict_path.h"

#include <string.h>

static bool
s_is (const char *path, size_t size, const char *text)
{
    return strlen (text) == size && memcmp (path, text, size) == 0;
}

//  A plain file name: [A-Za-z0-9._-], not starting with a dot.  This excludes ".", ".." and hidden
//  files.
static bool
s_name (const char *name, size_t size)
{
    static const char allowed [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (size == 0 || name [0] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!memchr (allowed, name [i], sizeof allowed - 1))
            return false;
    return true;
}

const verdict_file_t *
verdict_file_find (const verdict_file_t *files, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (files [i].path, path) == 0)
            return &files [i];
    return NULL;
}

bool
verdict_path_allowed (const char *path, size_t size)
{
    static const char logs [] = "logs/";
    static const char suffix [] = ".log";
    enum { LOGS = sizeof logs - 1, SUFFIX = sizeof suffix - 1 };

    if (size >= LIMIT_PATH_BYTES)
        return false;
    if (s_is (path, size, "output/investigation.md")
        || s_is (path, size, "output/agent-result.json") || s_is (path, size, "logs/prompt.md")
        || s_is (path, size, "logs/transcript.jsonl") || s_is (path, size, "run.json"))
        return true;
    return size > LOGS + SUFFIX && memcmp (path, logs, LOGS) == 0
           && memcmp (path + size - SUFFIX, suffix, SUFFIX) == 0
           && s_name (path + LOGS, size - LOGS);
}

int64_t
verdict_path_limit (const char *path)
{
    if (strcmp (path, "output/investigation.md") == 0)
        return LIMIT_REPORT_BYTES;
    if (strcmp (path, "logs/transcript.jsonl") == 0)
        return LIMIT_TRANSCRIPT_BYTES;
    return LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES;
}
