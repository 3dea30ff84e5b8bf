//  SPDX-License-Identifier: Apache-2.0
#include "broker/slack/slack_text.h"

#include "common/base/utf8.h"

#include <string.h>

#define S_UNSEEN "\xe2\x80\x8b" //  U+200B

static const char s_cut [] = " \xe2\x80\xa6";    //  U+2026
static const char s_unknown [] = "\xef\xbf\xbd"; //  U+FFFD

//  A foreign text; brief: of a notification.
typedef struct {
    const char *at;
    size_t size;
    bool brief;
} foreign_t;


//  --- characters

static bool
s_is_word (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9') || byte == '_';
}

//  Is the byte one of a name: of a word, or of a character beyond ASCII?
static bool
s_is_letter (char byte)
{
    return s_is_word (byte) || (unsigned char) byte >= 0x80;
}

//  A fullwidth or small form as its ASCII character.
static uint32_t
s_plain (uint32_t code)
{
    if (code >= 0xff01 && code <= 0xff5e)
        return code - 0xff01 + '!';
    switch (code) {
        case 0xfe60: return '&';
        case 0xfe64: return '<';
        case 0xfe65: return '>';
        case 0xfe6b: return '@';
        default: return code;
    }
}

//  Is it a joiner between characters of emoji or other scripts?  It changes how they look.
static bool
s_joins (const foreign_t *text, size_t at, uint32_t code)
{
    return (code == 0x200c || code == 0x200d) && at > 0 && (unsigned char) text->at [at - 1] >= 0x80
           && at + 3 < text->size && (unsigned char) text->at [at + 3] >= 0x80;
}

//  Does the character take no room between two others?
static bool
s_hidden (uint32_t code)
{
    return utf8_unseen (code)
           || (!utf8_shows (code) && code > 0xa0 && code != 0x1680 && code != 0x202f
               && code != 0x205f && code != 0x2800 && code != 0x3000
               && (code < 0x2000 || code > 0x200a));
}


//  --- what Slack would make of a text

//  Would Slack show an emoji for ":name:" here?
static bool
s_is_shortcode (const foreign_t *text, size_t at)
{
    bool digits = at > 0 && text->at [at - 1] >= '0' && text->at [at - 1] <= '9'; //  "12:30:00"
    size_t end = at + 1;
    for (; end < text->size && (s_is_word (text->at [end]) || strchr ("+-'", text->at [end]));
         end++)
        digits = digits && text->at [end] >= '0' && text->at [end] <= '9';
    return end > at + 1 && end < text->size && text->at [end] == ':' && !digits;
}

//  Does the text go on with this word, whatever its case and width, and what hides in it?
static bool
s_begins (const foreign_t *text, size_t at, const char *word)
{
    while (at < text->size && *word) {
        uint32_t code = 0;
        size_t length = utf8_next (text->at + at, text->size - at, &code);
        if (length == 0)
            return false;
        at += length;
        if (s_hidden (code))
            continue;
        code = s_plain (code);
        if ((code | 0x20) != (unsigned char) *word)
            return false;
        word++;
    }
    return !*word;
}

//  Would Slack read "@..." here as a mention of one person or of all?
static bool
s_is_mention (const foreign_t *text, size_t at, size_t length)
{
    static const char *const all [] = {"channel", "here", "everyone", "group"};
    if (text->brief || length > 1 || at == 0 || !s_is_word (text->at [at - 1]))
        return true;
    for (size_t i = 0; i < sizeof all / sizeof all [0]; i++)
        if (s_begins (text, at + 1, all [i]))
            return true;
    return false;
}

//  Would Slack make a link of the address that has ":" or "." here?
static bool
s_is_address (const foreign_t *text, size_t at)
{
    const char *rest = text->at + at + 1;
    const size_t size = text->size - at - 1;
    if (text->at [at] == ':')
        return size > 0 && (unsigned char) *rest > ' '; //  "https://", and "mailto:" with anything
    return at > 0 && s_is_letter (text->at [at - 1]) && size > 0 && s_is_letter (*rest)
           && (*rest < '0' || *rest > '9');
}


//  --- escaping

static const char *
s_colon_becomes (const foreign_t *text, size_t at)
{
    bool digits = at > 0 && text->at [at - 1] >= '0' && text->at [at - 1] <= '9';
    if (s_is_shortcode (text, at) || (text->brief && !digits && s_is_address (text, at)))
        return ":" S_UNSEEN;
    return NULL;
}

//  The replacement of the character at `at`; NULL: it stays.  *ret_length: its bytes.
static const char *
s_becomes (const foreign_t *text, size_t at, size_t *ret_length)
{
    uint32_t code = 0;
    *ret_length = utf8_next (text->at + at, text->size - at, &code);
    if (*ret_length == 0) {
        *ret_length = 1;
        return s_unknown;
    }
    size_t escape = utf8_escape (text->at + at, text->size - at);
    if (escape > 0) {
        *ret_length = escape;
        return "";
    }
    switch (s_plain (code)) {
        case ':': return code == ':' ? s_colon_becomes (text, at) : NULL;
        case '.':
            return code == '.' && text->brief && s_is_address (text, at) ? "." S_UNSEEN : NULL;
        case '&': return "&amp;";
        case '<': return "&lt;";
        case '>': return "&gt;";
        case '`': return "'";
        case '*': return "\xe2\x88\x97"; //  U+2217
        case '~': return "\xe2\x88\xbc"; //  U+223C
        case '@': return s_is_mention (text, at, *ret_length) ? "@" S_UNSEEN : NULL;
        default: break;
    }
    if (code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029)
        return " ";
    return utf8_unseen (code) && !s_joins (text, at, code) ? "" : NULL;
}

static size_t
s_units (const char *text, size_t size)
{
    size_t units = 0;
    for (size_t at = 0; at < size; at++) {
        const unsigned char lead = (unsigned char) text [at];
        units += lead >= 0xf0 ? 2 : lead < 0x80 || lead >= 0xc0;
    }
    return units;
}

//  The number of bytes that fit into max characters.
static size_t
s_fits (const foreign_t *text, size_t max)
{
    size_t at = 0, used = 0, length = 0;
    while (at < text->size) {
        const char *other = s_becomes (text, at, &length);
        used += other ? s_units (other, strlen (other)) : s_units (text->at + at, length);
        if (used > max)
            return at;
        at += length;
    }
    return text->size;
}

static void
s_add (buf_t *out, const foreign_t *text, size_t max)
{
    size_t fits = s_fits (text, max), length = 0;
    const bool whole = fits == text->size;
    if (!whole) {
        const size_t room = s_units (s_cut, sizeof s_cut - 1);
        fits = utf8_sentence (text->at, text->size, s_fits (text, max > room ? max - room : 0));
    }
    for (size_t at = 0; at < fits; at += length) {
        const char *other = s_becomes (text, at, &length);
        buf_append (out, other ? other : text->at + at, other ? strlen (other) : length);
    }
    if (!whole)
        buf_text (out, s_cut);
}

size_t
slack_text_units (const char *text)
{
    return s_units (text, strlen (text));
}

void
slack_text_add (buf_t *out, const char *text, size_t max)
{
    const foreign_t foreign = {.at = text, .size = strlen (text)};
    s_add (out, &foreign, max);
}

void
slack_text_brief (buf_t *out, const char *text, size_t max)
{
    const foreign_t foreign = {.at = text, .size = strlen (text), .brief = true};
    s_add (out, &foreign, max);
}
