//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/agent_result.h"

#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


//  --- finding the result

//  How certain is it that an object is the result?
enum { S_ANY, S_TEXT, S_RESULT };

typedef struct {
    const char *data; //  NULL = none yet
    size_t size;
    int rank;
} object_t;

typedef struct {
    object_t best;    //  the last one of the highest rank
    object_t open;    //  the object being scanned
    size_t depth;     //  depth of `open`
    bool type, error; //  the last token was its key "type", "error"
} finder_t;

static int
s_key_rank (const json_scan_token_t *key)
{
    if (json_scan_is (key, "is_error") || json_scan_is (key, "usage"))
        return S_RESULT;
    return json_scan_is (key, "result") ? S_TEXT : S_ANY;
}

//  The rank that the value of "type" or "error" gives.
static int
s_value_rank (const finder_t *self, const json_scan_token_t *value)
{
    if (self->type && value->type == JSON_SCAN_TEXT)
        return json_scan_is (value, "result") || json_scan_is (value, "error") ? S_RESULT : S_ANY;
    bool error = value->type == JSON_SCAN_TEXT || value->type == JSON_SCAN_OBJECT;
    return self->error && error ? S_RESULT : S_ANY;
}

static void
s_member (finder_t *self, const json_scan_token_t *token)
{
    bool key = token->type == JSON_SCAN_KEY;
    int rank = key ? s_key_rank (token) : s_value_rank (self, token);
    if (rank > self->open.rank)
        self->open.rank = rank;
    self->type = key && json_scan_is (token, "type");
    self->error = key && json_scan_is (token, "error");
}

//  Objects stand alone or in an array.  In an array, an object that is no result is some other
//  record.
static void
s_token (finder_t *self, const json_scan_t *scan, const json_scan_token_t *token)
{
    const char *after = scan->bytes + scan->at;
    if (!self->open.data && token->type == JSON_SCAN_OBJECT && token->depth <= 1) {
        self->open = (object_t){.data = after - 1};
        self->depth = token->depth;
        self->type = self->error = false;
        return;
    }
    if (self->open.data && token->type == JSON_SCAN_OBJECT_END && token->depth == self->depth) {
        self->open.size = (size_t) (after - self->open.data);
        bool counts = self->depth == 0 || self->open.rank > S_ANY;
        if (counts && self->open.rank >= self->best.rank)
            self->best = self->open;
        self->open.data = NULL;
        return;
    }
    if (self->open.data && token->depth == self->depth + 1)
        s_member (self, token);
}

//  Scan one value.  *ret_taken: bytes read, up to the error if the JSON is invalid.
static bool
s_value (finder_t *self, const char *bytes, size_t size, size_t *ret_taken)
{
    json_scan_t scan;
    json_scan_token_t token;
    json_scan_start (&scan, bytes, size);
    self->open.data = NULL;
    int rc = 0;
    do {
        rc = json_scan_next (&scan, &token, NULL);
        if (rc == 1)
            s_token (self, &scan, &token);
    } while (rc == 1 && scan.depth > 0);
    *ret_taken = scan.at;
    return rc == 1;
}

static bool
s_blank (char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

//  Are there only blanks between the last line end and this place?
static bool
s_line_begins (const char *bytes, size_t at)
{
    while (at > 0 && s_blank (bytes [at - 1]) && bytes [at - 1] != '\n')
        at--;
    return at == 0 || bytes [at - 1] == '\n';
}

//  Invalid JSON skips the rest of its line.  A cut object ends where the next line begins a new
//  one.
static object_t
s_find (const char *bytes, size_t size)
{
    finder_t self = {0};
    for (size_t at = 0; at < size;) {
        if (s_blank (bytes [at])) {
            at++;
            continue;
        }
        size_t taken = 0;
        bool begins = bytes [at] == '{' || bytes [at] == '[';
        bool whole = begins && s_value (&self, bytes + at, size - at, &taken);
        at += taken;
        if (whole || (taken > 0 && s_line_begins (bytes, at)))
            continue;
        const char *end = at < size ? memchr (bytes + at, '\n', size - at) : NULL;
        at = end ? (size_t) (end - bytes) : size;
    }
    return self.best;
}


//  --- reading the result

//  Parse the object into a tree; characters that a tree refuses are replaced first.
static int
s_parse (const object_t *object, json_t **ret_doc)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_AGENT_RESULT_BYTES);
    const json_scan_style_t style = {0};
    int rc = json_write (object->data, object->size, &style, &text, NULL);
    return rc < 0 ? rc : json_parse (text.data, text.size, ret_doc, NULL);
}

static bool
s_says (const char *text)
{
    return text [strspn (text, " \t\r\n")];
}

//  An empty text means no error.  An object without members is an error that JavaScript wrote.
static bool
s_is_error (const json_t *error)
{
    return json_is_string (error) ? s_says (json_string_value (error)) : json_is_object (error);
}

static bool
s_failed (const json_t *doc)
{
    const json_t *is_error = json_object_get (doc, "is_error");
    if (strcmp (json_member_text (doc, "subtype", ""), "error_max_turns") == 0)
        return false;
    if (is_error)
        return json_is_true (is_error);
    return s_is_error (json_object_get (doc, "error"))
           || strcmp (json_member_text (doc, "type", ""), "error") == 0;
}

//  The first member that is not blank; "" when all are.
static const char *
s_words (const json_t *doc)
{
    const json_t *error = json_object_get (doc, "error");
    const char *first = json_string_value (json_array_get (json_object_get (doc, "errors"), 0));
    const char *const words [] = {json_member_text (doc, "result", ""), first ? first : "",
                                  json_member_text (error, "message", ""),
                                  json_member_text (doc, "error", ""),
                                  json_member_text (doc, "message", "")};
    for (size_t i = 0; i < sizeof words / sizeof words [0]; i++)
        if (s_says (words [i]))
            return words [i];
    return "";
}

//  An error always yields a text.  Own: fresh; NULL when there is no text, or no memory.
static char *
s_text (const json_t *doc, bool error)
{
    const char *words = s_words (doc);
    if (*words || !error)
        return *words ? strdup (words) : NULL;
    int64_t status = json_member_int (doc, "api_error_status", 0);
    char text [64];
    snprintf (text, sizeof text, "API status %" PRId64, status);
    const char *subtype = json_member_text (doc, "subtype", "");
    bool named = strncmp (subtype, "error", 5) == 0;
    return strdup (status ? text : named ? subtype : "no details");
}

int
agent_result_read (const char *bytes, size_t size, agent_result_t *ret_result)
{
    *ret_result = (agent_result_t){0};
    if (size > LIMIT_AGENT_RESULT_BYTES)
        return ERR_LIMIT;
    object_t object = s_find (bytes, size);
    if (!object.data)
        return ERR_PROTO;
    own (json_drop) json_t *doc = NULL;
    int rc = s_parse (&object, &doc);
    if (rc < 0)
        return rc;
    ret_result->error = s_failed (doc);
    ret_result->text = s_text (doc, ret_result->error);
    if (ret_result->error && !ret_result->text)
        return -ENOMEM;
    json_t *usage = json_object_get (doc, "usage");
    ret_result->usage = json_is_object (usage) ? json_incref (usage) : NULL;
    return 0;
}

void
agent_result_fini (agent_result_t *self)
{
    free (self->text);
    json_drop (&self->usage);
    *self = (agent_result_t){0};
}
