//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict_error.h"

#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/domain/verdict_text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

//  Does a paragraph begin like an error that Claude Code prints?  The next characters count too:
//  "API Error rates rose" is a sentence.
//  Only the first kind goes on with the provider's bytes.  The others are shorter than the smallest
//  report: a longer text is a report.
static bool
s_error_paragraph (const char *text, size_t size)
{
    static const struct {
        const char *begin, *next [3];
        size_t most;
    } errors [] = {
        {"API Error", {":", " (", NULL}, LIMIT_ERROR_TEXT_BYTES},
        {"Invalid API key", {".", " \xc2\xb7", NULL}, VERDICT_REPORT_MIN_BYTES - 1},
        {"Credit balance is too low", {".", " \xc2\xb7", NULL}, VERDICT_REPORT_MIN_BYTES - 1},
        {"Request timed out", {".", " \xc2\xb7", NULL}, VERDICT_REPORT_MIN_BYTES - 1},
        {"Prompt is too long", {".", " \xc2\xb7", NULL}, VERDICT_REPORT_MIN_BYTES - 1}};
    for (size_t i = 0; i < sizeof errors / sizeof errors [0]; i++) {
        size_t length = strlen (errors [i].begin);
        if (size > errors [i].most || size < length || memcmp (text, errors [i].begin, length) != 0)
            continue;
        const char *rest = text + length;
        size_t left = size - length;
        const char *end = memchr (rest, '\n', left);
        const size_t line = end ? (size_t) (end - rest) : left;
        if (verdict_text_begin (rest, line) == line)
            return true; //  the line ends here
        for (const char *const *next = errors [i].next; *next; next++)
            if (left >= strlen (*next) && memcmp (rest, *next, strlen (*next)) == 0)
                return true;
    }
    return false;
}

//  Length of the paragraph at the start of text: to the end of its last line with a visible
//  character.
static size_t
s_paragraph (const char *text, size_t size)
{
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr (text + at, '\n', size - at);
        const size_t length = end ? (size_t) (end - text) - at : size - at;
        if (verdict_text_begin (text + at, length) == length)
            break;
        used = at + length;
        at = used + 1;
    }
    return used;
}

//  Is the whole text nothing but such errors?  Each paragraph must begin like one, so that a good
//  report is never mistaken for an error.
static bool
s_error_text (const char *text, size_t size)
{
    for (size_t at = verdict_text_begin (text, size); at < size;
         at += verdict_text_begin (text + at, size - at)) {
        const size_t length = s_paragraph (text + at, size - at);
        if (!s_error_paragraph (text + at, verdict_text_length (text + at, length, length)))
            return false;
        at += length;
    }
    return true;
}

//  --- an error by its form

//  Features of a text that may be an error.
typedef struct {
    bool named; //  the last word names an error
    //  After a status, only words of its phrase so far: Bad Gateway.
    bool phrase;
    bool status;  //  an HTTP error status follows such a word
    bool json;    //  holds a JSON error object
    bool foreign; //  holds a word that no request error has
    bool report;  //  a heading, a label, a list, or words only reports have
} form_t;

//  Is it one of these names, with blanks between them?
static bool
s_word_is (const char *word, size_t size, const char *names)
{
    while (*names) {
        const size_t length = strcspn (names, " ");
        if (length == size && strncasecmp (word, names, size) == 0)
            return true;
        names += length + strspn (names + length, " ");
    }
    return false;
}

//  Length of the JSON object at text; 0 when there is none.  *ret_error: set when it is only an
//  error; a report may be JSON too.
static size_t
s_json_error (const char *text, size_t size, bool *ret_error)
{
    static const char known [] = "type message code status detail errors request_id param";
    json_scan_t scan;
    json_scan_token_t token;
    bool type = false, error = false, other = false;
    json_scan_start (&scan, text, size);
    do {
        if (json_scan_next (&scan, &token, NULL) != 1)
            return 0;
        if (token.depth != 1)
            continue;
        const bool key = token.type == JSON_SCAN_KEY;
        const bool named = json_scan_is (&token, "error");
        error = error || (named && (key || type));
        other = other || (key && !named && !s_word_is (token.data, token.size, known));
        type = key && json_scan_is (&token, "type");
    } while (scan.depth > 0);
    *ret_error = *ret_error || (error && !other);
    return scan.at;
}

