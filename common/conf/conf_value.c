//  conf_value - converts text to a setting and back.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/conf/conf_part.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    GOT_BYTES = 80, //  longest part of a refused value that is shown
    CONF_MILLION = 1000000
};

typedef struct {
    const char *name;
    int64_t factor;
} unit_t;

static const unit_t s_duration_units [] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                           {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit_t s_size_units [] = {{"B", 1},
                                       {"KiB", INT64_C (1) << 10},
                                       {"MiB", INT64_C (1) << 20},
                                       {"GiB", INT64_C (1) << 30},
                                       {"TiB", INT64_C (1) << 40},
                                       {NULL, 0}};
static const unit_t s_no_units [] = {{NULL, 0}};

static void *
s_at (void *base, const conf_option_t *row)
{
    return (char *) base + row->offset;
}

static const void *
s_at_const (const void *base, const conf_option_t *row)
{
    return (const char *) base + row->offset;
}

//  --- numbers with units

static bool
s_number (const char **text_p, double *ret_value)
{
    const char *p = *text_p;
    double value = 0, scale = 1;
    bool digits = false;
    for (; *p >= '0' && *p <= '9'; p++, digits = true)
        value = value * 10 + (*p - '0');
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, digits = true) {
            scale /= 10;
            value += (*p - '0') * scale;
        }
    }
    *text_p = p;
    *ret_value = value;
    return digits;
}

static const unit_t *
s_unit (const unit_t *units, const char **text_p)
{
    size_t size = strspn (*text_p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (const unit_t *unit = units; unit->name; unit++) {
        if (strlen (unit->name) == size && memcmp (unit->name, *text_p, size) == 0) {
            *text_p += size;
            return unit;
        }
    }
    return NULL;
}

//  Parse "1m30s": the sum of numbers with units; a lone number counts in `bare` units.

static bool
s_amount (const char *text, const unit_t *units, int64_t bare, int64_t *ret_value)
{
    bool negative = *text == '-';
    double sum = 0, number = 0;
    const char *p = text + negative;
    if (!*p)
        return false;
    for (bool first = true; *p; first = false) {
        if (!s_number (&p, &number))
            return false;
        const unit_t *unit = *p ? s_unit (units, &p) : NULL;
        if (!unit && (*p || !first))
            return false;
        sum += number * (double) (unit ? unit->factor : bare);
    }
    if (sum > 9e15) //  above this a double skips integers
        return false;
    int64_t value = (int64_t) (sum + 0.5);
    *ret_value = negative ? -value : value;
    return true;
}

static bool
s_integer (const char *text, int64_t *ret_value)
{
    if (!*text || strspn (text, "+-0123456789") != strlen (text))
        return false;
    char *end = NULL;
    errno = 0;
    long long value = strtoll (text, &end, 10);
    if (*end || errno)
        return false;
    *ret_value = value;
    return true;
}

//  --- one value

static int
s_choice (const char *choices, const char *text)
{
    size_t size = strlen (text);
    int index = 0;
    for (const char *p = choices; size; index++) {
        size_t length = strcspn (p, "|");
        if (length == size && strncasecmp (p, text, size) == 0)
            return index;
        if (!p [length])
            break;
        p += length + 1;
    }
    return -1;
}

static int
s_bool (const char *text)
{
    static const char *const words [] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof (words) / sizeof (words [0]); i++) {
        if (strcasecmp (words [i], text) == 0)
            return (int) (i & 1);
    }
    return -1;
}

