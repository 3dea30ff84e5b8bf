//  codec_scan - check msgpack bytes before a library builds a tree from them.
//
//  Walks the bytes once with bounded recursion and allocates nothing.  msgpack-c must not see them
//  unchecked.
//  It trusts claimed lengths, so a five-byte array32 header reserves gigabytes.  It also accepts
//  duplicate keys, invalid UTF-8 and a second object behind the first.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/wire/codec.h"

#include <string.h>

typedef struct {
    const uint8_t *at, *end;
    size_t max_bytes;
    err_diag_t *diag;
} scan_t;

typedef enum { S_NIL, S_BOOL, S_INT, S_STR, S_BIN, S_ARRAY, S_MAP, S_BAD } scan_kind_t;

typedef struct {
    scan_kind_t kind;
    uint64_t length; //  of S_STR and S_BIN in bytes, of S_ARRAY in items, of S_MAP in pairs
} scan_head_t;

static int
s_fail (scan_t *self, const char *what)
{
    err_diag (self->diag, "msgpack: %s", what);
    return ERR_PROTO;
}

//  Read a big-endian number of `width` bytes; false when the bytes end too early.
static bool
s_number (scan_t *self, unsigned width, uint64_t *ret_value)
{
    if ((size_t) (self->end - self->at) < width)
        return false;
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | *self->at++;
    *ret_value = value;
    return true;
}

//  Heads whose length or value follows in 1, 2, 4 or 8 bytes.
static const struct {
    uint8_t byte;
    scan_kind_t kind;
    uint8_t width;
} s_wide [] = {
    {0xc4, S_BIN, 1},   {0xc5, S_BIN, 2}, {0xc6, S_BIN, 4}, {0xcc, S_INT, 1}, {0xcd, S_INT, 2},
    {0xce, S_INT, 4},   {0xcf, S_INT, 8}, {0xd0, S_INT, 1}, {0xd1, S_INT, 2}, {0xd2, S_INT, 4},
    {0xd3, S_INT, 8},   {0xd9, S_STR, 1}, {0xda, S_STR, 2}, {0xdb, S_STR, 4}, {0xdc, S_ARRAY, 2},
    {0xdd, S_ARRAY, 4}, {0xde, S_MAP, 2}, {0xdf, S_MAP, 4},
};

static scan_head_t
s_head (scan_t *self)
{
    if (self->at == self->end)
        return (scan_head_t){.kind = S_BAD};
    uint8_t byte = *self->at++;
    if (byte <= 0x7f || byte >= 0xe0)
        return (scan_head_t){.kind = S_INT};
    if (byte <= 0x8f)
        return (scan_head_t){.kind = S_MAP, .length = byte & 0x0f};
    if (byte <= 0x9f)
        return (scan_head_t){.kind = S_ARRAY, .length = byte & 0x0f};
    if (byte <= 0xbf)
        return (scan_head_t){.kind = S_STR, .length = byte & 0x1f};
    if (byte == 0xc0)
        return (scan_head_t){.kind = S_NIL};
    if (byte == 0xc2 || byte == 0xc3)
        return (scan_head_t){.kind = S_BOOL};
    for (size_t i = 0; i < sizeof s_wide / sizeof s_wide [0]; i++) {
        if (s_wide [i].byte != byte)
            continue;
        scan_head_t head = {.kind = s_wide [i].kind};
        if (!s_number (self, s_wide [i].width, &head.length))
            head.kind = S_BAD;
        else if (byte == 0xcf && head.length > INT64_MAX)
            head.kind = S_BAD; //  our integers are signed
        return head;
    }
    return (scan_head_t){.kind = S_BAD}; //  floats, extensions and the byte that is never used
}

static int
s_bytes (scan_t *self, const scan_head_t *head)
{
    size_t max = head->kind == S_STR ? LIMIT_MSGPACK_STR_BYTES : self->max_bytes;
    if (head->length > max)
        return s_fail (self, "a text or binary value is longer than allowed");
    if (head->length > (size_t) (self->end - self->at))
        return s_fail (self, "the bytes end inside a value");
    if (head->kind == S_STR && !json_utf8_valid ((const char *) self->at, head->length))
        return s_fail (self, "a text value is not valid UTF-8");
    self->at += head->length;
    return 0;
}

//  Check one key: text that this map does not have yet.  A linear search: a map has at most
//  LIMIT_MSGPACK_PAIRS keys.
static int
s_key (scan_t *self, codec_text_t *keys, size_t count)
{
    scan_head_t head = s_head (self);
    if (head.kind != S_STR)
        return s_fail (self, "a map key is not text");
    int rc = s_bytes (self, &head);
    if (rc)
        return rc;
    keys [count] = (codec_text_t){(const char *) self->at - head.length, head.length};
    for (size_t i = 0; i < count; i++) {
        if (keys [i].size == head.length
            && memcmp (keys [i].data, keys [count].data, head.length) == 0)
            return s_fail (self, "a map key stands twice");
    }
    return 0;
}

static int
s_value (scan_t *self, unsigned depth);

static int
s_map (scan_t *self, uint64_t pairs, unsigned depth)
{
    if (pairs > LIMIT_MSGPACK_PAIRS)
        return s_fail (self, "a map has more pairs than allowed");
    codec_text_t keys [LIMIT_MSGPACK_PAIRS];
    for (uint64_t i = 0; i < pairs; i++) {
        int rc = s_key (self, keys, (size_t) i);
        if (!rc)
            rc = s_value (self, depth + 1);
        if (rc)
            return rc;
    }
    return 0;
}

static int
s_array (scan_t *self, uint64_t items, unsigned depth)
{
    if (items > LIMIT_MSGPACK_ITEMS)
        return s_fail (self, "an array has more items than allowed");
    for (uint64_t i = 0; i < items; i++) {
        int rc = s_value (self, depth + 1);
        if (rc)
            return rc;
    }
    return 0;
}

static int
s_value (scan_t *self, unsigned depth)
{
    scan_head_t head = s_head (self);
    if ((head.kind == S_ARRAY || head.kind == S_MAP) && depth > LIMIT_MSGPACK_DEPTH)
        return s_fail (self, "nested deeper than allowed");
    switch (head.kind) {
        case S_NIL:
        case S_BOOL:
        case S_INT: return 0;
        case S_STR:
        case S_BIN: return s_bytes (self, &head);
        case S_ARRAY: return s_array (self, head.length, depth);
        case S_MAP: return s_map (self, head.length, depth);
        case S_BAD: break;
    }
    return s_fail (
        self, "truncated, or a type that is not used here (float, extension, 64-bit unsigned)");
}

int
codec_scan (const uint8_t *bytes, size_t size, size_t max_bytes, err_diag_t *diag)
{
    scan_t self = {.at = bytes, .end = bytes + size, .max_bytes = max_bytes, .diag = diag};
    scan_head_t head = s_head (&self);
    if (head.kind != S_MAP)
        return s_fail (&self, "the body is not a map");
    int rc = s_map (&self, head.length, 1);
    if (rc)
        return rc;
    return self.at == self.end ? 0 : s_fail (&self, "bytes behind the map");
}
