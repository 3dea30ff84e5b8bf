//  storage_upload - one file of an incident on its way into a block blob of Azure.
//
//  Ensures: the blob has exactly the file's bytes, with their MD5, or it is as it was before.
//  A file goes up in one request, or in blocks when it is large; one buffer of a block is all the
//  memory that it takes.  A blob that is there with the same bytes is left as it is.
//  A file that changes while it is read is RETRY.  Threads: delivery's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage_call.h"
#include "common/base/digest.h"

enum { STORAGE_UPLOAD_BLOCK_BYTES = LIMIT_MIB (2), STORAGE_UPLOAD_MD5 = 25 };

typedef enum {
    STORAGE_UPLOAD_NONE,
    STORAGE_UPLOAD_PUT,     //  make the blob, unless it is there
    STORAGE_UPLOAD_LOOK,    //  is the blob there the same?
    STORAGE_UPLOAD_REPLACE, //  put it over the other one
    STORAGE_UPLOAD_BLOCK,   //  send a block
    STORAGE_UPLOAD_COMMIT   //  make the blob from its blocks
} storage_upload_step_t;

typedef struct {
    storage_call_t call;
    storage_upload_step_t step; //  NONE: nothing is under way
    const storage_call_place_t *place;
    const char *incident;
    storage_file_t *file; //  gets the result
    int fd;
    int64_t size, changed_ns; //  of the file when it was opened
    char md5 [STORAGE_UPLOAD_MD5];
    bool there;       //  the blob is there, with other bytes
    int looks;        //  so often it was asked for
    char *buffer;     //  owned
    size_t have;      //  bytes in it
    int64_t offset;   //  large: bytes of blocks that were sent
    digest_t *digest; //  large: of these; owned
    buf_t list;       //  large: the list of blocks
} storage_upload_t;

//  Begin; none may be under way.  Own: borrows all until the end.
void
storage_upload_begin (storage_upload_t *self, const storage_call_place_t *place,
                      const char *incident, int folder_fd, storage_file_t *file);
//  Go on after http_poll.  Returns false when nothing is under way: the file has its result.
bool
storage_upload_go_on (storage_upload_t *self);
//  Cancel what is under way, and free what self holds.
void
storage_upload_fini (storage_upload_t *self);
