//  fuzz_evidence - the files of a run, any bytes, and the class and the reason that follow.
//
//  Input: exit code, flags, then report, structured result and standard error, each up to the byte
//  0x1E.  Flags: 1 timed out, 2 no report, 4 no result, 8 the provider answered, 16 resumed, 32 a
//  signal, 64 out of memory, 128 the gateway saw an overload.
//  Holds: every run has a class and its outcome; only a success has no reason, and the broker's
//  rules agree; a reason is one line of clean text and of the kind that the run has; no agent that
//  got answers holds its worker; figures are within bounds.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/domain/evidence.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TIMED_OUT = 1, NO_REPORT = 2, NO_RESULT = 4, ANSWERED = 8, RESUMED = 16 };
enum { KILLED = 32, OOM = 64, OVERLOADED = 128, PARTS = 3 };

typedef struct {
    const char *data;
    size_t size;
} part_t;

//  Split at 0x1E; the last part has the rest.
static void
s_split (const char *bytes, size_t size, part_t parts [PARTS])
{
    for (size_t i = 0; i < PARTS; i++) {
        const char *end = i + 1 < PARTS && size ? memchr (bytes, FUZZ_STEP_END, size) : NULL;
        parts [i] = (part_t){bytes, end ? (size_t) (end - bytes) : size};
        bytes += parts [i].size + (end != NULL);
        size -= parts [i].size + (end != NULL);
    }
}

static void
s_check_text (const char *text, size_t most)
{
    const size_t size = strnlen (text, most);
    assert (size < most);
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        const size_t step = utf8_next (text + at, size - at, &code);
        assert (step > 0 && code >= ' ' && code != 0x7f);
        at += step;
    }
}

//  What the broker makes of a success.
static void
s_check_success (const evidence_t *evidence)
{
    char reason [VERDICT_REASON_BYTES];
    int ignored = 0;
    const verdict_files_t files = {.report = evidence->report,
                                   .report_bytes = evidence->report_bytes,
                                   .result = evidence->result,
                                   .result_bytes = evidence->result_bytes};
    assert (verdict_judge (&evidence->run, reason) == VERDICT_SUCCESS);
    assert (verdict_judge_files (&files, reason, &ignored) == VERDICT_SUCCESS);
}

static void
s_check (const evidence_t *evidence, const finding_t *finding)
{
    char reason [VERDICT_REASON_BYTES];
    assert (finding->class > RUN_CLASS_NONE && finding->class < RUN_CLASSES);
    const run_class_rule_t *rule = run_class_rule (finding->class);
    assert (finding->outcome == rule->outcome);
    assert ((finding->class == RUN_CLASS_SUCCESS) == !finding->reason [0]);
    assert (!evidence->observed.answered || !rule->holds);
    s_check_text (finding->reason, sizeof finding->reason);
    (void) verdict_judge (&evidence->run, reason);
    assert (!*reason || verdict_kind (reason) == verdict_kind (finding->reason));
    assert (finding->exit_code >= -1 && finding->exit_code <= UINT8_MAX);
    assert (finding->retry_ms >= 0);
    usage_t bounded = finding->usage;
    usage_bound (&bounded);
    assert (memcmp (&bounded, &finding->usage, sizeof bounded) == 0);
    s_check_text (bounded.agent, sizeof bounded.agent);
    s_check_text (bounded.version, sizeof bounded.version);
    s_check_text (bounded.model, sizeof bounded.model);
    if (finding->class == RUN_CLASS_SUCCESS)
        s_check_success (evidence);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint8_t flags = data [1];
    part_t parts [PARTS];
    s_split ((const char *) data + 2, size - 2, parts);
    evidence_t evidence = {.run = {.started = true,
                                   .timed_out = flags & TIMED_OUT,
                                   .timeout_s = 20,
                                   .exit_code = data [0],
                                   .signal = flags & KILLED ? SIGKILL : 0,
                                   .report_exists = !(flags & NO_REPORT)},
                           .report = flags & NO_REPORT ? NULL : parts [0].data,
                           .report_bytes = flags & NO_REPORT ? 0 : parts [0].size,
                           .result = flags & NO_RESULT ? NULL : parts [1].data,
                           .result_bytes = flags & NO_RESULT ? 0 : parts [1].size,
                           .error = parts [2].data,
                           .error_bytes = parts [2].size,
                           .observed = {.answered = flags & ANSWERED},
                           .resumed = flags & RESUMED};
    evidence.run.report_bytes = (int64_t) evidence.report_bytes;
    if (flags & OOM)
        snprintf (evidence.run.limit, sizeof evidence.run.limit, "memory");
    if (flags & OVERLOADED)
        evidence.observed = (verdict_observed_t){.class = RUN_CLASS_OVERLOADED};
    finding_t finding, again;
    evidence_find (&evidence, &finding);
    s_check (&evidence, &finding);
    evidence_find (&evidence, &again);
    assert (finding.class == again.class && strcmp (finding.reason, again.reason) == 0);
    return 0;
}
