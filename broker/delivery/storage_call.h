//  storage_call - one request to Azure's Blob service at a time, and what its answer means.
//
//  Each is logged at debug level, without its signature.  A call that cannot begin ends like one
//  that failed.  Threads: delivery's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_error.h"
#include "broker/azure/azure_sign.h"
#include "broker/delivery/storage.h"

enum { STORAGE_CALL_BLOB = IDENT_SIZE + LIMIT_PATH_BYTES, STORAGE_CALL_CONTAINER = 64 };

//  Where blobs go.  A copy: a new configuration does not change calls under way.
typedef struct {
    http_t *http;     //  borrowed
    const clk_t *clk; //  borrowed
    azure_account_t account;
    char container [STORAGE_CALL_CONTAINER];
    int64_t link_expiry_ms;
} storage_call_place_t;

typedef struct {
    const char *method;
    const char *blob; //  "" = the container
    const azure_pair_t *query;
    size_t query_count;
    const azure_pair_t *headers;
    size_t header_count;
    const char *body; //  borrowed until the call has ended; NULL = none
    size_t body_size;
    const char *link;  //  get this address as anybody would; method is "GET", blob for the log
    int64_t total_ms;  //  limit of the whole call
    size_t answer_max; //  bytes of the answer's body that are kept; more is ERR_LIMIT
} storage_call_what_t;

typedef struct {
    const storage_call_place_t *place; //  borrowed; NULL before the first call
    http_transfer_t *transfer;         //  under way; NULL = none
    bool ended;                        //  has an answer that nobody has looked at
    const char *method;                //  static
    char blob [STORAGE_CALL_BLOB];
    int64_t began_us;
    int status; //  of the answer; 0 = none
    char code [64], date [40], md5 [32];
    int64_t size; //  header Content-Length; -1 = none
    int64_t retry_after_ms;
    buf_t body;          //  of the answer
    azure_error_t error; //  what the answer means
} storage_call_t;

//  Begin a call; none may be under way.  place: borrowed until its end.
void
storage_call_begin (storage_call_t *self, const storage_call_place_t *place,
                    const storage_call_what_t *what);
//  Has a call ended?  Returns true once; error and the answer stay until the next call.
bool
storage_call_ended (storage_call_t *self);
//  Cancel a call under way, and free what self holds.
void
storage_call_fini (storage_call_t *self);
//  Put the call's error into the result of a file.  Whatever concerns the whole storage is
//  `unreached`.
void
storage_call_result (const storage_call_t *self, storage_file_t *ret_file);
