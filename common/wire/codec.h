//  codec - msgpack maps to structs and back, driven by field tables; the port to msgpack-c.
//
//  Hostile bytes pass codec_scan first.  It allocates nothing and bounds depth, pairs, items and
//  lengths.
//  It accepts exactly one map without trailing bytes.  Keys are unique text, text is UTF-8, and
//  there are no floats or extension types.
//  Only then msgpack-c builds its tree.  Unknown keys are ignored.  A missing required key or a
//  wrong type is ERR_PROTO; diag names the key.
//  Src: msgpack spec; docs/protocol.md.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    CODEC_INT,  //  int64_t
    CODEC_BOOL, //  bool
    CODEC_TEXT, //  codec_text_t (wire: str)
    CODEC_BIN,  //  codec_text_t (wire: bin)
    CODEC_LIST, //  codec_list_t of structs (wire: array of maps)
    CODEC_MAP   //  codec_list_t of at most one struct, none when absent (wire: map)
} codec_type_t;

//  A view into the decoded bytes, valid as long as they are and until the next decode.
//  data is NULL exactly when the key was absent.  Not NUL-terminated.
typedef struct {
    const char *data;
    size_t size;
} codec_text_t;

typedef struct {
    //  Decode: lives in the codec_t until its next decode.  Encode: borrowed.
    void *items;
    size_t count;
} codec_list_t;

typedef struct codec_field codec_field_t;
struct codec_field {
    const char *key;
    codec_type_t type;
    bool required;
    size_t offset;             //  into the struct
    size_t max;                //  TEXT/BIN: bytes; LIST: items; INT: the largest value
    int64_t min;               //  INT: the smallest value
    int64_t absent;            //  INT: the value that an absent key decodes to
    const codec_field_t *rows; //  LIST, MAP: fields of one item, ended by key NULL
    size_t item_size;          //  LIST, MAP: sizeof one item
    const char *help;          //  for docs/protocol.md
};

//  A reusable arena (msgpack zone, list items); one per thread.
typedef struct codec codec_t;

//  Own: fresh, NULL when out of memory.
codec_t *
codec_new (void);
void
codec_destroy (codec_t **self_p);

//  Check bytes against the limits; max_bytes bounds one str or bin.  Err: ERR_PROTO.
int
codec_scan (const uint8_t *bytes, size_t size, size_t max_bytes, err_diag_t *diag) must_check;
//  Scan, unpack and fill *ret_struct (zeroed first).  Views stay valid until the next decode or the
//  end of `bytes`.  Err: ERR_PROTO, -ENOMEM; *ret_struct is then zeroed.
int
codec_decode (codec_t *self, const codec_field_t *fields, const uint8_t *bytes, size_t size,
              void *ret_struct, size_t struct_size, err_diag_t *diag) must_check;
//  Append the map to out.  Absent optional text (data NULL) and an absent MAP are left out; INT and
//  BOOL are always written.  Bytes of a text that are not UTF-8, and NUL, go as '?'.
//  Err: the buffer's.
int
codec_encode (const codec_field_t *fields, const void *from, buf_t *out) must_check;

//  A view of a NUL-terminated text; NULL gives an absent one.  Own: borrows text.
codec_text_t
codec_text (const char *text);
//  Copy a view into a fixed buffer: cut at a UTF-8 boundary, NUL-terminated.  Returns true if all
//  of it fitted.
bool
codec_copy (codec_text_t text, char *ret_text, size_t size);
//  Does the view equal this text?
bool
codec_is (codec_text_t text, const char *other);
