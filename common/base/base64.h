//  base64 - bytes as text and back (RFC 4648 section 4), the port to OpenSSL's EVP.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

//  Append bytes as base64 in one line.  Err: as buf_append.
int
base64_encode (buf_t *out, const void *bytes, size_t size);
//  Read a whole text: padded, no white space.
//  Err: ERR_PROTO: it is not base64; ERR_LIMIT: more than max bytes.  ret_bytes is then undefined.
int
base64_decode (const char *text, size_t size, uint8_t *ret_bytes, size_t max,
               size_t *ret_size) must_check;
