//  fuzz_view - what the tools print of hostile JSON: records of the stream, messages to Slack.
//
//  Holds: nothing printed acts on a terminal, whatever stands in it, but for our own
//  colours; a record printed as JSON is ASCII and the same record; the watch over gaps
//  knows what it was shown.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "tools/slack_view.h"
#include "tools/tap_view.h"
#include "tools/term.h"

#include <string.h>

enum { OUT_BYTES = LIMIT_MIB (4) };

//  Bytes of a colour "ESC [ digits m" at text, 0 when it is none.
static size_t
s_color (const char *text)
{
    size_t digits = strncmp (text, "\x1b[", 2) == 0 ? strspn (text + 2, "0123456789;") : 0;
    return digits > 0 && text [2 + digits] == 'm' ? digits + 3 : 0;
}

static void
s_check (const buf_t *out, bool color, bool lines)
{
    for (size_t at = 0; at < out->size;) {
        size_t step = color ? s_color (out->data + at) : 0;
        if (step == 0) {
            uint32_t code = 0;
            step = utf8_next (out->data + at, out->size - at, &code);
            assert (step > 0);
            assert (code >= ' ' || (lines && code == '\n'));
            assert (code < 0x7f || code > 0x9f);
            assert (code < 0x202a || code > 0x202e);
            assert (code < 0x2066 || code > 0x2069);
        }
        at += step;
    }
}

static void
s_text (const char *bytes, size_t size)
{
    own (buf_fini) buf_t out = buf_init (OUT_BYTES);
    assert (term_escape (bytes, size, &out) == 0);
    s_check (&out, false, false);
}

static void
s_record (const json_t *record, bool color)
{
    own (buf_fini) buf_t out = buf_init (OUT_BYTES);
    assert (tap_view_line (record, color, &out) == 0);
    s_check (&out, color, false);
}

static void
s_record_json (const json_t *record)
{
    own (buf_fini) buf_t out = buf_init (OUT_BYTES);
    own (json_drop) json_t *again = NULL;
    assert (tap_view_json (record, &out) == 0);
    for (size_t i = 0; i < out.size; i++)
        assert (out.data [i] >= ' ' && (unsigned char) out.data [i] <= 0x7f);
    assert (json_parse (out.data, out.size, &again, NULL) == 0);
    assert (json_equal (record, again));
}

static void
s_watch (const json_t *record)
{
    own (tap_watch_destroy) tap_watch_t *watch = tap_watch_new ();
    int64_t last = 0;
    bool durable = json_member_int (record, "seq", 0) > 0;
    assert (tap_watch_look (watch, record, &last) == TAP_NEXT);
    assert (tap_watch_shown (watch, record) == 0);
    assert (tap_watch_look (watch, record, &last) == (durable ? TAP_OLD : TAP_NEXT));
}

static void
s_slack (const json_t *message, bool color)
{
    own (buf_fini) buf_t out = buf_init (OUT_BYTES);
    const char *refusal = slack_view (message, color, &out);
    assert (!refusal || out.size == 0);
    s_check (&out, color, true);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    own (json_drop) json_t *doc = NULL;
    s_text ((const char *) data, size);
    if (json_parse ((const char *) data, size, &doc, NULL) != 0)
        return 0;
    for (int color = 0; color < 2; color++)
        s_slack (doc, color);
    if (!json_is_object (doc))
        return 0;
    for (int color = 0; color < 2; color++)
        s_record (doc, color);
    s_record_json (doc);
    s_watch (doc);
    return 0;
}
