//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/evidence.h"

#include "common/base/own.h"
#include "common/domain/agent_result.h"
#include "common/domain/failure.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

//  A source's answer; class NONE = it knows none.  Own: sentence is borrowed, NULL = none.
typedef struct {
    run_class_t class;
    const char *sentence;
    int64_t retry_ms;
} answer_t;

//  What the sources are asked with.
typedef struct {
    const evidence_t *evidence;
    const agent_result_t *result;
    bool report_valid;
    finding_t *finding;
} case_t;


//  --- the sources

static const struct {
    const char *limit;
    run_class_t class;
    const char *sentence;
} s_limits [] = {
    {"disk", RUN_CLASS_LIMIT, "the workspace was full (agent_disk)"},
    {"files", RUN_CLASS_LIMIT, "the workspace had too many files (agent_files)"},
    {"memory", RUN_CLASS_OOM, "out of memory (agent_memory)"},
    {"pids", RUN_CLASS_LIMIT, "too many processes (agent_pids)"},
};

static answer_t
s_by_limit (const verdict_run_t *run)
{
    for (size_t i = 0; i < sizeof s_limits / sizeof s_limits [0]; i++)
        if (strcmp (run->limit, s_limits [i].limit) == 0)
            return (answer_t){.class = s_limits [i].class, .sentence = s_limits [i].sentence};
    return (answer_t){.class = RUN_CLASS_NONE};
}

//  Codes that conventions give a meaning; 137 is what a shell makes of SIGKILL.
static run_class_t
s_by_code (const verdict_run_t *run)
{
    if (run->signal)
        return RUN_CLASS_KILLED;
    switch (run->exit_code) {
        case 69: return RUN_CLASS_PROVIDER;
        case 75: return RUN_CLASS_RATE_LIMITED;
        case 77: return RUN_CLASS_AUTH;
        case 78: return RUN_CLASS_CONFIG;
        case 125:
        case 126:
        case 127: return RUN_CLASS_INFRA;
        case 128 + SIGKILL: return RUN_CLASS_KILLED;
        default: return RUN_CLASS_NONE;
    }
}

//  Was the run ended from outside, at its deadline or by a signal?
static bool
s_cut (const verdict_run_t *run)
{
    return run->timed_out || s_by_code (run) == RUN_CLASS_KILLED;
}

//  Does the gateway know better?  A provider that answers has accepted key, quota and model.  And
//  the agent could run.
static bool
s_refuted (const evidence_t *evidence, run_class_t class)
{
    const verdict_observed_t *seen = &evidence->observed;
    if (class == RUN_CLASS_INFRA)
        return seen->served;
    return run_class_rule (class)->holds
           && (seen->answered || (seen->served && seen->class != class));
}

//  A result that was written when the run was cut describes the time before.
static answer_t
s_by_result (const case_t *self)
{
    const agent_result_t *result = self->result;
    const bool late = s_cut (&self->evidence->run) && !result->class_given;
    if (late || result->class == RUN_CLASS_NONE || s_refuted (self->evidence, result->class))
        return (answer_t){.class = RUN_CLASS_NONE};
    const verdict_observed_t *seen = &self->evidence->observed;
    const bool same = seen->class == result->class && result->retry_ms == 0;
    return (answer_t){.class = result->class,
                      .sentence = result->text,
                      .retry_ms = same ? seen->retry_ms : result->retry_ms};
}

static answer_t
s_by_gateway (const case_t *self)
{
    const verdict_observed_t *seen = &self->evidence->observed;
    return (answer_t){.class = seen->class,
                      .sentence = *seen->sentence ? seen->sentence : NULL,
                      .retry_ms = seen->retry_ms};
}

//  A report that is only an error message names a failure.
static answer_t
s_by_report (const case_t *self)
{
    const finding_t *finding = self->finding;
    if (verdict_kind (finding->reason) != VERDICT_ERROR_TEXT)
        return (answer_t){.class = RUN_CLASS_NONE};
    const run_class_t class = failure_class (0, finding->reason);
    return (answer_t){.class = s_refuted (self->evidence, class) ? RUN_CLASS_NONE : class};
}

static answer_t
s_by_run (const case_t *self)
{
    const verdict_run_t *run = &self->evidence->run;
    const answer_t limit = s_by_limit (run);
    if (limit.class != RUN_CLASS_NONE)
        return limit;
    const run_class_t class = run->timed_out ? RUN_CLASS_TIMEOUT : s_by_code (run);
    return (answer_t){.class = s_refuted (self->evidence, class) ? RUN_CLASS_NONE : class};
}

//  Was it killed for a limit?  Else the limit is only what it once ran into.
static bool
s_killed_for_limit (const verdict_run_t *run)
{
    const bool counted = strcmp (run->limit, "disk") == 0 || strcmp (run->limit, "files") == 0;
    return counted || (*run->limit && s_by_code (run) == RUN_CLASS_KILLED);
}

