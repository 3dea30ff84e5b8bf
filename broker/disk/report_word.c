//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/report_word.h"

#include "broker/disk/report_block.h"

#include <string.h>
#include <strings.h>

static bool
s_is_letter (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9') || byte == '_' || (unsigned char) byte >= 0x80;
}

static bool
s_is_break (char byte)
{
    return byte == '.' || byte == '!' || byte == '?' || byte == ';' || byte == '\n'
           || byte == REPORT_BLOCK_CELL;
}

//  U+2010 to U+2027: dashes, quotes, dots.
static bool
s_is_dash (const char *at, size_t size)
{
    return size >= 3 && memcmp (at, "\xe2\x80", 2) == 0 && (unsigned char) at [2] >= 0x90
           && (unsigned char) at [2] <= 0xa7;
}

bool
report_word_next (report_span_t *rest, report_word_t *ret_word)
{
    size_t at = 0;
    bool broken = false;
    for (; at < rest->size
           && (!s_is_letter (rest->at [at]) || s_is_dash (rest->at + at, rest->size - at));
         at++) {
        if (s_is_dash (rest->at + at, rest->size - at))
            at += 2;
        else if (s_is_break (rest->at [at]) && (at == 0 || rest->at [at - 1] != ':'))
            broken = true;
    }
    size_t end = at;
    while (end < rest->size && s_is_letter (rest->at [end])
           && !s_is_dash (rest->at + end, rest->size - end))
        end++;
    if (end == at)
        return false;
    *ret_word = (report_word_t){.text = {.at = rest->at + at, .size = end - at},
                                .before = (char) (at > 0 ? rest->at [at - 1] : 0),
                                .after = (char) (end < rest->size ? rest->at [end] : 0),
                                .first = broken};
    *rest = (report_span_t){.at = rest->at + end, .size = rest->size - end};
    return true;
}

bool
report_word_is (const report_word_t *word, const char *text)
{
    return strlen (text) == word->text.size
           && strncasecmp (word->text.at, text, word->text.size) == 0;
}

bool
report_word_any (const report_word_t *word, const char *const *list)
{
    for (; *list; list++)
        if (report_word_is (word, *list))
            return true;
    return false;
}

bool
report_word_is_number (const report_word_t *word)
{
    static const char *const roman [] = {"i",       "ii",   "iii",  "iv",    "v",
                                         "vi",      "vii",  "viii", "ix",    "x",
                                         "section", "step", "part", "phase", NULL};
    size_t plain = 0;
    while (plain < word->text.size
           && ((unsigned char) word->text.at [plain] >= 0x80
               || (word->text.at [plain] >= '0' && word->text.at [plain] <= '9')))
        plain++;
    bool letter = word->text.size == 1 && word->after && strchr (".)", word->after);
    return plain == word->text.size || letter || report_word_any (word, roman);
}

report_span_t
report_word_trim (report_span_t text)
{
    while (text.size > 0 && strchr (" \n\t", text.at [0])) {
        text.at++;
        text.size--;
    }
    while (text.size > 0 && strchr (" \n\t", text.at [text.size - 1]))
        text.size--;
    return text;
}