static bool
s_is_clean (const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text <= ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

static bool
s_is_url (const char *text)
{
    size_t scheme = strncasecmp (text, "http://", 7) == 0    ? 7
                    : strncasecmp (text, "https://", 8) == 0 ? 8
                                                             : 0;
    return scheme && s_is_clean (text) && text [scheme] && !strchr ("/?#:@", text [scheme]);
}

static bool
s_is_listen (const char *text)
{
    const char *colon = strrchr (text, ':');
    int64_t port = 0;
    if (!colon || colon == text || !s_is_clean (text))
        return false;
    if (strcmp (colon + 1, "*") == 0)
        return true;
    return s_integer (colon + 1, &port) && port >= 0 && port <= 65535;
}

static bool
s_is_endpoint (const char *text)
{
    if (!s_is_clean (text))
        return false;
    if (strncmp (text, "ipc://", 6) == 0)
        return text [6] != 0;
    return strncmp (text, "tcp://", 6) == 0 && s_is_listen (text + 6);
}

//  Length of user and password, between "//" and the last '@' before the path; 0 = none.
static size_t
s_credentials (const char *authority)
{
    size_t size = strcspn (authority, "/?# \"");
    while (size > 0 && authority [size] != '@')
        size--;
    return size;
}

void
conf_value_shown (const char *text, buf_t *shown)
{
    for (const char *slashes = strstr (text, "//"); slashes; slashes = strstr (text, "//")) {
        const size_t secret = s_credentials (slashes + 2);
        (void) buf_append (shown, text, (size_t) (slashes + 2 - text));
        if (secret > 0)
            (void) buf_text (shown, CONF_MASK);
        text = slashes + 2 + secret;
    }
    (void) buf_text (shown, text);
}

bool
conf_value_is_mask (const conf_option_t *row, const void *base)
{
    const char *text = *(const char *const *) s_at_const (base, row);
    return strcmp (text, CONF_MASK) == 0 || strstr (text, "//" CONF_MASK "@");
}

static bool
s_text_fits (const conf_option_t *row, const char *text)
{
    if (!*text) //  unset
        return !(row->flags & CONF_REQUIRED);
    if ((row->flags & CONF_SECRET) && strcmp (text, CONF_MASK) == 0)
        return true;
    if (row->max > 0 && strlen (text) > (size_t) row->max)
        return false;
    if (row->flags & CONF_URL)
        return s_is_url (text);
    for (const char *p = row->choices; p && *p; p += strspn (p, "|")) {
        const size_t size = strcspn (p, "|");
        if (strlen (text) == size && memcmp (text, p, size) == 0)
            return true;
        p += size;
    }
    if (row->choices)
        return false;
    if (row->flags & CONF_LISTEN)
        return s_is_listen (text);
    return !(row->flags & CONF_ENDPOINT) || s_is_endpoint (text);
}

static bool
s_in_range (const conf_option_t *row, int64_t value)
{
    if (row->min == 0 && row->max == 0)
        return row->type == CONF_INT || value >= 0;
    return value >= row->min && value <= row->max;
}

static bool
s_parse_number (const conf_option_t *row, const char *text, int64_t *ret_value)
{
    bool ok = row->type == CONF_INT        ? s_integer (text, ret_value)
              : row->type == CONF_DURATION ? s_amount (text, s_duration_units, 1000, ret_value)
              : row->type == CONF_DECIMAL  ? s_amount (text, s_no_units, CONF_MILLION, ret_value)
                                           : s_amount (text, s_size_units, 1, ret_value);
    return ok && s_in_range (row, *ret_value);
}

size_t
conf_secret (const char **text_p)
{
    static const char blanks [] = " \t\r\n\v\f";
    const char *text = *text_p + strspn (*text_p, blanks);
    size_t size = strlen (text);
    while (size > 0 && strchr (blanks, text [size - 1]))
        size--;
    *text_p = text;
    return size;
}

static bool
s_store_secret (conf_t *self, const conf_option_t *row, void *base, const char *text)
{
    size_t size = conf_secret (&text);
    const char *secret = conf_copy (self, text, size);
    if (!s_text_fits (row, secret))
        return false;
    *(const char **) s_at (base, row) = secret;
    return true;
}

static bool
s_store (conf_t *self, const conf_option_t *row, void *base, const char *text)
{
    int64_t number = 0;
    int index = -1;
    switch (row->type) {
        case CONF_TEXT:
            if (row->flags & CONF_SECRET)
                return s_store_secret (self, row, base, text);
            if (!s_text_fits (row, text))
                return false;
            *(const char **) s_at (base, row) = conf_copy (self, text, strlen (text));
            return true;
        case CONF_BOOL:
            index = s_bool (text);
            if (index >= 0)
                *(bool *) s_at (base, row) = index == 1;
            return index >= 0;
        case CONF_ENUM:
            index = s_choice (row->choices, text);
            if (index >= 0)
                *(int *) s_at (base, row) = index;
            return index >= 0;
        case CONF_INT:
        case CONF_DURATION:
        case CONF_SIZE:
        case CONF_DECIMAL:
            if (!s_parse_number (row, text, &number))
                return false;
            *(int64_t *) s_at (base, row) = number;
            return true;
        case CONF_TABLE:
        case CONF_MAP: return false;
    }
    return false;
}

int
conf_value_set (conf_t *self, const conf_option_t *row, void *base, const char *text,
                const char *where, conf_errors_t *errors)
{
    if (s_store (self, row, base, text))
        return 0;
    own (buf_fini) buf_t expected = buf_init (LIMIT_LOG_VALUE_BYTES);
    conf_value_expected (row, &expected);
    if (row->flags & CONF_SECRET) {
        conf_error (errors, where, "expected %s, got a secret that is not one", expected.data);
    }
    else {
        own (buf_fini) buf_t shown = buf_init (LIMIT_CONFIG_BYTES + LIMIT_LOG_VALUE_BYTES);
        conf_value_shown (text, &shown);
        const size_t kept = utf8_cut (shown.data, shown.size, GOT_BYTES);
        conf_error (errors, where, "expected %s, got \"%.*s%s\"", expected.data, (int) kept,
                    shown.size ? shown.data : "", kept < shown.size ? "..." : "");
    }
    return ERR_CONFIG;
}

void
conf_value_defaults (conf_t *self, const conf_option_t *rows, void *base, conf_from_t *from)
{
    for (const conf_option_t *row = rows; row->key; row++) {
        if (row->type == CONF_TEXT)
            *(const char **) (void *) ((char *) base + row->offset) = "";
        if (!row->fallback)
            continue;
        conf_errors_t errors = conf_errors_init ();
        int rc = conf_value_set (self, row, base, row->fallback, row->key, &errors);
        if (rc < 0) //  a bug in the table, not input
            (void) fputs (errors.text.data, stderr);
        assert (rc == 0);
        buf_fini (&errors.text);
        if (from)
            from [row - rows] = CONF_FROM_DEFAULT;
    }
}

int
conf_value_read (const char *path, buf_t *text)
{
    own (own_fd) int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char piece [4096];
    for (;;) {
        ssize_t count = read (fd, piece, sizeof (piece));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            int rc = count < 0 ? -errno : 0;
            explicit_bzero (piece, sizeof (piece));
            return rc;
        }
        int rc = buf_append (text, piece, (size_t) count);
        if (rc < 0)
            return rc;
    }
}

