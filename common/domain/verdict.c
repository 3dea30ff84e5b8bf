//  verdict - judges one attempt; the order of the rules and their texts are the contract.
//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict.h"

#include "common/base/err.h"
#include "common/base/json_scan.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/domain/agent_result.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const s_outcomes [VERDICT_OUTCOMES] = {
    [VERDICT_SUCCESS] = "success", [VERDICT_AGENT] = "agent",         [VERDICT_HOST] = "host",
    [VERDICT_LOST] = "lost",       [VERDICT_CANCELLED] = "cancelled",
};

//  Did the script report that it cannot run an agent here?  Codes: configuration (78, sysexits),
//  container runtime (125), command not executable (126) or not found (127).
static bool
s_host_code (int code)
{
    return code == 78 || (code >= 125 && code <= 127);
}

verdict_outcome_t
verdict_judge (const verdict_run_t *run, char ret_reason [VERDICT_REASON_BYTES])
{
    ret_reason [0] = 0;
    if (!run->started) {
        snprintf (ret_reason, VERDICT_REASON_BYTES, "agent execution error: %s",
                  run->start_error && *run->start_error ? run->start_error : "unknown");
        return VERDICT_HOST;
    }
    verdict_outcome_t failed = VERDICT_AGENT;
    if (run->timed_out)
        snprintf (ret_reason, VERDICT_REASON_BYTES, "agent timed out after %" PRId64 " s",
                  run->timeout_s);
    else if (run->exit_code != 0) {
        snprintf (ret_reason, VERDICT_REASON_BYTES, "agent exited with non-zero code: %d",
                  run->exit_code);
        failed = s_host_code (run->exit_code) ? VERDICT_HOST : VERDICT_AGENT;
    }
    else if (!run->report_exists)
        snprintf (ret_reason, VERDICT_REASON_BYTES, "investigation.md file not found");
    else if (run->report_bytes < VERDICT_REPORT_MIN_BYTES)
        snprintf (ret_reason, VERDICT_REASON_BYTES,
                  "investigation.md too small: %" PRId64 " bytes (expected > %d)",
                  run->report_bytes, VERDICT_REPORT_MIN_BYTES - 1);
    return ret_reason [0] ? failed : VERDICT_SUCCESS;
}

//  --- the contents of the files

//  Length of the character at bytes.  Invalid UTF-8 counts as one visible byte.
static size_t
s_next (const char *bytes, size_t size, bool *ret_visible)
{
    uint32_t code = 0;
    size_t length = utf8_next (bytes, size, &code);
    *ret_visible = length == 0 || utf8_shows (code);
    return length ? length : 1;
}

//  Place of the first visible character; size when there is none.
static size_t
s_begin (const char *bytes, size_t size)
{
    bool visible = false;
    size_t at = 0;
    for (size_t length = 0; at < size; at += length) {
        length = s_next (bytes + at, size - at, &visible);
        if (visible)
            break;
    }
    return at;
}

//  Append text as one line, cut where the reason is full.
static void
s_quote (char reason [VERDICT_REASON_BYTES], const char *text, size_t size)
{
    static const char cut [] = "...";
    size_t used = strlen (reason);
    bool gap = false;
    for (size_t at = s_begin (text, size), length = 0; at < size; at += length) {
        uint32_t code = 0;
        bool visible = false;
        const size_t escape = utf8_escape (text + at, size - at);
        length = escape ? escape : s_next (text + at, size - at, &visible);
        if (!visible) {
            gap = gap || !escape;
            continue;
        }
        if (used + gap + length + sizeof cut > VERDICT_REASON_BYTES) {
            memcpy (reason + used, cut, sizeof cut);
            return;
        }
        if (gap)
            reason [used++] = ' ';
        gap = false;
        if (utf8_next (text + at, size - at, &code) > 0)
            memcpy (reason + used, text + at, length);
        else
            reason [used] = '?';
        used += length;
    }
    reason [used] = 0;
}

//  Does the result report a failure?  Then the reason names it.
static int
s_judge_result (const char *bytes, size_t size, char reason [VERDICT_REASON_BYTES])
{
    own (agent_result_fini) agent_result_t result;
    int rc = agent_result_read (bytes, size, &result);
    if (rc < 0 || !result.error)
        return rc;
    snprintf (reason, VERDICT_REASON_BYTES, "agent reported an error: ");
    s_quote (reason, result.text, strlen (result.text));
    return 0;
}

