//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_TOO_LONG = FIELDS_PATH }; //  the length of a path that is left out

typedef struct {
    char path [FIELDS_PATH];
    size_t lengths [LIMIT_JSON_DEPTH + 2]; //  of the path to the value at each depth
} walk_t;

//  The path to the values at `depth`: that of their container and `part`.
static void
s_extend (walk_t *self, size_t depth, const char *part, size_t size)
{
    const size_t base = self->lengths [depth - 1];
    self->lengths [depth] = S_TOO_LONG;
    if (base == S_TOO_LONG || base + size >= FIELDS_PATH)
        return;
    memcpy (self->path + base, part, size);
    self->lengths [depth] = base + size;
}

static void
s_key (walk_t *self, const json_scan_token_t *key)
{
    char part [FIELDS_PATH + 4] = ".";
    size_t at = 0;
    const size_t dot = self->lengths [key->depth - 1] > 0;
    const size_t size = json_scan_decode (key, &at, part + dot, FIELDS_PATH);
    //  A key with more than fits, or with a NUL in it, is no key that anybody looks for.
    const bool whole = at == key->size && !memchr (part, 0, dot + size);
    s_extend (self, key->depth, part, whole ? dot + size : FIELDS_PATH);
}

static void
s_tell (walk_t *self, const json_scan_token_t *value, fields_fn *fn, void *arg)
{
    const size_t length = self->lengths [value->depth];
    if (length == S_TOO_LONG)
        return;
    char path [FIELDS_PATH];
    memcpy (path, self->path, length);
    path [length] = 0;
    fn (arg, path, value);
}

int
fields_each (const char *bytes, size_t size, fields_fn *fn, void *arg)
{
    walk_t self = {0};
    json_scan_t scan;
    json_scan_token_t token;
    json_scan_start (&scan, bytes, size);
    int rc;
    size_t count = 0;
    while ((rc = json_scan_next (&scan, &token, NULL)) == 1) {
        if (count++ == FIELDS_VALUES)
            return ERR_LIMIT;
        switch (token.type) {
            case JSON_SCAN_ARRAY: s_extend (&self, token.depth + 1, "[]", 2); break;
            case JSON_SCAN_KEY: s_key (&self, &token); break;
            case JSON_SCAN_OBJECT_END:
            case JSON_SCAN_ARRAY_END: break;
            case JSON_SCAN_OBJECT:
            case JSON_SCAN_TEXT:
            case JSON_SCAN_NUMBER:
            case JSON_SCAN_TRUE:
            case JSON_SCAN_FALSE:
            case JSON_SCAN_NULL: s_tell (&self, &token, fn, arg); break;
        }
    }
    return rc;
}

//  --- keys

//  Keys of the objects that are open, as hashes; the inner ones last.
typedef struct {
    uint64_t hashes [4 * FIELDS_KEYS];
    size_t count;
    size_t from [LIMIT_JSON_DEPTH + 2]; //  where the keys at each depth begin
} keys_t;

//  FNV-1a of the decoded key.
static uint64_t
s_hash (const json_scan_token_t *key)
{
    uint64_t hash = UINT64_C (0xcbf29ce484222325);
    char part [64];
    size_t at = 0, size;
    while ((size = json_scan_decode (key, &at, part, sizeof part)) > 0)
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ (unsigned char) part [i]) * UINT64_C (0x100000001b3);
    return hash;
}

//  Returns false: the object has it already, or too many.
static bool
s_add_key (keys_t *self, const json_scan_token_t *key)
{
    const uint64_t hash = s_hash (key);
    const size_t from = self->from [key->depth];
    if (self->count - from >= FIELDS_KEYS
        || self->count == sizeof self->hashes / sizeof self->hashes [0])
        return false;
    for (size_t i = from; i < self->count; i++)
        if (self->hashes [i] == hash)
            return false;
    self->hashes [self->count++] = hash;
    return true;
}

bool
fields_unique (const char *bytes, size_t size)
{
    keys_t keys = {.count = 0};
    json_scan_t scan;
    json_scan_token_t token;
    json_scan_start (&scan, bytes, size);
    int rc;
    while ((rc = json_scan_next (&scan, &token, NULL)) == 1) {
        if (token.type == JSON_SCAN_OBJECT)
            keys.from [token.depth + 1] = keys.count;
        else if (token.type == JSON_SCAN_OBJECT_END)
            keys.count = keys.from [token.depth + 1];
        else if (token.type == JSON_SCAN_KEY && !s_add_key (&keys, &token))
            return false;
    }
    return rc == 0;
}

//  --- values

int64_t
fields_int (const json_scan_token_t *value)
{
    char text [32];
    if (value->type != JSON_SCAN_NUMBER || value->size >= sizeof text)
        return -1;
    memcpy (text, value->data, value->size);
    text [value->size] = 0;
    const double number = strtod (text, NULL);
    return !(number >= 0) ? -1 : number >= 9e15 ? (int64_t) 9e15 : (int64_t) number;
}

void
fields_text (const json_scan_token_t *value, char *ret_text, size_t size)
{
    size_t at = 0, out = 0;
    if (value->type == JSON_SCAN_TEXT)
        out = json_scan_decode (value, &at, ret_text, size - 1);
    ret_text [out] = 0;
}
