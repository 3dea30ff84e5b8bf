//  azure_url - addresses of containers and blobs.  Pure.
//  Src: RFC 3986; learn.microsoft.com, "Naming and Referencing Containers, Blobs, and Metadata".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"
#include "common/base/buf.h"

//  Append a text, with all but letters, digits and "-._~" percent-encoded.  slashes: "/" stays too.
//  Err: as buf_append.
int
azure_url_encode (buf_t *out, const char *text, bool slashes);
//  Append the address of a blob, or of its container if blob is "", or of the account.
//  Err: -EINVAL: the name has an empty segment, "." or "..", which clients take away.
int
azure_url_blob (const azure_account_t *account, const char *container, const char *blob,
                buf_t *out) must_check;
//  The path of an address: "/container/blob".  Own: borrowed from url.
const char *
azure_url_path (const char *url);
