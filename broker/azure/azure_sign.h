//  azure_sign - proves to Azure's Blob service that a request comes from the account.  Pure.
//
//  With the account's key each request is signed (SharedKey).  Else the SharedAccessSignature is a
//  part of the address.  Neither may be logged.
//  Src: learn.microsoft.com, "Authorize with Shared Key", version 2015-02-21 and later.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"
#include "common/base/buf.h"

#define AZURE_SIGN_VERSION "2021-08-06" //  x-ms-version, sv

enum { AZURE_SIGN_HEADERS = 16, AZURE_SIGN_QUERY = 8 };

typedef struct {
    const char *name, *value;
} azure_pair_t;

//  What is to be sent.  Own: all borrowed.
typedef struct {
    const char *method;    //  "PUT"
    const char *container; //  "" = the account
    const char *blob;      //  "" = the container
    //  Parameters as they are, names in lower case: {"comp", "block"}; each name once.
    const azure_pair_t *query;
    size_t query_count;
    //  All headers that are to be sent but x-ms-date, x-ms-version, Authorization and
    //  Content-Length.  Nothing else may add one of those that are signed (Content-Type!).
    const azure_pair_t *headers;
    size_t header_count;
    size_t body_size;
    int64_t now_ms; //  wall clock
} azure_request_t;

//  The same, ready for http_request_t.
typedef struct {
    buf_t url;                                //  a secret
    buf_t text;                               //  the headers, each ended by a NUL
    const char *headers [AZURE_SIGN_HEADERS]; //  "Name: value", into text; secret
    size_t header_count;
} azure_signed_t;

//  Own: ret_signed is fresh, azure_sign_fini frees it, after a failure too.
//  Err: -EINVAL: a name of a blob that cannot be sent, a line end in a header; ERR_LIMIT: too many
//  headers or parameters; -ENOMEM.
int
azure_sign_request (const azure_account_t *account, const azure_request_t *request,
                    azure_signed_t *ret_signed) must_check;
void
azure_sign_fini (azure_signed_t *self);
