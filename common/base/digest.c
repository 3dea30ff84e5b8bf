//  EVP calls fail only when memory runs out or OpenSSL is broken.  A wrong digest would
//  be silent corruption, so a failure ends the process.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    EVP_MD_CTX *ctx; //  owned
    const EVP_MD *kind;
};

static void
s_start (digest_t *self)
{
    int ok = EVP_DigestInit_ex (self->ctx, self->kind, NULL);
    assert (ok == 1);
    (void) ok;
}

static digest_t *
s_new (const EVP_MD *kind)
{
    digest_t *self = calloc (1, sizeof (digest_t));
    if (!self)
        return NULL;
    self->kind = kind;
    self->ctx = EVP_MD_CTX_new ();
    if (!self->ctx) {
        digest_destroy (&self);
        return NULL;
    }
    s_start (self);
    return self;
}

digest_t *
digest_new (void)
{
    return s_new (EVP_sha256 ());
}

digest_t *
digest_new_md5 (void)
{
    return s_new (EVP_md5 ());
}

void
digest_destroy (digest_t **self_p)
{
    assert (self_p);
    if (*self_p)
        EVP_MD_CTX_free ((*self_p)->ctx);
    free (*self_p);
    *self_p = NULL;
}

void
digest_add (digest_t *self, const void *bytes, size_t size)
{
    int ok = EVP_DigestUpdate (self->ctx, bytes, size);
    assert (ok == 1);
    (void) ok;
}

void
digest_field (digest_t *self, const char *text)
{
    uint64_t size = strlen (text);
    uint8_t prefix [8];
    for (int i = 0; i < 8; i++)
        prefix [i] = (uint8_t) (size >> (8 * i));
    digest_add (self, prefix, sizeof (prefix));
    digest_add (self, text, (size_t) size);
}

static void
s_finish (digest_t *self, uint8_t *ret_bytes, unsigned expected)
{
    unsigned size = 0;
    assert ((unsigned) EVP_MD_get_size (self->kind) == expected);
    int ok = EVP_DigestFinal_ex (self->ctx, ret_bytes, &size);
    assert (ok == 1 && size == expected);
    (void) ok;
    s_start (self);
}

void
digest_finish (digest_t *self, uint8_t ret_bytes [DIGEST_BYTES])
{
    s_finish (self, ret_bytes, DIGEST_BYTES);
}

void
digest_finish_md5 (digest_t *self, uint8_t ret_bytes [DIGEST_MD5])
{
    s_finish (self, ret_bytes, DIGEST_MD5);
}

static void
s_hex (const uint8_t bytes [DIGEST_BYTES], char ret_hex [DIGEST_HEX])
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_hex [2 * i] = "0123456789abcdef" [bytes [i] >> 4];
        ret_hex [2 * i + 1] = "0123456789abcdef" [bytes [i] & 15];
    }
    ret_hex [DIGEST_HEX - 1] = 0;
}

void
digest_finish_hex (digest_t *self, char ret_hex [DIGEST_HEX])
{
    uint8_t bytes [DIGEST_BYTES];
    digest_finish (self, bytes);
    s_hex (bytes, ret_hex);
}

void
digest_hex (const void *bytes, size_t size, char ret_hex [DIGEST_HEX])
{
    uint8_t hash [DIGEST_BYTES];
    unsigned hash_size = 0;
    int ok = EVP_Digest (bytes, size, hash, &hash_size, EVP_sha256 (), NULL);
    assert (ok == 1 && hash_size == DIGEST_BYTES);
    (void) ok;
    s_hex (hash, ret_hex);
}

void
digest_hmac (const void *key, size_t key_size, const void *bytes, size_t size,
             uint8_t ret_bytes [DIGEST_BYTES])
{
    unsigned hash_size = 0;
    const uint8_t *hash =
        HMAC (EVP_sha256 (), key, (int) key_size, bytes, size, ret_bytes, &hash_size);
    assert (hash && hash_size == DIGEST_BYTES);
    (void) hash;
}

void
digest_md5 (const void *bytes, size_t size, uint8_t ret_bytes [DIGEST_MD5])
{
    unsigned hash_size = 0;
    int ok = EVP_Digest (bytes, size, ret_bytes, &hash_size, EVP_md5 (), NULL);
    assert (ok == 1 && hash_size == DIGEST_MD5);
    (void) ok;
}

bool
digest_valid (const char *text)
{
    return strlen (text) == DIGEST_HEX - 1 && strspn (text, "0123456789abcdef") == DIGEST_HEX - 1;
}
