//  fuzz_wire - a message of the wire: header, scan, msgpack-c, and the table of its type.
//
//  Holds: a header that is taken encodes to the same bytes; what the scan takes, msgpack-c takes;
//  decoded values keep the limits of their table and lie in the bytes; encoding what was decoded
//  is stable.  A header of an unknown type tries the tables of all types.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/wire/frame.h"
#include "common/wire/msg.h"

#include <string.h>

enum { TYPES = 256, COPY_BYTES = 24 };

//  A decoded message and the bytes it points into.
typedef struct {
    const uint8_t *bytes;
    size_t size;
    msg_t msg;
} decoded_t;

static void
s_check_text (const decoded_t *self, const codec_field_t *field, codec_text_t text)
{
    if (!text.data) {
        assert (!field->required && text.size == 0);
        return;
    }
    assert (text.size <= field->max);
    const uint8_t *at = (const uint8_t *) text.data;
    assert (text.size == 0 || (at >= self->bytes && at + text.size <= self->bytes + self->size));
    if (field->type == CODEC_BIN)
        return;
    assert (json_utf8_valid (text.data, text.size));
    char copy [COPY_BYTES];
    bool whole = codec_copy (text, copy, sizeof copy);
    assert (whole == (text.size < sizeof copy));
    assert (json_utf8_valid (copy, strlen (copy)));
    assert (!whole || codec_is (text, copy));
}

static void
s_check (const decoded_t *self, const codec_field_t *fields, const char *base)
{
    for (const codec_field_t *field = fields; field->key; field++) {
        const char *at = base + field->offset;
        int64_t number = 0;
        codec_text_t text;
        codec_list_t list;
        switch (field->type) {
            case CODEC_INT:
                memcpy (&number, at, sizeof number);
                assert (number == 0 || (number >= field->min && number <= (int64_t) field->max));
                break;
            case CODEC_BOOL: break;
            case CODEC_TEXT:
            case CODEC_BIN:
                memcpy (&text, at, sizeof text);
                s_check_text (self, field, text);
                break;
            case CODEC_LIST:
            case CODEC_MAP:
                memcpy (&list, at, sizeof list);
                assert (list.count <= (field->type == CODEC_MAP ? 1 : field->max));
                for (size_t i = 0; i < list.count; i++)
                    s_check (self, field->rows, (const char *) list.items + i * field->item_size);
                break;
        }
    }
}

static int
s_decode (codec_t *codec, const codec_field_t *fields, uint8_t type, decoded_t *self)
{
    err_diag_t diag = {""};
    int rc =
        codec_decode (codec, fields, self->bytes, self->size, &self->msg, msg_size (type), &diag);
    assert (rc == 0 || rc == ERR_PROTO);
    assert ((rc == 0) == (diag.text [0] == 0));
    assert (json_utf8_valid (diag.text, strlen (diag.text)));
    return rc;
}

static void
s_one_type (codec_t *codec, uint8_t type, const uint8_t *bytes, size_t size)
{
    const codec_field_t *fields = msg_fields (type);
    if (!fields)
        return;
    decoded_t first = {.bytes = bytes, .size = size};
    if (s_decode (codec, fields, type, &first))
        return;
    s_check (&first, fields, (const char *) &first.msg);
    own (buf_fini) buf_t once = buf_init (LIMIT_MIB (1));
    assert (codec_encode (fields, &first.msg, &once) == 0);
    decoded_t second = {.bytes = (const uint8_t *) once.data, .size = once.size};
    assert (s_decode (codec, fields, type, &second) == 0);
    own (buf_fini) buf_t twice = buf_init (LIMIT_MIB (1));
    assert (codec_encode (fields, &second.msg, &twice) == 0);
    assert (once.size == twice.size && memcmp (once.data, twice.data, once.size) == 0);
}

//  Any map fits the empty table: what the scan lets through, msgpack-c must take.
static void
s_scan_rules (codec_t *codec, const uint8_t *bytes, size_t size)
{
    static const codec_field_t none [] = {{.key = NULL}};
    err_diag_t diag = {""};
    int scanned = codec_scan (bytes, size, LIMIT_CHUNK_BYTES, &diag);
    int decoded = codec_decode (codec, none, bytes, size, &(msg_t){0}, sizeof (msg_t), NULL);
    assert (scanned == decoded);
    assert (scanned == 0 || diag.text [0]);
}

static uint8_t
s_header (const uint8_t *data, size_t size)
{
    frame_t frame = {.type = 0};
    uint8_t again [FRAME_BYTES];
    if (frame_decode (data, size, &frame)) {
        assert (frame.type == 0 && frame.version == 0 && frame.session == 0);
        return 0;
    }
    frame_encode (&frame, again);
    assert (memcmp (data, again, FRAME_BYTES) == 0);
    return frame.type;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    size_t header = size < FRAME_BYTES ? size : FRAME_BYTES;
    uint8_t type = s_header (data, header);
    own (codec_destroy) codec_t *codec = codec_new ();
    s_scan_rules (codec, data + header, size - header);
    if (msg_fields (type)) {
        s_one_type (codec, type, data + header, size - header);
        return 0;
    }
    for (unsigned other = 0; other < TYPES; other++)
        s_one_type (codec, (uint8_t) other, data + header, size - header);
    return 0;
}
