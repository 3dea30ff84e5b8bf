//  verdict - how one attempt is judged: order and texts are the contract.
//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict.h"

#include "common/base/limits.h"

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

//  How each reason of verdict_judge begins.
static const struct {
    const char *begin, *name;
} s_kinds [VERDICT_KINDS] = {
    [VERDICT_NOT_STARTED] = {"agent execution error:", "not_started"},
    [VERDICT_TIMED_OUT] = {"agent timed out after ", "timeout"},
    [VERDICT_EXIT_CODE] = {"agent exited with non-zero code:", "exit_code"},
    [VERDICT_NO_REPORT] = {"investigation.md file not found", "no_report"},
    [VERDICT_TOO_SMALL] = {"investigation.md too small:", "too_small"},
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