//  Looks like the name of an object in a cluster: web-0.
static bool
s_object_name (const char *word, size_t size)
{
    bool digit = false;
    for (size_t i = 0; i < size; i++)
        digit = digit || isdigit ((unsigned char) word [i]);
    return digit && memchr (word, '-', size);
}

static bool
s_report_word (const char *word, size_t size)
{
    static const char words [] =
        "cause confidence because pod pods node nodes container containers probe readiness "
        "kubelet deployment replicas namespace statefulset ingress configmap rollout "
        "endpoints restarts";
    return s_word_is (word, size, words) || s_object_name (word, size);
}

//  Words of request errors.  None names anything that an incident could be about: a sentence on an
//  incident has other words too.
static bool
s_request_word (const char *word, size_t size)
{
    static const char words [] =
        "api error errors status code http request requests rejected failed failure "
        "unexpected exception fatal to or and in with for too many missing invalid expired "
        "exceeded rate limit limited limits quota overloaded unauthorized forbidden message "
        "authenticate authentication authorization credentials bearer basic oauth token key "
        "header url id type please try again later retry retries retrying after seconds run "
        "login check your billing credit balance low provider anthropic openai claude codex "
        "gemini goose";
    for (size_t i = 0; i < size; i++)
        if (!isdigit ((unsigned char) word [i]))
            return s_word_is (word, size, words);
    return true;
}

//  Strip the punctuation around a word.
static void
s_form_word (form_t *form, const char *word, size_t size)
{
    static const char errors [] = "error status code http rejected";
    static const char phrases [] =
        "bad gateway internal server error service unavailable timeout found not payment "
        "required";
    const bool status = form->named && size == 3 && (word [0] == '4' || word [0] == '5')
                        && isdigit ((unsigned char) word [1]) && isdigit ((unsigned char) word [2]);
    form->status = form->status || status;
    form->phrase = status || (form->phrase && s_word_is (word, size, phrases));
    form->report = form->report || s_report_word (word, size);
    form->foreign = form->foreign || (!form->phrase && !s_request_word (word, size));
    form->named = status || s_word_is (word, size, errors);
}

//  Length of the URL that begins with this word; 0 when it is none.
static size_t
s_url (const char *text, size_t size, size_t word)
{
    const bool url = size - word >= 3 && memcmp (text + word, "://", 3) == 0;
    while (url && word < size && (unsigned char) text [word] > ' ')
        word++;
    return url ? word : 0;
}

static form_t
s_form (const char *text, size_t size)
{
    static const char part [] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    form_t form = {0};
    for (size_t at = 0; at < size;) {
        size_t taken = text [at] == '{' ? s_json_error (text + at, size - at, &form.json) : 0;
        form.report = form.report || memchr ("#*|", text [at], 3);
        form.foreign = form.foreign || (unsigned char) text [at] >= 0x80; //  another script
        size_t word = 0;
        while (taken == 0 && at + word < size && memchr (part, text [at + word], sizeof part - 1))
            word++;
        if (word > 0)
            taken = s_url (text + at, size - at, word);
        if (word > 0 && taken == 0 && text [at] != '-')
            s_form_word (&form, text + at, word);
        at += taken ? taken : word ? word : 1;
    }
    return form;
}

bool
verdict_error_is (const char *text, size_t size)
{
    const form_t form = s_form (text, size);
    const bool error = (form.status || form.json) && !form.foreign;
    return !form.report && (error || s_error_text (text, size));
}
