//  SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.h"

#include <openssl/evp.h>
#include <string.h>

enum { S_GROUP = 3, S_CHUNK = 48 * S_GROUP }; //  bytes; a whole number of groups

int
base64_encode (buf_t *out, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint8_t text [S_CHUNK / S_GROUP * 4 + 1];
    while (size > 0) {
        const size_t some = size < S_CHUNK ? size : S_CHUNK;
        const int length = EVP_EncodeBlock (text, at, (int) some);
        buf_append (out, text, (size_t) length);
        at += some;
        size -= some;
    }
    return out->failed;
}

//  Decode four characters, of which `padding` are "=", to 3 - padding bytes.
static int
s_group (const char *text, size_t padding, uint8_t *ret_bytes)
{
    uint8_t three [S_GROUP];
    if (EVP_DecodeBlock (three, (const uint8_t *) text, 4) != S_GROUP)
        return ERR_PROTO;
    for (size_t i = S_GROUP - padding; i < S_GROUP; i++)
        if (three [i] != 0) //  another text stands for the same bytes
            return ERR_PROTO;
    memcpy (ret_bytes, three, S_GROUP - padding);
    return 0;
}

int
base64_decode (const char *text, size_t size, uint8_t *ret_bytes, size_t max, size_t *ret_size)
{
    static const char digits [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t padding = 0;
    while (padding < 2 && padding < size && text [size - 1 - padding] == '=')
        padding++;
    if (size % 4 != 0)
        return ERR_PROTO;
    for (size_t i = 0; i < size - padding; i++)
        if (!memchr (digits, text [i], sizeof digits - 1))
            return ERR_PROTO;
    const size_t bytes = size / 4 * S_GROUP - padding;
    if (bytes > max)
        return ERR_LIMIT;
    for (size_t i = 0; i < size; i += 4) {
        const int rc = s_group (text + i, i + 4 == size ? padding : 0, ret_bytes + i / 4 * S_GROUP);
        if (rc < 0)
            return rc;
    }
    *ret_size = bytes;
    return 0;
}
