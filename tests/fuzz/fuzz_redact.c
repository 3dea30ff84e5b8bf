//  fuzz_redact - secrets in an agent's files.
//
//  Input: secrets, each up to the byte 0x1E; the last part is the file.
//  Holds: of every copy of every secret, overlapping or not, no byte is left; a file without
//  secrets is as it was; nothing but asterisks is written; of the first secret each writing (JSON,
//  JSON in JSON, URL, base64 of three alignments) that is put behind the file is gone.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/own.h"
#include "worker/keeper/redact.h"

#include <stdbool.h>
#include <string.h>

enum { SECRETS = 64, TEXT_BYTES = 1 << 22 };

typedef struct {
    const char *items [SECRETS];
    size_t sizes [SECRETS];
    size_t count;
} list_t;

//  Does a copy of one of the secrets cover bytes [at]?
static bool
s_covered (const list_t *list, const char *bytes, size_t size, size_t at)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t length = list->sizes [i];
        size_t from = at + 1 > length ? at + 1 - length : 0;
        for (; from <= at && from + length <= size; from++)
            if (memcmp (bytes + from, list->items [i], length) == 0)
                return true;
    }
    return false;
}

static void
s_json (const char *bytes, size_t size, buf_t *text)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char) bytes [i];
        if (c == '"' || c == '\\')
            (void) buf_printf (text, "\\%c", c);
        else if (c == '\n')
            (void) buf_text (text, "\\n");
        else if (c < ' ')
            (void) buf_printf (text, "\\u%04x", c);
        else
            (void) buf_append (text, bytes + i, 1);
    }
}

static void
s_url (const char *bytes, size_t size, buf_t *text)
{
    for (size_t i = 0; i < size; i++)
        if (strchr ("abcdefghijklmnopqrstuvwxyz0123456789-_.", bytes [i]) && bytes [i])
            (void) buf_append (text, bytes + i, 1);
        else
            (void) buf_printf (text, "%%%02X", (unsigned) (unsigned char) bytes [i]);
}

static void
s_base64 (const char *bytes, size_t size, buf_t *text)
{
    static const char alphabet [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        unsigned long group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < size ? (unsigned char) bytes [i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            (void) buf_append (text, alphabet + (group >> (18 - 6 * k) & 63), 1);
    }
}

//  The writing stands alone between blanks: no byte is left of it, but `shy` at each end.
static void
s_gone (const redact_t *secrets, const buf_t *writing, size_t shy)
{
    own (buf_fini) buf_t text = buf_init (TEXT_BYTES);
    assert (buf_printf (&text, "  %s  ", writing->data) == 0);
    assert (redact (secrets, text.data, text.size, false) > 0);
    for (size_t at = shy; at + shy < writing->size; at++)
        assert (text.data [2 + at] == '*');
}

//  Of a secret without bytes that stand for nothing, and without escapes of its own.
static void
s_writings (const redact_t *secrets, const char *secret, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) secret [i] <= ' ' || secret [i] == '%' || secret [i] == '\\'
            || secret [i] == 0x7f)
            return;
    own (buf_fini) buf_t json = buf_init (TEXT_BYTES), twice = buf_init (TEXT_BYTES),
                         url = buf_init (TEXT_BYTES);
    s_json (secret, size, &json);
    s_json (json.data, json.size, &twice);
    s_url (secret, size, &url);
    s_gone (secrets, &json, 0);
    s_gone (secrets, &twice, 0);
    s_gone (secrets, &url, 0);
    for (size_t shift = 0; shift < 3; shift++) {
        own (buf_fini) buf_t bytes = buf_init (TEXT_BYTES), text = buf_init (TEXT_BYTES);
        (void) buf_append (&bytes, "xx", shift);
        (void) buf_append (&bytes, secret, size);
        s_base64 (bytes.data, bytes.size, &text);
        s_gone (secrets, &text, 4);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    list_t list = {.count = 0};
    own (redact_fini) redact_t secrets = {0};
    const uint8_t *end = size ? memchr (data, FUZZ_STEP_END, size) : NULL;
    for (; end && list.count < SECRETS; end = size ? memchr (data, FUZZ_STEP_END, size) : NULL) {
        size_t length = (size_t) (end - data);
        if (redact_add (&secrets, (const char *) data, length)) {
            list.items [list.count] = (const char *) data;
            list.sizes [list.count++] = length;
        }
        data += length + 1;
        size -= length + 1;
    }
    own (own_mem) char *bytes = malloc (size + 1);
    assert (bytes);
    memcpy (bytes, data, size);
    int found = redact (&secrets, bytes, size, false);
    assert (found >= 0 && (found == 0 || list.count > 0));
    bool covered = false;
    for (size_t at = 0; at < size; at++) {
        bool hit = s_covered (&list, (const char *) data, size, at);
        assert (bytes [at] == '*' || (!hit && bytes [at] == (char) data [at]));
        covered = covered || hit;
    }
    assert (found > 0 || !covered);
    if (list.count > 0)
        s_writings (&secrets, list.items [0], list.sizes [0]);
    return 0;
}