int
conf_secret_file (const char *path, buf_t *text)
{
    struct stat status;
    if (stat (path, &status) != 0)
        return -errno;
    if (!S_ISREG (status.st_mode))
        return S_ISDIR (status.st_mode) ? -EISDIR : -ELOOP;
    return conf_value_read (path, text);
}

int
conf_value_set_file (conf_t *self, const conf_option_t *row, void *base, const char *path,
                     const char *where, conf_errors_t *errors)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_SECRET_BYTES + 2);
    int rc = conf_value_read (path, &text);
    const char *secret = text.size ? text.data : "";
    const size_t size = conf_secret (&secret);
    const bool has_nul = text.size && strlen (text.data) != text.size;
    if (rc == ERR_LIMIT || size > LIMIT_SECRET_BYTES) {
        conf_error (errors, where, "expected a file of at most %d bytes, got \"%.256s\"",
                    LIMIT_SECRET_BYTES, path);
        rc = ERR_CONFIG;
    }
    else if (rc < 0) {
        conf_error (errors, where, "cannot read \"%.256s\": %s", path, err_str (rc));
    }
    else if (size == 0 || has_nul) {
        conf_error (errors, where, "expected a secret, got %s file \"%.256s\"",
                    has_nul ? "NUL bytes in the" : "the empty", path);
        rc = ERR_CONFIG;
    }
    else {
        rc = conf_value_set (self, row, base, secret, where, errors);
    }
    if (text.size)
        explicit_bzero (text.data, text.size);
    return rc;
}

//  --- and back

static void
s_duration_text (int64_t ms, buf_t *text)
{
    if (ms % 1000) {
        (void) buf_printf (text, "%" PRId64 "ms", ms);
        return;
    }
    int64_t hours = ms / 3600000, minutes = ms / 60000 % 60, seconds = ms / 1000 % 60;
    if (hours)
        (void) buf_printf (text, "%" PRId64 "h", hours);
    if (minutes)
        (void) buf_printf (text, "%" PRId64 "m", minutes);
    if (seconds || ms == 0)
        (void) buf_printf (text, "%" PRId64 "s", seconds);
}

static void
s_size_text (int64_t bytes, buf_t *text)
{
    const unit_t *best = &s_size_units [0];
    for (const unit_t *unit = s_size_units; unit->name && bytes; unit++) {
        if (bytes % unit->factor == 0)
            best = unit;
    }
    (void) buf_printf (text, "%" PRId64 "%s", bytes / best->factor,
                       best->factor == 1 ? "" : best->name);
}

//  A bare number, with as many decimals as it needs.
static void
s_decimal_text (int64_t millionths, buf_t *text)
{
    char decimals [16];
    snprintf (decimals, sizeof decimals, "%06d", (int) (millionths % CONF_MILLION));
    size_t size = strlen (decimals);
    while (size > 0 && decimals [size - 1] == '0')
        size--;
    (void) buf_printf (text, "%" PRId64 "%s%.*s", millionths / CONF_MILLION, size ? "." : "",
                       (int) size, decimals);
}

static void
s_choice_text (const char *choices, int index, buf_t *text)
{
    const char *p = choices;
    for (int i = 0; i < index && strchr (p, '|'); i++)
        p = strchr (p, '|') + 1;
    (void) buf_append (text, p, strcspn (p, "|"));
}

