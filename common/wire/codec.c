//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/codec.h"

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <msgpack.h>
#include <string.h>

enum { S_ZONE_BYTES = 8192 };

struct codec {
    msgpack_zone zone; //  msgpack-c's tree and our list items, cleared by each decode
};

codec_t *
codec_new (void)
{
    codec_t *self = calloc (1, sizeof (codec_t));
    if (!self)
        return NULL;
    if (!msgpack_zone_init (&self->zone, S_ZONE_BYTES)) {
        free (self);
        return NULL;
    }
    return self;
}

void
codec_destroy (codec_t **self_p)
{
    if (!*self_p)
        return;
    msgpack_zone_destroy (&(*self_p)->zone);
    free (*self_p);
    *self_p = NULL;
}

codec_text_t
codec_text (const char *text)
{
    return (codec_text_t){.data = text, .size = text ? strlen (text) : 0};
}

bool
codec_copy (codec_text_t text, char *ret_text, size_t size)
{
    const size_t count = utf8_cut (text.data, text.size, size - 1);
    if (count)
        memcpy (ret_text, text.data, count);
    ret_text [count] = 0;
    return count == text.size;
}

bool
codec_is (codec_text_t text, const char *other)
{
    return text.data && text.size == strlen (other) && memcmp (text.data, other, text.size) == 0;
}

//  --- decode

typedef struct {
    codec_t *codec;
    err_diag_t *diag;
} decode_t;

static int
s_wrong (const decode_t *self, const codec_field_t *field, const char *what)
{
    err_diag (self->diag, "key \"%s\": %s", field->key, what);
    return ERR_PROTO;
}

static int
s_decode_map (const decode_t *self, const codec_field_t *fields, const msgpack_object_map *map,
              char *base);

static int
s_decode_int (const decode_t *self, const codec_field_t *field, const msgpack_object *from,
              void *to)
{
    if (from->type != MSGPACK_OBJECT_POSITIVE_INTEGER
        && from->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return s_wrong (self, field, "an integer was expected");
    int64_t value = from->via.i64;
    if (value < field->min || (value > 0 && (uint64_t) value > field->max))
        return s_wrong (self, field, "the number is out of range");
    memcpy (to, &value, sizeof value);
    return 0;
}

static int
s_decode_text (const decode_t *self, const codec_field_t *field, const msgpack_object *from,
               void *to)
{
    bool bin = field->type == CODEC_BIN;
    if (from->type != (bin ? MSGPACK_OBJECT_BIN : MSGPACK_OBJECT_STR))
        return s_wrong (self, field, bin ? "binary was expected" : "text was expected");
    codec_text_t view = {.data = from->via.str.ptr, .size = from->via.str.size};
    if (view.size > field->max)
        return s_wrong (self, field, "the value is longer than allowed");
    if (!view.size)
        view.data = ""; //  present but empty differs from absent
    memcpy (to, &view, sizeof view);
    return 0;
}

//  Decode `count` maps into structs of the arena.
static int
s_decode_items (const decode_t *self, const codec_field_t *field, const msgpack_object *from,
                size_t count, void *to)
{
    codec_list_t list = {.count = count};
    if (list.count) {
        list.items = msgpack_zone_malloc (&self->codec->zone, list.count * field->item_size);
        if (!list.items)
            return -ENOMEM;
        memset (list.items, 0, list.count * field->item_size);
    }
    for (size_t i = 0; i < list.count; i++) {
        if (from [i].type != MSGPACK_OBJECT_MAP)
            return s_wrong (self, field,
                            field->type == CODEC_MAP ? "a map was expected"
                                                     : "each item must be a map");
        int rc = s_decode_map (self, field->rows, &from [i].via.map,
                               (char *) list.items + i * field->item_size);
        if (rc)
            return rc;
    }
    memcpy (to, &list, sizeof list);
    return 0;
}

static int
s_decode_list (const decode_t *self, const codec_field_t *field, const msgpack_object *from,
               void *to)
{
    if (from->type != MSGPACK_OBJECT_ARRAY)
        return s_wrong (self, field, "an array was expected");
    const msgpack_object_array *array = &from->via.array;
    if (array->size > field->max)
        return s_wrong (self, field, "the list is longer than allowed");
    return s_decode_items (self, field, array->ptr, array->size, to);
}

static int
s_decode_field (const decode_t *self, const codec_field_t *field, const msgpack_object *from,
                void *to)
{
    switch (field->type) {
        case CODEC_INT: return s_decode_int (self, field, from, to);
        case CODEC_BOOL:
            if (from->type != MSGPACK_OBJECT_BOOLEAN)
                return s_wrong (self, field, "a boolean was expected");
            memcpy (to, &(bool){from->via.boolean}, sizeof (bool));
            return 0;
        case CODEC_TEXT:
        case CODEC_BIN: return s_decode_text (self, field, from, to);
        case CODEC_LIST: return s_decode_list (self, field, from, to);
        case CODEC_MAP: return s_decode_items (self, field, from, 1, to);
    }
    return ERR_PROTO;
}

static const msgpack_object *
s_find (const msgpack_object_map *map, const char *key)
{
    size_t size = strlen (key);
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object_str *name = &map->ptr [i].key.via.str;
        if (name->size == size && memcmp (name->ptr, key, size) == 0)
            return &map->ptr [i].val;
    }
    return NULL;
}