//  Length of the text without invisible characters at its end, or more than max.
static size_t
s_length (const char *text, size_t size, size_t max)
{
    size_t used = 0;
    for (size_t at = 0, length = 0; at < size && used <= max; at += length) {
        bool visible = false;
        length = s_next (text + at, size - at, &visible);
        if (visible)
            used = at + length;
    }
    return used;
}

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
        if (s_begin (rest, line) == line)
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
        if (s_begin (text + at, length) == length)
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
    for (size_t at = s_begin (text, size); at < size; at += s_begin (text + at, size - at)) {
        const size_t length = s_paragraph (text + at, size - at);
        if (!s_error_paragraph (text + at, s_length (text + at, length, length)))
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

//  Is the text only an error, whoever printed it?  A good report must never be mistaken for one.
//  So nothing in it may be typical of a report.  It begins like a known error, or holds an HTTP
//  status or a JSON error object among words of a request.
static bool
s_is_error (const char *text, size_t size)
{
    const form_t form = s_form (text, size);
    const bool error = (form.status || form.json) && !form.foreign;
    return !form.report && (error || s_error_text (text, size));
}

verdict_outcome_t
verdict_judge_files (const verdict_files_t *files, char ret_reason [VERDICT_REASON_BYTES],
                     int *ret_ignored)
{
    ret_reason [0] = 0;
    *ret_ignored = 0;
    size_t from = s_begin (files->report, files->report_bytes);
    const char *text = files->report + from;
    if (from == files->report_bytes) {
        snprintf (ret_reason, VERDICT_REASON_BYTES, "investigation.md has no text");
        return VERDICT_AGENT;
    }
    if (files->result)
        *ret_ignored = s_judge_result (files->result, files->result_bytes, ret_reason);
    if (ret_reason [0])
        return VERDICT_AGENT;
    size_t size = s_length (text, files->report_bytes - from, LIMIT_ERROR_TEXT_BYTES);
    if (size >= LIMIT_ERROR_TEXT_BYTES)
        return VERDICT_SUCCESS;
    if (s_is_error (text, size)) {
        snprintf (ret_reason, VERDICT_REASON_BYTES,
                  "investigation.md holds an error instead of a report: ");
        s_quote (ret_reason, text, size);
    }
    else if (*ret_ignored)
        snprintf (ret_reason, VERDICT_REASON_BYTES,
                  "agent-result.json cannot be read: %s; the report is short: %zu bytes",
                  *ret_ignored == ERR_PROTO ? "no JSON object" : err_str (*ret_ignored), size);
    return ret_reason [0] ? VERDICT_AGENT : VERDICT_SUCCESS;
}

//  --- why an agent failed

//  Does the text begin with a word that is typical of an error line?
static bool
s_word_tells (const char *text, size_t size)
{
    static const char *const by_letter [26][3] = {
        ['c' - 'a'] = {"cannot", "could not"},
        ['d' - 'a'] = {"denied"},
        ['e' - 'a'] = {"error", "expired"},
        ['f' - 'a'] = {"fail", "fatal"},
        ['i' - 'a'] = {"invalid"},
        ['m' - 'a'] = {"missing"},
        ['n' - 'a'] = {"not "},
        ['p' - 'a'] = {"panic"},
        ['r' - 'a'] = {"refuse"},
        ['u' - 'a'] = {"unable"},
    };
    const unsigned letter = ((unsigned char) *text | 0x20U) - 'a';
    if (letter >= 26)
        return false;
    for (const char *const *word = by_letter [letter]; *word; word++)
        if (size > 1 && (text [1] | 0x20) == (*word) [1] && strlen (*word) <= size
            && strncasecmp (text, *word, strlen (*word)) == 0)
            return true;
    return false;
}

static bool
s_tells (const char *line, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (s_word_tells (line + at, size - at))
            return true;
    return false;
}

//  The first informative line, else the first with visible characters.
static const char *
s_telling_line (const char *text, size_t size, size_t *ret_size)
{
    const char *first = NULL;
    for (size_t at = 0; at < size;) {
        const char *line = text + at;
        const char *end = memchr (line, '\n', size - at);
        size_t length = end ? (size_t) (end - line) : size - at;
        at += length + 1;
        if (s_begin (line, length) == length)
            continue;
        bool tells = s_tells (line, length);
        if (tells || !first)
            *ret_size = length;
        if (tells)
            return line;
        first = first ? first : line;
    }
    return first;
}

void
verdict_explain (const verdict_said_t *said, char reason [VERDICT_REASON_BYTES])
{
    own (agent_result_fini) agent_result_t result = {0};
    size_t size = said->error_bytes;
    const char *text = said->error;
    bool told = said->result && agent_result_read (said->result, said->result_bytes, &result) == 0
                && result.text;
    if (told) {
        text = result.text;
        size = strlen (text);
    }
    size_t length = 0;
    const char *line = s_telling_line (text, size, &length);
    if (!line || strlen (reason) + sizeof ": " + 4 > VERDICT_REASON_BYTES)
        return;
    memcpy (reason + strlen (reason), ": ", sizeof ": ");
    s_quote (reason, line, length);
}

//  How each reason of a worker begins.
static const struct {
    const char *begin, *name;
} s_kinds [VERDICT_KINDS] = {
    [VERDICT_NOT_STARTED] = {"agent execution error:", "not_started"},
    [VERDICT_TIMED_OUT] = {"agent timed out after ", "timeout"},
    [VERDICT_EXIT_CODE] = {"agent exited with non-zero code:", "exit_code"},
    [VERDICT_NO_REPORT] = {"investigation.md file not found", "no_report"},
    [VERDICT_TOO_SMALL] = {"investigation.md too small:", "too_small"},
    [VERDICT_NO_TEXT] = {"investigation.md has no text", "no_text"},
    [VERDICT_AGENT_ERROR] = {"agent reported an error:", "agent_error"},
    [VERDICT_ERROR_TEXT] = {"investigation.md holds an error instead of a report:", "error_text"},
    [VERDICT_NO_RESULT] = {"agent-result.json cannot be read:", "no_result"},
    [VERDICT_OTHER] = {"", "other"},
};

verdict_kind_t
verdict_kind (const char *reason)
{
    int kind = VERDICT_NOT_STARTED;
    while (strncmp (reason, s_kinds [kind].begin, strlen (s_kinds [kind].begin)) != 0)
        kind++; //  OTHER has an empty beginning and matches everything
    return (verdict_kind_t) kind;
}

const char *
verdict_kind_name (verdict_kind_t kind)
{
    assert (kind < VERDICT_KINDS);
    return s_kinds [kind].name;
}

const char *
verdict_outcome_name (verdict_outcome_t outcome)
{
    assert ((size_t) outcome < VERDICT_OUTCOMES);
    return s_outcomes [outcome];
}

bool
verdict_outcome_parse (const char *name, size_t size, verdict_outcome_t *ret_outcome)
{
    for (size_t i = 0; i < VERDICT_OUTCOMES; i++)
        if (strlen (s_outcomes [i]) == size && memcmp (s_outcomes [i], name, size) == 0) {
            *ret_outcome = (verdict_outcome_t) i;
            return true;
        }
    return false;
}

static bool
s_is (const char *path, size_t size, const char *text)
{
    return strlen (text) == size && memcmp (path, text, size) == 0;
}

//  A plain file name: [A-Za-z0-9._-], not starting with a dot.  This excludes ".", ".." and hidden
//  files.
static bool
s_name (const char *name, size_t size)
{
    static const char allowed [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (size == 0 || name [0] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!memchr (allowed, name [i], sizeof allowed - 1))
            return false;
    return true;
}

const verdict_file_t *
verdict_file_find (const verdict_file_t *files, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (files [i].path, path) == 0)
            return &files [i];
    return NULL;
}

bool
verdict_path_allowed (const char *path, size_t size)
{
    static const char logs [] = "logs/";
    static const char suffix [] = ".log";
    enum { LOGS = sizeof logs - 1, SUFFIX = sizeof suffix - 1 };

    if (size >= LIMIT_PATH_BYTES)
        return false;
    if (s_is (path, size, "output/investigation.md")
        || s_is (path, size, "output/agent-result.json") || s_is (path, size, "logs/prompt.md")
        || s_is (path, size, "run.json"))
        return true;
    return size > LOGS + SUFFIX && memcmp (path, logs, LOGS) == 0
           && memcmp (path + size - SUFFIX, suffix, SUFFIX) == 0
           && s_name (path + LOGS, size - LOGS);
}

int64_t
verdict_path_limit (const char *path)
{
    return strcmp (path, "output/investigation.md") == 0
               ? LIMIT_REPORT_BYTES
               : LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES;
}
