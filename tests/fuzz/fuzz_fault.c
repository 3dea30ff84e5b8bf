//  fuzz_fault - a fault event of any shape, read from hostile bytes.
//
//  Holds: every field is text that can be stored and shown (ended, valid UTF-8); the key
//  is a digest; what parses reads the same after it was written anew; the context keeps its limit.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/base/json_scan.h"
#include "common/base/own.h"
#include "common/domain/fault.h"

#include <string.h>

#define ASSERT_TEXT(array) s_text (array, sizeof (array))
#define ASSERT_SAME(a, b, member) assert (strcmp ((a)->member, (b)->member) == 0)

static void
s_text (const char *text, size_t size)
{
    size_t length = strnlen (text, size);
    assert (length < size);
    assert (json_utf8_valid (text, length));
}

static void
s_digest (const char *hex)
{
    assert (strlen (hex) == DIGEST_HEX - 1);
    assert (strspn (hex, "0123456789abcdef") == DIGEST_HEX - 1);
}

static void
s_check (const fault_t *self)
{
    ASSERT_TEXT (self->cluster);
    ASSERT_TEXT (self->source_cluster);
    ASSERT_TEXT (self->fault_id);
    ASSERT_TEXT (self->subscription_id);
    ASSERT_TEXT (self->fault_type);
    ASSERT_TEXT (self->api_version);
    ASSERT_TEXT (self->kind);
    ASSERT_TEXT (self->namespace_);
    ASSERT_TEXT (self->name);
    ASSERT_TEXT (self->uid);
    ASSERT_TEXT (self->timestamp);
    ASSERT_TEXT (self->summary);
    s_digest (self->key);
    assert (self->cluster [0]);
    assert (!strpbrk (self->summary, "\r\n"));
    assert (fault_severity_name (self->severity));
    assert (self->parsed || strcmp (self->fault_type, "Unparsed") == 0);
}

static void
s_assert_same (const fault_t *a, const fault_t *b)
{
    ASSERT_SAME (a, b, cluster);
    ASSERT_SAME (a, b, source_cluster);
    ASSERT_SAME (a, b, fault_id);
    ASSERT_SAME (a, b, subscription_id);
    ASSERT_SAME (a, b, fault_type);
    ASSERT_SAME (a, b, api_version);
    ASSERT_SAME (a, b, kind);
    ASSERT_SAME (a, b, namespace_);
    ASSERT_SAME (a, b, name);
    ASSERT_SAME (a, b, uid);
    ASSERT_SAME (a, b, timestamp);
    ASSERT_SAME (a, b, summary);
    ASSERT_SAME (a, b, key);
    assert (a->severity == b->severity && a->time_ms == b->time_ms && a->parsed == b->parsed);
}

static int
s_scan (const char *body, size_t size)
{
    json_scan_t scan;
    json_scan_token_t token;
    int rc = 1;
    json_scan_start (&scan, body, size);
    while (rc == 1)
        rc = json_scan_next (&scan, &token, NULL);
    return rc;
}

//  What jansson takes is taken, but for keys given twice that matter, and a NUL behind a number,
//  which it passes over; what only the scan takes is what a tree cannot hold.
static void
s_judged_as_by_a_tree (const char *body, size_t size, const fault_t *fault)
{
    json_error_t error = {.line = 0};
    json_t *doc = json_loadb (body, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    const int rc = s_scan (body, size);
    const enum json_error_code code = json_error_code (&error);
    if (doc)
        assert (rc == 0 || rc == ERR_LIMIT || memchr (body, 0, size));
    else if (rc == 0)
        assert (code == json_error_duplicate_key || code == json_error_null_character
                || code == json_error_null_byte_in_key || code == json_error_numeric_overflow
                || code == json_error_stack_overflow || strstr (error.text, "invalid Unicode"));
    assert (!fault->parsed || rc == 0);
    json_decref (doc);
}

//  Written anew, indented, it is the same fault: white space and escapes carry no meaning.
static void
s_reread (const char *body, size_t size, const char *cluster, const fault_t *first)
{
    if (!first->parsed)
        return;
    own (buf_fini) buf_t text = buf_init (size * 200 + 100);
    const json_scan_style_t style = {.indent = true};
    int rc = json_write (body, size, &style, &text, NULL);
    assert (rc == 0);
    (void) rc;
    fault_t second;
    fault_read (text.data, text.size, cluster, &second);
    s_assert_same (first, &second);
}

static void
s_context (const char *body, size_t size)
{
    static const size_t limits [] = {0, 1, 7, 100000};
    own (own_mem) char *whole = fault_context (body, size, size * 8 + 64);
    assert (whole && json_utf8_valid (whole, strlen (whole)));
    for (size_t i = 0; i < sizeof limits / sizeof limits [0]; i++) {
        own (own_mem) char *cut = fault_context (body, size, limits [i]);
        size_t length = strlen (cut);
        assert (length <= limits [i] && strncmp (whole, cut, length) == 0);
        assert (json_utf8_valid (cut, length));
        assert (length == strlen (whole) || limits [i] - length < 4);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const clusters [] = {"", "prod-us-east-1"};
    const char *body = (const char *) data;
    for (size_t i = 0; i < 2; i++) {
        fault_t fault;
        fault_read (body, size, clusters [i], &fault);
        s_check (&fault);
        assert (i == 0 || strcmp (fault.cluster, clusters [i]) == 0);
        s_reread (body, size, clusters [i], &fault);
        s_judged_as_by_a_tree (body, size, &fault);
        char id [DIGEST_HEX];
        fault_event_id ("mcp/prod", &fault, body, size, id);
        s_digest (id);
    }
    s_context (body, size);
    return 0;
}
