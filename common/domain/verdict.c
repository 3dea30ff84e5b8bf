//  verdict - how one attempt is judged: order and texts are the contract.
//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict.h"

#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const s_outcomes [] = {
    [VERDICT_SUCCESS] = "success",
    [VERDICT_AGENT] = "agent",
    [VERDICT_HOST] = "host",
    [VERDICT_LOST] = "lost",
};
enum { OUTCOMES = sizeof s_outcomes / sizeof s_outcomes [0] };

//  Codes by which a script says that it had no agent to run here: configuration (78, of sysexits), container
//  runtime (125), command not executable (126) or not found (127).
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

//  --- what the files hold

//  Does this character show anything?  Src: Unicode 15, White_Space, Default_Ignorable_Code_Point, category
//  Cc; and the braille blank.
static bool
s_visible (uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } blank [] = {{0, 0x20},          {0x7f, 0xa0},      {0xad, 0xad},     {0x34f, 0x34f},
                  {0x61c, 0x61c},     {0x115f, 0x1160},  {0x1680, 0x1680}, {0x17b4, 0x17b5},
                  {0x180b, 0x180f},   {0x2000, 0x200f},  {0x2028, 0x202f}, {0x205f, 0x206f},
                  {0x2800, 0x2800},   {0x3000, 0x3000},  {0x3164, 0x3164}, {0xfe00, 0xfe0f},
                  {0xfeff, 0xfeff},   {0xffa0, 0xffa0},  {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
                  {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof blank / sizeof blank [0]; i++)
        if (code <= blank [i].last)
            return code < blank [i].first;
    return true;
}

//  Length of the character at bytes; what is not UTF-8 is one byte, and shows.
static size_t
s_next (const char *bytes, size_t size, bool *ret_visible)
{
    uint32_t code = 0;
    size_t length = utf8_next (bytes, size, &code);
    *ret_visible = length == 0 || s_visible (code);
    return length ? length : 1;
}

//  Where the first character is that shows; size when none does.
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
        length = s_next (text + at, size - at, &visible);
        if (!visible) {
            gap = true;
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

//  Does the result say that the agent failed?  Then the reason says so too.  Src: Claude Code's
//  --output-format json; is_error is set with subtype "success" as well.
static int
s_judge_result (const char *bytes, size_t size, char reason [VERDICT_REASON_BYTES])
{
    if (size > LIMIT_AGENT_RESULT_BYTES)
        return ERR_LIMIT;
    own (json_drop) json_t *doc = NULL;
    int rc = json_parse (bytes, size, &doc, NULL);
    if (rc < 0 || !json_is_object (doc))
        return rc < 0 ? rc : ERR_PROTO;
    const char *subtype = json_member_text (doc, "subtype", "");
    if (!json_is_true (json_object_get (doc, "is_error"))
        || strcmp (subtype, "error_max_turns") == 0)
        return 0;
    const char *text = json_member_text (doc, "result", "");
    int64_t status = json_member_int (doc, "api_error_status", 0);
    char other [64];
    if (s_begin (text, strlen (text)) == strlen (text)) {
        if (status)
            snprintf (other, sizeof other, "API status %" PRId64, status);
        else
            snprintf (other, sizeof other, "no details");
        text = !status && strncmp (subtype, "error", 5) == 0 ? subtype : other;
    }
    snprintf (reason, VERDICT_REASON_BYTES, "agent reported an error: ");
    s_quote (reason, text, strlen (text));
    return 0;
}

//  Does a line begin as Claude Code prints an error?  What follows counts too: "API Error rates rose" is
//  a sentence.
static bool
s_error_line (const char *line, size_t size)
{
    static const struct {
        const char *begin, *next [3];
    } errors [] = {{"API Error", {":", " (", NULL}},
                   {"Invalid API key", {".", " \xc2\xb7", NULL}},
                   {"Credit balance is too low", {".", " \xc2\xb7", NULL}},
                   {"Request timed out", {".", " \xc2\xb7", NULL}},
                   {"Prompt is too long", {".", " \xc2\xb7", NULL}}};
    for (size_t i = 0; i < sizeof errors / sizeof errors [0]; i++) {
        size_t length = strlen (errors [i].begin);
        if (size < length || memcmp (line, errors [i].begin, length) != 0)
            continue;
        const char *rest = line + length;
        size_t left = size - length;
        if (s_begin (rest, left) == left)
            return true; //  nothing follows
        for (const char *const *next = errors [i].next; *next; next++)
            if (left >= strlen (*next) && memcmp (rest, *next, strlen (*next)) == 0)
                return true;
    }
    return false;
}

//  Is the whole text nothing but such errors?  A good report must never be taken for one: each paragraph has to
//  begin as an error does, and there is no heading.
static bool
s_error_text (const char *text, size_t size)
{
    bool paragraph = true;
    while (size > 0) {
        const char *end = memchr (text, '\n', size);
        size_t length = end ? (size_t) (end - text) : size;
        size_t from = s_begin (text, length);
        bool blank = from == length;
        if (!blank
            && (text [from] == '#' || (paragraph && !s_error_line (text + from, length - from))))
            return false;
        paragraph = blank;
        length += end != NULL;
        text += length;
        size -= length;
    }
    return true;
}

//  Length of the text without what does not show at its end, or more than max.
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
    if (size >= LIMIT_ERROR_TEXT_BYTES || !s_error_text (text, size))
        return VERDICT_SUCCESS;
    snprintf (ret_reason, VERDICT_REASON_BYTES,
              "investigation.md holds an error instead of a report: ");
    s_quote (ret_reason, text, size);
    return VERDICT_AGENT;
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
    [VERDICT_OTHER] = {"", "other"},
};

verdict_kind_t
verdict_kind (const char *reason)
{
    int kind = VERDICT_NOT_STARTED;
    while (strncmp (reason, s_kinds [kind].begin, strlen (s_kinds [kind].begin)) != 0)
        kind++; //  OTHER begins like everything
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
    assert ((size_t) outcome < OUTCOMES);
    return s_outcomes [outcome];
}

bool
verdict_outcome_parse (const char *name, size_t size, verdict_outcome_t *ret_outcome)
{
    for (size_t i = 0; i < OUTCOMES; i++)
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

//  A plain file name: [A-Za-z0-9._-], not starting with a dot, so neither "." nor ".." nor hidden.
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
