//  digest - SHA-256, HMAC-SHA-256 and MD5, the port to OpenSSL's EVP.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX = 65, DIGEST_MD5 = 16 }; //  hex size counts the NUL

typedef struct digest digest_t; //  a running hash

//  SHA-256, or MD5.  Own: fresh, NULL when out of memory.
digest_t *
digest_new (void);
digest_t *
digest_new_md5 (void);
void
digest_destroy (digest_t **self_p);
void
digest_add (digest_t *self, const void *bytes, size_t size);
//  Length-prefixed: digest_field ("ab") + digest_field ("c") differs from "a" + "bc".
void
digest_field (digest_t *self, const char *text);
//  Finish and start again.
void
digest_finish (digest_t *self, uint8_t ret_bytes [DIGEST_BYTES]);
void
digest_finish_md5 (digest_t *self, uint8_t ret_bytes [DIGEST_MD5]);
void
digest_finish_hex (digest_t *self, char ret_hex [DIGEST_HEX]);

//  Digest of one buffer, as lower-case hex.
void
digest_hex (const void *bytes, size_t size, char ret_hex [DIGEST_HEX]);
//  HMAC-SHA-256 of one buffer.  Src: RFC 2104.
void
digest_hmac (const void *key, size_t key_size, const void *bytes, size_t size,
             uint8_t ret_bytes [DIGEST_BYTES]);
//  MD5 of one buffer: guards bytes on their way, where a protocol asks for it, and nothing else.
void
digest_md5 (const void *bytes, size_t size, uint8_t ret_bytes [DIGEST_MD5]);
//  Is the text a digest as digest_hex writes it: 64 lower-case hex digits and nothing else?
bool
digest_valid (const char *text);