static void
s_number_text (const conf_option_t *row, int64_t value, buf_t *text)
{
    if (row->type == CONF_DURATION) {
        s_duration_text (value, text);
    }
    else if (row->type == CONF_SIZE) {
        s_size_text (value, text);
    }
    else if (row->type == CONF_DECIMAL) {
        s_decimal_text (value, text);
    }
    else {
        (void) buf_printf (text, "%" PRId64, value);
    }
}

void
conf_value_text (const conf_option_t *row, const void *base, buf_t *text)
{
    const void *at = s_at_const (base, row);
    switch (row->type) {
        case CONF_TEXT: (void) buf_text (text, *(const char *const *) at); break;
        case CONF_BOOL: (void) buf_text (text, *(const bool *) at ? "true" : "false"); break;
        case CONF_ENUM: s_choice_text (row->choices, *(const int *) at, text); break;
        case CONF_INT:
        case CONF_DURATION:
        case CONF_SIZE:
        case CONF_DECIMAL: s_number_text (row, *(const int64_t *) at, text); break;
        case CONF_TABLE:
        case CONF_MAP: assert (false); break;
    }
}

static bool
s_same_table (const conf_option_t *row, const conf_table_t *a, const conf_table_t *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const char *item_a = (const char *) a->items + i * row->item_size;
        const char *item_b = (const char *) b->items + i * row->item_size;
        for (const conf_option_t *inner = row->rows; inner->key; inner++) {
            if (!conf_value_same (inner, item_a, item_b))
                return false;
        }
    }
    return true;
}

static bool
s_same_map (const conf_table_t *a, const conf_table_t *b)
{
    const conf_pair_t *pairs_a = a->items, *pairs_b = b->items;
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = strcmp (pairs_a [i].key, pairs_b [i].key) == 0
               && strcmp (pairs_a [i].value, pairs_b [i].value) == 0;
    return same;
}

bool
conf_value_same (const conf_option_t *row, const void *a, const void *b)
{
    const void *at_a = s_at_const (a, row), *at_b = s_at_const (b, row);
    switch (row->type) {
        case CONF_TEXT:
            return strcmp (*(const char *const *) at_a, *(const char *const *) at_b) == 0;
        case CONF_BOOL: return *(const bool *) at_a == *(const bool *) at_b;
        case CONF_ENUM: return *(const int *) at_a == *(const int *) at_b;
        case CONF_INT:
        case CONF_DURATION:
        case CONF_SIZE:
        case CONF_DECIMAL: return *(const int64_t *) at_a == *(const int64_t *) at_b;
        case CONF_TABLE: return s_same_table (row, at_a, at_b);
        case CONF_MAP: return s_same_map (at_a, at_b);
    }
    return false;
}

void
conf_value_expected (const conf_option_t *row, buf_t *text)
{
    switch (row->type) {
        case CONF_TEXT:
            if (row->choices) {
                (void) buf_printf (text, "one of %s", row->choices);
                return;
            }
            if (row->max > 0) {
                (void) buf_printf (text, "text of %s%" PRId64 " bytes",
                                   row->flags & CONF_REQUIRED ? "1 to " : "at most ", row->max);
                return;
            }
            (void) buf_text (text, row->flags & CONF_URL ? "a URL with http:// or https://"
                                   : row->flags & CONF_ENDPOINT
                                       ? "an endpoint such as tcp://127.0.0.1:5570 or ipc:///run/x"
                                   : row->flags & CONF_LISTEN ? "HOST:PORT such as 127.0.0.1:5580"
                                                              : "text");
            return;
        case CONF_BOOL: (void) buf_text (text, "true or false"); return;
        case CONF_ENUM: (void) buf_printf (text, "one of %s", row->choices); return;
        case CONF_INT: (void) buf_text (text, "an integer"); break;
        case CONF_DURATION: (void) buf_text (text, "a duration such as 300, 5m or 7d"); break;
        case CONF_SIZE: (void) buf_text (text, "a size such as 4096, 64KiB or 10MiB"); break;
        case CONF_DECIMAL: (void) buf_text (text, "a number such as 2 or 0.5"); break;
        case CONF_TABLE:
            (void) buf_text (text, row->flags & CONF_KEYED ? "a map of maps" : "a list of maps");
            return;
        case CONF_MAP: (void) buf_text (text, "a map of texts"); return;
    }
    if (row->min == 0 && row->max == 0)
        return;
    (void) buf_text (text, " from ");
    s_number_text (row, row->min, text);
    if (row->max < INT64_MAX) {
        (void) buf_text (text, " to ");
        s_number_text (row, row->max, text);
    }
}