static int
s_decode_map (const decode_t *self, const codec_field_t *fields, const msgpack_object_map *map,
              char *base)
{
    for (const codec_field_t *field = fields; field->key; field++) {
        const msgpack_object *from = s_find (map, field->key);
        if (!from || from->type == MSGPACK_OBJECT_NIL) {
            if (field->required)
                return s_wrong (self, field, "missing");
            if (field->type == CODEC_INT)
                memcpy (base + field->offset, &field->absent, sizeof field->absent);
            continue;
        }
        int rc = s_decode_field (self, field, from, base + field->offset);
        if (rc)
            return rc;
    }
    return 0;
}

int
codec_decode (codec_t *self, const codec_field_t *fields, const uint8_t *bytes, size_t size,
              void *ret_struct, size_t struct_size, err_diag_t *diag)
{
    memset (ret_struct, 0, struct_size);
    int rc = codec_scan (bytes, size, LIMIT_CHUNK_BYTES, diag);
    if (rc)
        return rc;
    msgpack_zone_clear (&self->zone);
    msgpack_object root;
    size_t offset = 0;
    msgpack_unpack_return status =
        msgpack_unpack ((const char *) bytes, size, &offset, &self->zone, &root);
    if ((status != MSGPACK_UNPACK_SUCCESS) || offset != size) {
        err_diag (diag, "msgpack: not one complete value");
        return ERR_PROTO;
    }
    decode_t decode = {.codec = self, .diag = diag};
    rc = s_decode_map (&decode, fields, &root.via.map, ret_struct);
    if (rc)
        memset (ret_struct, 0, struct_size);
    return rc;
}

//  --- encode

static int
s_write (void *data, const char *bytes, size_t size)
{
    return buf_append (data, bytes, size);
}

static bool
s_present (const codec_field_t *field, const char *base)
{
    codec_text_t view;
    codec_list_t list;
    switch (field->type) {
        case CODEC_TEXT:
        case CODEC_BIN: memcpy (&view, base + field->offset, sizeof view); return view.data != NULL;
        case CODEC_MAP: memcpy (&list, base + field->offset, sizeof list); return list.count > 0;
        case CODEC_INT:
        case CODEC_BOOL:
        case CODEC_LIST: break;
    }
    return true;
}

static void
s_encode_map (msgpack_packer *packer, const codec_field_t *fields, const char *base);

static void
s_encode_items (msgpack_packer *packer, const codec_field_t *field, const char *from)
{
    codec_list_t list;
    memcpy (&list, from, sizeof list);
    if (field->type == CODEC_LIST)
        msgpack_pack_array (packer, list.count);
    for (size_t i = 0; i < list.count; i++)
        s_encode_map (packer, field->rows, (const char *) list.items + i * field->item_size);
}

//  The other side refuses a message whose text is not UTF-8, such as a name cut in the middle of a
//  character.
static void
s_encode_text (msgpack_packer *packer, codec_text_t text)
{
    if (json_utf8_valid (text.data, text.size)) {
        msgpack_pack_str_with_body (packer, text.data, text.size);
        return;
    }
    msgpack_pack_str (packer, text.size);
    for (size_t at = 0, length = 0; at < text.size; at += length) {
        uint32_t code = 0;
        length = utf8_next (text.data + at, text.size - at, &code);
        const bool good = length > 0 && code > 0;
        length = good ? length : 1;
        msgpack_pack_str_body (packer, good ? text.data + at : "?", length);
    }
}

static void
s_encode_field (msgpack_packer *packer, const codec_field_t *field, const char *from)
{
    int64_t number;
    codec_text_t view;
    switch (field->type) {
        case CODEC_INT:
            memcpy (&number, from, sizeof number);
            msgpack_pack_int64 (packer, number);
            break;
        case CODEC_BOOL:
            if (*(const bool *) from)
                msgpack_pack_true (packer);
            else
                msgpack_pack_false (packer);
            break;
        case CODEC_TEXT:
            memcpy (&view, from, sizeof view);
            s_encode_text (packer, view);
            break;
        case CODEC_BIN:
            memcpy (&view, from, sizeof view);
            msgpack_pack_bin_with_body (packer, view.data, view.size);
            break;
        case CODEC_LIST:
        case CODEC_MAP: s_encode_items (packer, field, from); break;
    }
}

static void
s_encode_map (msgpack_packer *packer, const codec_field_t *fields, const char *base)
{
    size_t pairs = 0;
    for (const codec_field_t *field = fields; field->key; field++)
        pairs += s_present (field, base);
    msgpack_pack_map (packer, pairs);
    for (const codec_field_t *field = fields; field->key; field++) {
        if (!s_present (field, base))
            continue;
        msgpack_pack_str_with_body (packer, field->key, strlen (field->key));
        s_encode_field (packer, field, base + field->offset);
    }
}

int
codec_encode (const codec_field_t *fields, const void *from, buf_t *out)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, out, s_write);
    s_encode_map (&packer, fields, from);
    return out->failed;
}
