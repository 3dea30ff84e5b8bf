//  azure_error - what an answer of Azure's Blob service means: what to do, and a sentence.  Pure.
//
//  Every answer carries its code in the header x-ms-error-code, so no body is read.
//  The sentence says what is wrong, where, and what to do.  It never holds a key or a signature.
//  Src: learn.microsoft.com, "Blob service error codes", "Common REST API error codes".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"
#include "common/base/limits.h"

typedef enum {
    AZURE_OK,
    AZURE_EXISTS,       //  a condition failed: the blob is there, or is another
    AZURE_NO_BLOB,      //  there is no such blob
    AZURE_NO_CONTAINER, //  somebody has to create the container
    AZURE_AUTH,         //  key, signature, clock or rights: somebody has to mend them
    AZURE_RETRY,        //  passes by itself, or with room on the server
    AZURE_PERMANENT     //  this request is refused for ever
} azure_class_t;

//  The end of a transfer.  Own: all borrowed.
typedef struct {
    int rc;                 //  0 = answered; else the rc of http's done
    const char *reason;     //  and its reason
    int status;             //  0 = none
    const char *code;       //  header x-ms-error-code; "" = none
    const char *date;       //  header Date
    int64_t retry_after_ms; //  http_retry_after
    int64_t now_ms;         //  our wall clock
} azure_answer_t;

typedef struct {
    azure_class_t class;
    bool unreached;         //  RETRY: nobody answered
    int64_t retry_after_ms; //  RETRY: least time to wait; 0 = not given
    char text [LIMIT_REASON_BYTES];
} azure_error_t;

//  container: "" when none was asked for.
void
azure_error_judge (const azure_account_t *account, const char *container,
                   const azure_answer_t *answer, azure_error_t *ret_error);
//  How far our clock is ahead of a header Date.  Units: ms.  Err: ERR_PROTO: no such date.
int
azure_error_skew (const char *date, int64_t now_ms, int64_t *ret_ahead_ms) must_check;
//  "retry", "auth": for logs and metrics.
const char *azure_error_name (azure_class_t class);
