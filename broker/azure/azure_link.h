//  azure_link - a signed address of one blob: a service SAS.  Pure.
//
//  The link lets its holder read this blob until it expires, and do nothing else.  It is a secret.
//  It is valid from 15 minutes ago on, for clocks that differ.
//  Src: learn.microsoft.com, "Create a service SAS", version 2020-12-06 and later.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"
#include "common/base/buf.h"

typedef struct {
    const char *container, *blob;
    int64_t now_ms;          //  wall clock
    int64_t expiry_ms;       //  from now on
    const char *disposition; //  Content-Disposition of the answer; NULL = the blob's
    const char *type;        //  Content-Type of the answer; NULL = the blob's
} azure_link_t;

//  Append the link.  *ret_expires_ms: when it ends, wall clock, a whole second.
//  Err: ERR_NONE: the account cannot sign; -EINVAL: as azure_url_blob; ERR_LIMIT, -ENOMEM.
int
azure_link_make (const azure_account_t *account, const azure_link_t *link, buf_t *ret_url,
                 int64_t *ret_expires_ms) must_check;
