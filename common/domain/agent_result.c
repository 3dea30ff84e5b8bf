//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/agent_result.h"

#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/domain/failure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGENT_RESULT_USD 1e6 //  more is no cost of a run

enum { AGENT_RESULT_RETRY_MS = 24 * 3600 * 1000 }; //  longest wait that is believed


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

//  --- the class of a failure

//  Members that name the class, whatever the others say.
static run_class_t
s_named_class (const json_t *doc)
{
    static const struct {
        const char *key, *value;
        run_class_t class;
    } rows [] = {
        {"subtype", "error_max_turns", RUN_CLASS_LIMIT},
        {"subtype", "error_max_budget_usd", RUN_CLASS_LIMIT},
        {"terminal_reason", "max_turns", RUN_CLASS_LIMIT},
        {"terminal_reason", "budget_exhausted", RUN_CLASS_LIMIT},
        {"terminal_reason", "prompt_too_long", RUN_CLASS_TOO_LARGE},
        {"stop_reason", "refusal", RUN_CLASS_REFUSED},
        {"stop_reason", "max_tokens", RUN_CLASS_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        if (strcmp (json_member_text (doc, rows [i].key, ""), rows [i].value) == 0)
            return rows [i].class;
    return RUN_CLASS_NONE;
}

//  Can an agent know that its run is of this class?  The others are for its worker to tell.
static bool
s_knows (run_class_t class)
{
    return class == RUN_CLASS_REFUSED || class == RUN_CLASS_LIMIT || class == RUN_CLASS_TOO_LARGE
           || run_class_rule (class)->given_back || run_class_rule (class)->holds;
}

//  The HTTP status of a failure, 0 = unknown.
static int64_t
s_status (const json_t *doc)
{
    const json_t *error = json_object_get (doc, "error");
    int64_t status = json_member_int (doc, "api_error_status", json_member_int (error, "code", 0));
    return status >= 100 && status <= 599 ? status : 0;
}

//  NONE when there is no member "class", or none that an agent can know.
static run_class_t
s_given_class (const json_t *doc)
{
    const char *given = json_member_text (doc, "class", "");
    run_class_t class = RUN_CLASS_NONE;
    return run_class_parse (given, strlen (given), &class) && s_knows (class) ? class
                                                                              : RUN_CLASS_NONE;
}

static run_class_t
s_found_class (const json_t *doc, const char *text)
{
    const run_class_t class = s_named_class (doc);
    if (class != RUN_CLASS_NONE)
        return class;
    const json_t *error = json_object_get (doc, "error");
    char words [LIMIT_ERROR_TEXT_BYTES];
    snprintf (words, sizeof words, "%.64s %.64s %.64s %.64s %s",
              json_member_text (doc, "api_error_type", ""), json_member_text (error, "type", ""),
              json_member_text (error, "code", ""), json_member_text (error, "status", ""), text);
    return failure_class (s_status (doc), words);
}

//  Did a limit end a run that may have a report?  Then it has a class, but no error.
static bool
s_limited (const json_t *doc)
{
    return strcmp (json_member_text (doc, "subtype", ""), "error_max_turns") == 0;
}


//  --- what it used

static void
s_copy (const json_t *doc, const char *key, char *ret_text, size_t size)
{
    utf8_copy (ret_text, size, json_member_text (doc, key, ""));
    utf8_clean (ret_text);
}

//  Units: USD in the result.
static int64_t
s_micro_usd (const json_t *cost)
{
    const double usd = json_is_number (cost) ? json_number_value (cost) : -1;
    return usd >= 0 && usd <= AGENT_RESULT_USD ? (int64_t) (usd * 1e6 + 0.5) : USAGE_UNKNOWN;
}

static usage_t
s_figures (const json_t *doc)
{
    usage_t used = usage_none ();
    s_copy (doc, "agent", used.agent, sizeof used.agent);
    s_copy (doc, "version", used.version, sizeof used.version);
    s_copy (doc, "model", used.model, sizeof used.model);
    used.turns = json_member_int (doc, "num_turns", USAGE_UNKNOWN);
    used.duration_ms = json_member_int (doc, "duration_ms", USAGE_UNKNOWN);
    used.cost_micro_usd = s_micro_usd (json_object_get (doc, "total_cost_usd"));
    const json_t *tokens = json_object_get (doc, "usage");
    used.input = json_member_int (tokens, "input_tokens", USAGE_UNKNOWN);
    used.output = json_member_int (tokens, "output_tokens", USAGE_UNKNOWN);
    used.cache_read = json_member_int (tokens, "cache_read_input_tokens", USAGE_UNKNOWN);
    used.cache_write = json_member_int (tokens, "cache_creation_input_tokens", USAGE_UNKNOWN);
    usage_bound (&used);
    return used;
}

//  Read a number that must be within bounds; else it is `other`.
static int64_t
s_bounded (const json_t *doc, const char *key, int64_t most, int64_t other)
{
    const int64_t value = json_member_int (doc, key, other);
    return value >= 0 && value <= most ? value : other;
}

//  Fill all but the usage object.  Err: -ENOMEM.
static int
s_fill (const json_t *doc, agent_result_t *self)
{
    self->error = s_failed (doc);
    self->text = s_text (doc, self->error || s_limited (doc));
    if (self->error && !self->text)
        return -ENOMEM;
    if (self->error || s_limited (doc))
        self->class = s_given_class (doc);
    self->class_given = self->class != RUN_CLASS_NONE;
    if (!self->class_given && (self->error || s_limited (doc)))
        self->class = s_found_class (doc, self->text ? self->text : "");
    self->exit_code = (int) s_bounded (doc, "exit_code", UINT8_MAX, -1);
    self->retry_ms = s_bounded (doc, "retry_after_ms", AGENT_RESULT_RETRY_MS, 0);
    self->figures = s_figures (doc);
    return 0;
}

int
agent_result_read (const char *bytes, size_t size, agent_result_t *ret_result)
{
    *ret_result = (agent_result_t){.exit_code = -1, .figures = usage_none ()};
    if (size > LIMIT_AGENT_RESULT_BYTES)
        return ERR_LIMIT;
    object_t object = s_find (bytes, size);
    if (!object.data)
        return ERR_PROTO;
    own (json_drop) json_t *doc = NULL;
    int rc = s_parse (&object, &doc);
    if (rc == 0)
        rc = s_fill (doc, ret_result);
    if (rc < 0)
        return rc;
    json_t *usage = json_object_get (doc, "usage");
    ret_result->usage = json_is_object (usage) ? json_incref (usage) : NULL;
    return 0;
}

void
agent_result_fini (agent_result_t *self)
{
    free (self->text);
    json_drop (&self->usage);
    *self = (agent_result_t){.exit_code = -1, .figures = usage_none ()};
}
