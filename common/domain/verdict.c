//  verdict - judges one attempt; the order of the rules and their texts are the contract.
//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict.h"

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/agent_result.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  Did the script report that it cannot run an agent here?  Codes: container runtime (125), command
//  not executable (126) or not found (127).
static bool
s_host_code (int code)
{
    return code >= 125 && code <= 127;
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

//  Does the result report a failure?  Then the reason names it.
static int
s_judge_result (const char *bytes, size_t size, char reason [VERDICT_REASON_BYTES])
{
    own (agent_result_fini) agent_result_t result;
    int rc = agent_result_read (bytes, size, &result);
    if (rc < 0 || !result.error)
        return rc;
    snprintf (reason, VERDICT_REASON_BYTES, "agent reported an error: ");
    verdict_text_quote (reason, result.text, strlen (result.text));
    return 0;
}

verdict_outcome_t
verdict_judge_files (const verdict_files_t *files, char ret_reason [VERDICT_REASON_BYTES],
                     int *ret_ignored)
{
    ret_reason [0] = 0;
    *ret_ignored = 0;
    size_t from = verdict_text_begin (files->report, files->report_bytes);
    const char *text = files->report + from;
    if (from == files->report_bytes) {
        snprintf (ret_reason, VERDICT_REASON_BYTES, "investigation.md has no text");
        return VERDICT_AGENT;
    }
    if (files->result)
        *ret_ignored = s_judge_result (files->result, files->result_bytes, ret_reason);
    if (ret_reason [0])
        return VERDICT_AGENT;
    size_t size = verdict_text_length (text, files->report_bytes - from, LIMIT_ERROR_TEXT_BYTES);
    if (size >= LIMIT_ERROR_TEXT_BYTES)
        return VERDICT_SUCCESS;
    if (verdict_error_is (text, size)) {
        snprintf (ret_reason, VERDICT_REASON_BYTES,
                  "investigation.md holds an error instead of a report: ");
        verdict_text_quote (ret_reason, text, size);
    }
    else if (*ret_ignored)
        snprintf (ret_reason, VERDICT_REASON_BYTES,
                  "agent-result.json cannot be read: %s; the report is short: %zu bytes",
                  *ret_ignored == ERR_PROTO ? "no JSON object" : err_str (*ret_ignored), size);
    return ret_reason [0] ? VERDICT_AGENT : VERDICT_SUCCESS;
}

//  --- why an agent failed

void
verdict_explain (const char *said, const char *error, size_t error_bytes,
                 char reason [VERDICT_REASON_BYTES])
{
    const char *text = said ? said : error;
    size_t length = 0;
    const char *line = verdict_text_line (text, said ? strlen (said) : error_bytes, &length);
    if (!line || strlen (reason) + sizeof ": " + 4 > VERDICT_REASON_BYTES)
        return;
    memcpy (reason + strlen (reason), ": ", sizeof ": ");
    verdict_text_quote (reason, line, length);
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
