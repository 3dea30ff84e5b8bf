//  fuzz_page - an agent's report, any bytes, as HTML.
//
//  Input: Markdown; a short one that begins with '*' is repeated, for what grows faster than the
//  text.
//  Holds: the HTML is valid UTF-8 of known elements, each closed in order, nested within bounds; no
//  attribute holds more than its own value; an address is of the web, of mail, or an anchor that
//  exists; no anchor exists twice.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/page/page_text.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    REPEATED_PART_BYTES = 24,
    REPEATED_BYTES = LIMIT_KIB (32),
    DEPTH = LIMIT_PAGE_NESTING + LIMIT_PAGE_SPANS + 16,
    NAME_BYTES = 16,
    ANCHORS_BYTES = LIMIT_KIB (64)
};

typedef struct {
    char open [DEPTH][NAME_BYTES];
    size_t depth;
} tree_t;

//  Characters of text that can stand in HTML.
static void
s_check_text (const char *html, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        const size_t step = utf8_next (html + at, size - at, &code);
        assert (step > 0);
        assert (code >= ' ' || code == '\n' || code == '\t');
        assert ((code < 0x7f || code >= 0xa0) && !(code >= 0x202a && code <= 0x202e));
        at += step;
    }
}

static bool
s_is (const char *name, size_t size, const char *const *names)
{
    for (; *names; names++)
        if (strlen (*names) == size && memcmp (*names, name, size) == 0)
            return true;
    return false;
}

static void
s_check_address (const char *value, size_t size)
{
    assert (size > 1);
    assert (*value == '#' || strncasecmp (value, "http://", 7) == 0
            || strncasecmp (value, "https://", 8) == 0 || strncasecmp (value, "mailto:", 7) == 0);
}

//  The attributes of an element, up to its ">".  Returns that place.
static const char *
s_check_attributes (const char *at)
{
    static const char *const names [] = {"href", "rel",      "class", "id",    "aria-label",
                                         "role", "tabindex", "scope", "start", NULL};
    while (*at != '>') {
        assert (*at == ' ');
        const size_t name = strcspn (at + 1, "=> ");
        assert (s_is (at + 1, name, names) && at [1 + name] == '=' && at [2 + name] == '"');
        const char *value = at + 3 + name;
        const size_t size = strcspn (value, "\"<>");
        assert (value [size] == '"');
        if (strncmp (at + 1, "href", name) == 0)
            s_check_address (value, size);
        at = value + size + 1;
    }
    return at;
}

static const char *
s_check_element (tree_t *tree, const char *at)
{
    static const char *const empty [] = {"br", "hr", NULL};
    static const char *const names [] = {
        "p",     "h2",    "h3", "h4", "h5",   "h6",   "a",     "em",         "strong",
        "s",     "ul",    "ol", "li", "code", "pre",  "br",    "blockquote", "hr",
        "table", "thead", "th", "td", "tr",   "span", "tbody", "div",        NULL};
    const bool closes = at [1] == '/';
    const char *name = at + 1 + closes;
    const size_t size = strcspn (name, " >");
    assert (size < NAME_BYTES && s_is (name, size, names));
    if (closes) {
        assert (tree->depth > 0 && name [size] == '>');
        const char *open = tree->open [--tree->depth];
        assert (strlen (open) == size && memcmp (open, name, size) == 0);
        return name + size;
    }
    const char *end = s_check_attributes (name + size);
    if (!s_is (name, size, empty)) {
        assert (tree->depth < DEPTH);
        snprintf (tree->open [tree->depth++], NAME_BYTES, "%.*s", (int) size, name);
    }
    return end;
}

static void
s_check_html (const char *html)
{
    tree_t tree = {.depth = 0};
    for (const char *at = html; *at; at++) {
        assert (*at != '>' && *at != '"' && *at != '\'');
        if (*at == '<')
            at = s_check_element (&tree, at);
        else if (*at == '&')
            assert (strncmp (at, "&amp;", 5) == 0 || strncmp (at, "&lt;", 4) == 0
                    || strncmp (at, "&gt;", 4) == 0 || strncmp (at, "&quot;", 6) == 0
                    || strncmp (at, "&#39;", 5) == 0 || strncmp (at, "&#974", 5) == 0);
    }
    assert (tree.depth == 0);
}

//  Each anchor once.
static void
s_check_anchors (const char *html)
{
    if (strlen (html) > ANCHORS_BYTES)
        return;
    for (const char *at = html; (at = strstr (at, " id=\"")); at++) {
        char id [128];
        const size_t size = strcspn (at + 5, "\"");
        assert (size < sizeof id - 8);
        snprintf (id, sizeof id, "%.*s\"", (int) size + 5, at);
        assert (!strstr (at + 1, id));
    }
}

static void
s_check (const char *bytes, size_t size)
{
    own (buf_fini) buf_t out = buf_init (LIMIT_PAGE_BYTES);
    page_text_t how = PAGE_TEXT_CUT;
    int rc = page_text (&out, bytes, size, &how);
    assert (rc == 0);
    (void) rc;
    s_check_text (out.data, out.size);
    s_check_html (out.data);
    s_check_anchors (out.data);
}

static void
s_repeated (const char *part, size_t size)
{
    own (buf_fini) buf_t text = buf_init (REPEATED_BYTES + REPEATED_PART_BYTES);
    while (text.size < REPEATED_BYTES)
        assert (buf_append (&text, part, size) == 0);
    s_check (text.data, text.size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *bytes = size ? (const char *) data : "";
    if (size > 1 && size <= REPEATED_PART_BYTES && *bytes == '*')
        s_repeated (bytes + 1, size - 1);
    else
        s_check (bytes, size);
    return 0;
}
