//  artifact_stage - the files of one attempt: staged, then sealed.
//
//  Ensures: a sealed folder is complete, durable and as its manifest.json says.
//  <incident>/attempts/<n>.staging/ becomes <incident>/attempts/<n>/ by one rename.  Before it, the
//  size and digest of every file have been checked, and all is synced.
//  fd: the incident's folder (artifact_dir_open).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"

typedef struct {
    size_t count;
    verdict_file_t files [LIMIT_ATTEMPT_FILES];
} artifact_manifest_t;

//  Append bytes to a staged file.  size: of the whole file.
//  Nothing is written if offset is not the file's end.  *ret_upto: bytes on disk afterwards, which
//  is the offset to go on from.  Err: -errno.
int
artifact_stage_put (int fd, int64_t attempt, const char *path, int64_t size, int64_t offset,
                    const void *bytes, size_t count, int64_t *ret_upto) must_check;
//  Read the manifest of a sealed attempt.
//  Err: ERR_NONE: not sealed; ERR_PROTO: the manifest is damaged; -errno.
int
artifact_stage_manifest (int fd, int64_t attempt, artifact_manifest_t *ret_manifest) must_check;
//  Seal an attempt.  If it is sealed with the same files already, this is a success.
//  Err: ERR_NONE: files are missing or differ; wrong ones are removed and must be uploaded again.
//  ERR_STALE: sealed with other files.  -errno.
//  ret_reason, of LIMIT_REASON_BYTES, says why.
int
artifact_stage_seal (int fd, int64_t attempt, const artifact_manifest_t *manifest,
                     char *ret_reason) must_check;
//  Are exactly these files sealed?  Returns 0 if so.  Err: ERR_NONE: no; -errno.
int
artifact_stage_check (int fd, int64_t attempt, const artifact_manifest_t *manifest) must_check;
//  Remove the staged files.
void
artifact_stage_drop (int fd, int64_t attempt);
