//  verdict_path - the files of an attempt that may travel: their paths and sizes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  One listed file of an attempt.
typedef struct {
    char path [LIMIT_PATH_BYTES]; //  relative, from the allow-list of verdict_path_allowed
    int64_t size;                 //  Units: bytes
    char sha256 [DIGEST_HEX];     //  lower-case hex
} verdict_file_t;

//  The file of this path, or NULL.  Own: borrowed from files.
const verdict_file_t *
verdict_file_find (const verdict_file_t *files, size_t count, const char *path);
//  May this relative path be an artifact of an attempt?
//  Allow-list: output/investigation.md, output/agent-result.json, logs/<name>.log, logs/prompt.md,
//  logs/transcript.jsonl, run.json; names [A-Za-z0-9._-], no "..".
bool
verdict_path_allowed (const char *path, size_t size);
//  Largest size of the file at this path.  Units: bytes.
int64_t
verdict_path_limit (const char *path);
