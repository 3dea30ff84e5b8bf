//  SPDX-License-Identifier: Apache-2.0
#include "publisher/form.h"

#include "common/base/json_scan.h"

#include <string.h>

enum { S_FIRST_BYTES = 8 };

#define S_SIGN(text, name)                                                                         \
    {                                                                                              \
        (text), sizeof (text) - 1, (name)                                                          \
    }

static const struct {
    const char *bytes;
    size_t size;
    const char *looks;
} s_signs [] = {
    S_SIGN ("\x1f\x8b", "a gzip file"),
    S_SIGN ("(\xb5/\xfd", "a zstd file"),
    S_SIGN ("\xfd"
            "7zXZ",
            "an xz file"),
    S_SIGN ("BZh", "a bzip2 file"),
    S_SIGN ("PK\x03\x04", "a zip file"),
    S_SIGN ("\xff\xfe", "UTF-16 or UTF-32 text"),
    S_SIGN ("\xfe\xff", "UTF-16 text"),
    S_SIGN ("SQLite format", "an SQLite database"),
    S_SIGN ("\x7f"
            "ELF",
            "a program"),
    S_SIGN ("%PDF", "a PDF file"),
    S_SIGN ("<?xml", "XML"),
    S_SIGN ("<!DOCTYPE", "HTML"),
    S_SIGN ("<html", "HTML"),
    S_SIGN ("---\n", "YAML; ask for -o json"),
    S_SIGN ("apiVersion:", "YAML; ask for -o json"),
    S_SIGN ("kind:", "YAML; ask for -o json"),
    S_SIGN ("LAST SEEN", "a table of kubectl; ask for -o json"),
    S_SIGN ("NAMESPACE ", "a table of kubectl; ask for -o json"),
};

static const char *
s_looks (const char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof s_signs / sizeof s_signs [0]; i++)
        if (size >= s_signs [i].size && memcmp (bytes, s_signs [i].bytes, s_signs [i].size) == 0)
            return s_signs [i].looks;
    const size_t first = size < S_FIRST_BYTES ? size : S_FIRST_BYTES;
    if (first >= 2 && memchr (bytes, 0, first))
        return bytes [0] == 0 || bytes [1] == 0 ? "UTF-16 text without a byte order mark"
                                                : "a binary file";
    return NULL;
}

static bool
s_space (char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

//  Does this line begin a value that goes on in the next line?
static bool
s_goes_on (const char *line, size_t size)
{
    json_scan_t scan;
    json_scan_token_t token;
    int rc = 1;
    while (size > 0 && s_space (line [size - 1]))
        size--;
    json_scan_start (&scan, line, size);
    while (rc == 1)
        rc = json_scan_next (&scan, &token, NULL);
    return rc == ERR_PROTO && scan.depth > 0 && scan.at == size
           && memchr ("{[,", line [size - 1], 3);
}

//  Does an array of objects begin here?  No single event does, and the array may be longer than any
//  line.
static form_t
s_events (const char *bytes, size_t size, bool at_end)
{
    size_t at = 1;
    while (at < size && (s_space (bytes [at]) || bytes [at] == ','))
        at++;
    if (bytes [0] != '[' || (at == size && at_end))
        return FORM_LINES;
    return at == size ? FORM_UNKNOWN : bytes [at] == '{' ? FORM_DOCUMENT : FORM_LINES;
}

form_t
form_of (const char *bytes, size_t size, bool at_end, size_t *ret_skip, const char **ret_looks)
{
    *ret_skip = 0;
    *ret_looks = NULL;
    const char *first = memchr (bytes, '\n', size);
    if (size < S_FIRST_BYTES * 2 && !first && !at_end)
        return FORM_UNKNOWN;
    *ret_looks = s_looks (bytes, first ? (size_t) (first - bytes) + 1 : size);
    if (*ret_looks)
        return FORM_OTHER;
    if (size >= 3 && memcmp (bytes, "\xef\xbb\xbf", 3) == 0)
        *ret_skip = 3;
    size_t at = *ret_skip;
    while (at < size && s_space (bytes [at]))
        at++;
    if (at == size)
        return at_end ? FORM_LINES : FORM_UNKNOWN;
    if (bytes [at] != '{' && bytes [at] != '[')
        return FORM_LINES;
    const form_t events = s_events (bytes + at, size - at, at_end);
    if (events != FORM_LINES)
        return events;
    const char *end = memchr (bytes + at, '\n', size - at);
    if (!end && !at_end)
        return FORM_UNKNOWN;
    return s_goes_on (bytes + at, end ? (size_t) (end - bytes) - at : size - at) ? FORM_DOCUMENT
                                                                                 : FORM_LINES;
}

//  Is the kind of an object that of a list: EventList?
static bool
s_list_kind (const json_scan_token_t *kind)
{
    static const char list [] = "List";
    const size_t size = sizeof list - 1;
    return kind->type == JSON_SCAN_TEXT && kind->size >= size
           && memcmp (kind->data + kind->size - size, list, size) == 0;
}

//  Features of the outermost value so far.
typedef struct {
    bool items, kind;    //  the last token was this key
    bool array, inside;  //  `items` holds an array; the next token is in it
    bool kinded, list;   //  has a kind; has the kind of a list
    bool other, foreign; //  has a key that no list has; its array holds a non-object
} s_many_t;

static void
s_member (s_many_t *self, const json_scan_token_t *token)
{
    if (token->type == JSON_SCAN_KEY) {
        self->items = json_scan_is (token, "items");
        self->kind = json_scan_is (token, "kind");
        self->other = self->other || !form_list_key (token->data, token->size);
        return;
    }
    self->inside = self->items && token->type == JSON_SCAN_ARRAY;
    self->array = self->array || self->inside;
    self->kinded = self->kinded || self->kind;
    if (self->kind)
        self->list = s_list_kind (token);
    self->items = self->kind = false;
}

bool
form_list_key (const char *key, size_t size)
{
    static const char *const keys [] = {"apiVersion", "items", "kind", "metadata"};
    for (size_t i = 0; i < sizeof keys / sizeof keys [0]; i++)
        if (strlen (keys [i]) == size && memcmp (keys [i], key, size) == 0)
            return true;
    return false;
}

bool
form_holds_many (const char *line, size_t size)
{
    json_scan_t scan;
    json_scan_token_t first, token;
    json_scan_start (&scan, line, size);
    if (json_scan_next (&scan, &first, NULL) != 1)
        return false;
    s_many_t seen = {.items = false};
    const bool array = first.type == JSON_SCAN_ARRAY;
    const size_t depth = array ? 1 : 2; //  of the events
    int rc = json_scan_next (&scan, &token, NULL);
    for (; rc == 1; rc = json_scan_next (&scan, &token, NULL)) {
        const bool event = token.depth == depth && (array || seen.inside);
        seen.foreign =
            seen.foreign
            || (event && token.type != JSON_SCAN_OBJECT && token.type != JSON_SCAN_OBJECT_END);
        if (first.type == JSON_SCAN_OBJECT && token.depth == 1)
            s_member (&seen, &token);
    }
    const bool list = seen.kinded ? seen.list : !seen.other;
    return rc == 0 && !seen.foreign && (array || (seen.array && list));
}
