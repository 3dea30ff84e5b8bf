//  artifact_stage - one attempt's files: staged, sealed, read back.
//
//  <incident>/attempts/<n>.staging/ becomes <incident>/attempts/<n>/ by one rename, once every file
//  is there, has its size and digest, and is synced; manifest.json inside says what it holds.
//  fd: the incident's folder (artifact_dir_open).  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"

typedef struct {
    size_t count;
    verdict_file_t files [LIMIT_ATTEMPT_FILES];
} artifact_manifest_t;

//  Take bytes of `path` (size: of the whole file) at offset; *ret_upto: bytes on disk afterwards.
//  Bytes at another offset than the end are not taken, *ret_upto says where to go on.
int
artifact_stage_put (int fd, int64_t attempt, const char *path, int64_t size, int64_t offset,
                    const void *bytes, size_t count, int64_t *ret_upto) must_check;
//  What was sealed.  Err: ERR_NONE not sealed, ERR_PROTO the manifest is damaged, -errno.
int
artifact_stage_manifest (int fd, int64_t attempt, artifact_manifest_t *ret_manifest) must_check;
//  Seal; done already with the same files is success.
//  Err: ERR_NONE files are missing or differ (the bad ones are gone, upload again), ERR_STALE
//  sealed with other files, -errno.  reason tells, LIMIT_REASON_BYTES.
int
artifact_stage_seal (int fd, int64_t attempt, const artifact_manifest_t *manifest,
                     char *ret_reason) must_check;
//  Are the sealed files on disk exactly these?  Err: ERR_NONE no, -errno.
int
artifact_stage_check (int fd, int64_t attempt, const artifact_manifest_t *manifest) must_check;
//  Forget what is staged.
void
artifact_stage_drop (int fd, int64_t attempt);