static answer_t
s_ask (const case_t *self)
{
    typedef answer_t (source_fn) (const case_t *);
    static source_fn *const sources [] = {s_by_result, s_by_gateway, s_by_report, s_by_run};
    const verdict_run_t *run = &self->evidence->run;
    answer_t answer = {.class = RUN_CLASS_NONE};
    if (s_killed_for_limit (run))
        answer = s_by_limit (run);
    //  The report is there; a call that failed after it changes nothing.
    const bool deadline = run->timed_out && self->report_valid;
    for (size_t i = 0; i < sizeof sources / sizeof sources [0]; i++)
        if (answer.class == RUN_CLASS_NONE && !(deadline && sources [i] == s_by_gateway))
            answer = sources [i](self);
    if (answer.class == RUN_CLASS_NONE)
        answer.class = RUN_CLASS_INVALID_OUTPUT;
    return answer;
}


//  --- the report and the texts

//  Set the reason by the rules for a run, then by those for a report; "" on success.
static void
s_judge (case_t *self)
{
    const evidence_t *evidence = self->evidence;
    finding_t *finding = self->finding;
    verdict_run_t run = evidence->run;
    if (run.exit_code && self->result->exit_code > 0)
        run.exit_code = self->result->exit_code; //  the script may have translated it
    finding->exit_code = run.timed_out ? -1 : run.exit_code;
    (void) verdict_judge (&run, finding->reason);
    const verdict_files_t files = {.report = evidence->report,
                                   .report_bytes = evidence->report_bytes,
                                   .result = evidence->result,
                                   .result_bytes = evidence->result_bytes};
    int ignored = 0;
    if (!finding->reason [0])
        (void) verdict_judge_files (&files, finding->reason, &ignored);
}

//  Is there a report that would make a success, had the run ended well?
static bool
s_report_valid (const evidence_t *evidence)
{
    const verdict_run_t run = {.started = true,
                               .report_exists = evidence->report != NULL,
                               .report_bytes = (int64_t) evidence->report_bytes};
    const verdict_files_t files = {.report = evidence->report,
                                   .report_bytes = evidence->report_bytes};
    char reason [VERDICT_REASON_BYTES];
    int ignored = 0;
    return verdict_judge (&run, reason) == VERDICT_SUCCESS
           && verdict_judge_files (&files, reason, &ignored) == VERDICT_SUCCESS;
}

//  Append what tells why.  Standard error only explains an exit code.
static void
s_tell (const case_t *self, const answer_t *answer)
{
    finding_t *finding = self->finding;
    const evidence_t *evidence = self->evidence;
    const verdict_kind_t kind = verdict_kind (finding->reason);
    const char *said = answer->sentence;
    const bool told = kind == VERDICT_AGENT_ERROR || kind == VERDICT_ERROR_TEXT;
    if (!said && kind != VERDICT_TIMED_OUT && (self->result->error || kind == VERDICT_EXIT_CODE))
        said = self->result->text;
    const size_t error_bytes = kind == VERDICT_EXIT_CODE ? evidence->error_bytes : 0;
    if (!told)
        verdict_explain (said, evidence->error, error_bytes, finding->reason);
}

static bool
s_partial (const case_t *self, run_class_t class)
{
    const bool ran_out = class == RUN_CLASS_TIMEOUT || class == RUN_CLASS_LIMIT;
    return self->report_valid && (ran_out || self->evidence->resumed);
}

run_class_t
evidence_class_of_run (const verdict_run_t *run)
{
    if (!run->started)
        return RUN_CLASS_INFRA;
    const bool ended_well = !run->timed_out && run->exit_code == 0;
    const evidence_t evidence = {.run = *run};
    const agent_result_t none = {.error = false};
    finding_t finding = {.reason = ""};
    const case_t self = {.evidence = &evidence, .result = &none, .finding = &finding};
    return ended_well ? RUN_CLASS_SUCCESS : s_ask (&self).class;
}

void
evidence_find (const evidence_t *self, finding_t *ret_finding)
{
    assert (self->run.started && (self->error || self->error_bytes == 0));
    own (agent_result_fini) agent_result_t result = {.exit_code = -1, .figures = usage_none ()};
    *ret_finding = (finding_t){.class = RUN_CLASS_SUCCESS};
    if (self->result)
        ret_finding->ignored = agent_result_read (self->result, self->result_bytes, &result);
    ret_finding->usage = result.figures;
    case_t found = {.evidence = self,
                    .result = &result,
                    .report_valid = s_report_valid (self),
                    .finding = ret_finding};
    s_judge (&found);
    if (ret_finding->reason [0]) {
        const answer_t answer = s_ask (&found);
        s_tell (&found, &answer);
        ret_finding->class = s_partial (&found, answer.class) ? RUN_CLASS_PARTIAL : answer.class;
        ret_finding->retry_ms = answer.retry_ms;
    }
    ret_finding->outcome = run_class_rule (ret_finding->class)->outcome;
}
