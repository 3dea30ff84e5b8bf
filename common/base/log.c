//  The sink is the one permitted global.  A line is built on the stack and written by one write(2).
//  So lines of two threads never mix, and no lock is held while a slow terminal blocks.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_int s_level = LOG_LEVEL_INFO;
static atomic_int s_format = LOG_FORMAT_LOGFMT;
static atomic_int s_fd = STDERR_FILENO;

enum { LINE_RESERVE = 32 }; //  bytes reserved for the end of a cut line

typedef struct {
    char text [LIMIT_LOG_LINE_BYTES];
    size_t size;
    bool json;
    bool full; //  a piece did not fit
} line_t;

static void
s_put (line_t *line, const char *bytes, size_t size)
{
    if (size > sizeof (line->text) - LINE_RESERVE - line->size)
        line->full = true;
    if (line->full)
        return;
    memcpy (line->text + line->size, bytes, size);
    line->size += size;
}

static void
s_put_text (line_t *line, const char *text)
{
    s_put (line, text, strlen (text));
}

//  May this code point appear in a line unescaped?  Excluded: control characters, line separators,
//  and bidirectional overrides that change the order on a terminal.

static bool
s_is_plain (uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == '"' || code == '\\')
        return false;
    return !utf8_unseen (code);
}

static void
s_put_escape (line_t *line, uint32_t code)
{
    char text [16];
    const char *found = code && code < 0x80 ? strchr ("\"\"\\\\\nn\rr\tt", (int) code) : NULL;
    if (code == '"' || code == '\\') {
        (void) snprintf (text, sizeof (text), "\\%c", (char) code);
    }
    else if (found && code < 0x20) {
        (void) snprintf (text, sizeof (text), "\\%c", found [1]);
    }
    else {
        (void) snprintf (text, sizeof (text), "\\u%04x", (unsigned) code);
    }
    s_put_text (line, text);
}

//  Invalid UTF-8 becomes \xNN; in JSON the backslash is doubled, as JSON has no byte escapes.

static void
s_put_byte (line_t *line, unsigned char byte)
{
    char text [8];
    (void) snprintf (text, sizeof (text), "%s\\x%02x", line->json ? "\\" : "", byte);
    s_put_text (line, text);
}

static bool
s_is_bare (const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char) text [i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return size > 0;
}

static void
s_put_string (line_t *line, const char *text)
{
    if (!text)
        text = "";
    size_t size = strnlen (text, LIMIT_LOG_VALUE_BYTES + 4);
    size_t kept = utf8_cut (text, size, LIMIT_LOG_VALUE_BYTES);
    bool quoted = line->json || kept < size || !s_is_bare (text, kept);
    if (quoted)
        s_put_text (line, "\"");
    for (size_t i = 0; i < kept;) {
        uint32_t code = 0;
        size_t length = utf8_next (text + i, kept - i, &code);
        if (length == 0) {
            s_put_byte (line, (unsigned char) text [i]);
            length = 1;
        }
        else if (s_is_plain (code)) {
            s_put (line, text + i, length);
        }
        else {
            s_put_escape (line, code);
        }
        i += length;
    }
    if (kept < size)
        s_put_text (line, "...");
    if (quoted)
        s_put_text (line, "\"");
}

static void
s_put_value (line_t *line, const log_kv_t *field)
{
    char text [40] = "";
    switch (field->kind) {
        case LOG_KIND_STR: s_put_string (line, field->as.str); return;
        case LOG_KIND_BOOL: s_put_text (line, field->as.flag ? "true" : "false"); return;
        case LOG_KIND_I64: (void) snprintf (text, sizeof (text), "%" PRId64, field->as.i64); break;
        case LOG_KIND_U64: (void) snprintf (text, sizeof (text), "%" PRIu64, field->as.u64); break;
        case LOG_KIND_F64:
            if (isfinite (field->as.f64)) {
                (void) snprintf (text, sizeof (text), "%.6g", field->as.f64);
            }
            else {
                (void) snprintf (text, sizeof (text), "null");
            }
            break;
        case LOG_KIND_END: break;
    }
    s_put_text (line, text);
}

//  Write one field.  A field that does not fit is removed whole, so a cut line stays well formed.

static void
s_put_field (line_t *line, const log_kv_t *field)
{
    size_t before = line->size;
    if (line->full)
        return;
    if (line->json) {
        s_put_text (line, before > 1 ? ",\"" : "\"");
        s_put_text (line, field->key);
        s_put_text (line, "\":");
    }
    else {
        s_put_text (line, before > 0 ? " " : "");
        s_put_text (line, field->key);
        s_put_text (line, "=");
    }
    s_put_value (line, field);
    if (line->full)
        line->size = before;
}

static void
s_component (const char *file, char *ret_name, size_t size)
{
    const char *slash = strrchr (file, '/');
    const char *stem = slash ? slash + 1 : file;
    size_t length = strcspn (stem, ".");
    (void) snprintf (ret_name, size, "%.*s", (int) (length < size ? length : size - 1), stem);
}

static void
s_write (const line_t *line)
{
    //  A failed write cannot be reported; a short write is completed.
    int fd = atomic_load (&s_fd);
    size_t done = 0;
    while (done < line->size) {
        ssize_t count = write (fd, line->text + done, line->size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
        done += (size_t) count;
    }
}

static void
s_finish (line_t *line)
{
    const char *end = line->full ? (line->json ? ",\"cut\":true}\n" : " cut=true\n")
                                 : (line->json ? "}\n" : "\n");
    size_t size = strlen (end);
    memcpy (line->text + line->size, end, size); //  LINE_RESERVE keeps room for this
    line->size += size;
}

void
log_emit (enum log_level level, const char *file, const char *msg, const log_kv_t *fields)
{
    static const char *const names [] = {"debug", "info", "warn", "error"};
    if ((int) level < atomic_load (&s_level))
        return;
    int saved_errno = errno;
    char ts [CLK_TEXT], component [64];
    struct timespec now;
    (void) clock_gettime (CLOCK_REALTIME, &now);
    clk_text ((int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000, ts, sizeof (ts));
    s_component (file, component, sizeof (component));

    line_t line;
    line.size = 0;
    line.full = false;
    line.json = atomic_load (&s_format) == LOG_FORMAT_JSON;
    if (line.json)
        s_put_text (&line, "{");
    const log_kv_t head [] = {kv ("ts", (const char *) ts), kv ("level", names [level]),
                              kv ("component", (const char *) component), kv ("msg", msg)};
    for (size_t i = 0; i < sizeof (head) / sizeof (head [0]); i++)
        s_put_field (&line, &head [i]);
    for (const log_kv_t *field = fields; field->key; field++)
        s_put_field (&line, field);
    s_finish (&line);
    s_write (&line);
    errno = saved_errno;
}

void
log_set_level (enum log_level level)
{
    atomic_store (&s_level, (int) level);
}

void
log_set_format (enum log_format format)
{
    atomic_store (&s_format, (int) format);
}

void
log_set_fd (int fd)
{
    atomic_store (&s_fd, fd);
}
