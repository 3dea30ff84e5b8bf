//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_html.h"

#include "common/base/clk.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <string.h>

static const char s_unknown [] = "\xef\xbf\xbd"; //  U+FFFD

static bool
s_plain (char byte)
{
    return (byte >= ' ' && byte < 0x7f && !strchr ("&<>\"'", byte)) || byte == '\n' || byte == '\t';
}

static bool
s_turns (uint32_t code)
{
    return code == 0x61c || (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069);
}

//  Append the character or the byte that begins here.  Returns its length.
static size_t
s_append (buf_t *out, const char *bytes, size_t size)
{
    uint32_t code = 0;
    const size_t length = utf8_next (bytes, size, &code);
    const bool control = code < ' ' || (code >= 0x7f && code < 0xa0);
    if (code == '&')
        buf_text (out, "&amp;");
    else if (code == '<')
        buf_text (out, "&lt;");
    else if (code == '>')
        buf_text (out, "&gt;");
    else if (code == '"')
        buf_text (out, "&quot;");
    else if (code == '\'')
        buf_text (out, "&#39;");
    else if (length == 0 || control || (code & 0xfffe) == 0xfffe
             || (code >= 0xfdd0 && code <= 0xfdef)) //  no character of HTML
        buf_text (out, s_unknown);
    else if (s_turns (code))
        buf_printf (out, "[U+%04" PRIX32 "]", code);
    else
        buf_append (out, bytes, length);
    return length ? length : 1;
}

void
page_html_bytes (buf_t *out, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size && !out->failed;) {
        size_t plain = at;
        while (plain < size && s_plain (bytes [plain]))
            plain++;
        if (plain > at)
            buf_append (out, bytes + at, plain - at);
        at = plain;
        if (at + 1 < size && bytes [at] == '\r' && bytes [at + 1] == '\n')
            at++;
        else if (at < size)
            at += s_append (out, bytes + at, size - at);
    }
}

void
page_html_text (buf_t *out, const char *text)
{
    page_html_bytes (out, text, strlen (text));
}

void
page_html_time (buf_t *out, int64_t wall_ms)
{
    if (wall_ms <= 0 || !clk_wall_valid (wall_ms)) {
        buf_text (out, "-");
        return;
    }
    char text [CLK_TEXT]; //  2026-01-15T12:34:56.789Z
    clk_text (wall_ms, text, sizeof text);
    buf_printf (out, "<time datetime=\"%s\">%.10s %.8s UTC</time>", text, text, text + 11);
}

void
page_html_span (buf_t *out, int64_t ms)
{
    const int64_t s = ms > 0 ? (ms + 500) / 1000 : 0;
    if (ms > 0 && ms < 1000)
        buf_printf (out, "%" PRId64 " ms", ms);
    else if (s >= 86400)
        buf_printf (out, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        buf_printf (out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        buf_printf (out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        buf_printf (out, "%" PRId64 " s", s);
}

void
page_html_cost (buf_t *out, int64_t micro_usd)
{
    buf_printf (out, micro_usd < 10000 ? "$%.4f" : "$%.2f", (double) micro_usd / 1e6);
}

void
page_html_size (buf_t *out, int64_t bytes)
{
    if (bytes >= 10 * 1024 * 1024)
        buf_printf (out, "%" PRId64 " MiB", bytes / 1024 / 1024);
    else if (bytes >= 10 * 1024)
        buf_printf (out, "%" PRId64 " KiB", bytes / 1024);
    else
        buf_printf (out, "%" PRId64 " bytes", bytes);
}
