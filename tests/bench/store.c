//  store - SQLite by itself: the writes of whole jobs, made by the core beforehand,
//  committed in batches.
//
//  Every job is three durable turns and its effect's end, as in the broker:
//  event, assignment, verdict.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store.h"
#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256 };

typedef struct {
    step_write_t *writes;
    size_t count, room;
} tape_t;

static clk_now_t s_now = {.boot_ms = 1000000, .wall_ms = 1800000000000};

static void
s_keep (tape_t *tape, const step_t *core)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (core, &count);
    if (tape->count + count > tape->room) {
        tape->room = (tape->count + count) * 2;
        tape->writes = realloc (tape->writes, tape->room * sizeof *writes);
        if (!tape->writes)
            bench_die ("out of memory");
    }
    memcpy (tape->writes + tape->count, writes, count * sizeof *writes);
    tape->count += count;
}

static void
s_step (step_t *core, const step_in_t *in)
{
    if (step (core, in, s_now) < 0)
        bench_die ("the core refused an input");
}

static step_in_t
s_input (step_in_kind_t kind)
{
    step_in_t in = {.kind = kind, .peer = {.identity = "worker:bench", .session = 1, .seq = 1}};
    return in;
}

static void
s_hello (step_t *core)
{
    step_begin (core, s_now);
    step_in_t in = s_input (STEP_IN_HELLO);
    snprintf (in.as.hello.name, sizeof in.as.hello.name, "bench");
    in.as.hello.slots = SLOTS;
    s_step (core, &in);
    in = s_input (STEP_IN_CREDIT);
    in.as.credit.number = 1;
    in.as.credit.total = in.as.credit.free = SLOTS;
    s_step (core, &in);
}

static void
s_event (step_t *core, int64_t number)
{
    static fault_t fault;
    char *body = malloc (BENCH_EVENT_BYTES); //  the tape's, to the end
    if (!body)
        bench_die ("out of memory");
    const size_t size = bench_event ("bench", number, body);
    fault_read (body, size, "", &fault);
    step_in_t in = s_input (STEP_IN_EVENT);
    row_event_t *row = &in.as.event.row;
    snprintf (row->source, sizeof row->source, "publisher:bench");
    snprintf (row->event_id, sizeof row->event_id, "bench-%" PRId64, number);
    row->received_ms = s_now.wall_ms;
    row->body = body;
    row->body_bytes = (int64_t) size;
    in.as.event.fault = &fault;
    in.as.event.triage_enabled = true;
    s_step (core, &in);
}

//  Accept, start and end what was assigned.  Returns how many.
static int64_t
s_verdicts (step_t *core, const step_fence_t *fences, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        step_in_t in = s_input (STEP_IN_ACCEPT);
        in.as.fence = fences [i];
        s_step (core, &in);
        in.kind = STEP_IN_STARTED;
        s_step (core, &in);
        in = s_input (STEP_IN_VERDICT);
        in.as.verdict.fence = fences [i];
        in.as.verdict.outcome = VERDICT_AGENT;
        in.as.verdict.exit_code = 1;
        in.as.verdict.stored = STEP_NOT_CHECKED;
        snprintf (in.as.verdict.reason, sizeof in.as.verdict.reason, "bench");
        s_step (core, &in);
    }
    step_in_t credit = s_input (STEP_IN_CREDIT);
    static int64_t number = 1;
    credit.as.credit.number = ++number;
    credit.as.credit.total = credit.as.credit.free = SLOTS;
    s_step (core, &credit);
    return (int64_t) count;
}

//  What the last turn wants done: assignments are kept, effects are done at once.
static size_t
s_outputs (step_t *core, step_fence_t *fences, int64_t *effects, size_t *effect_count)
{
    size_t count = 0, assigned = 0;
    const step_out_t *outs = step_outputs (core, &count);
    for (size_t i = 0; i < count; i++) {
        if (outs [i].kind == STEP_OUT_ASSIGN)
            fences [assigned++] = outs [i].as.assign.fence;
        if (outs [i].kind == STEP_OUT_EFFECT)
            effects [(*effect_count)++] = outs [i].as.effect.id;
    }
    return assigned;
}

//  Turns of `batch` events and their consequences until all jobs have ended.
static void
s_record (tape_t *tape, int64_t jobs, int64_t batch)
{
    const step_settings_t settings = {.agent_attempts = 1,
                                      .max_deliveries = 3,
                                      .lease_ttl_ms = 60000,
                                      .reconnect_grace_ms = 45000,
                                      .agent_timeout_ms = 300000,
                                      .revoke_slack_ms = LIMIT_REVOKE_SLACK_MS,
                                      .global_queue_size = 100000,
                                      .cluster_queue_size = 100000};
    step_t *core = step_new (&settings, 1);
    if (!core)
        bench_die ("out of memory");
    step_loaded (core, 0, 0, 0, s_now);
    static step_fence_t fences [SLOTS];
    static int64_t effects [SLOTS];
    size_t assigned = 0, effect_count = 0;
    s_hello (core);
    for (int64_t sent = 0, done = 0; done < jobs || effect_count > 0;) {
        step_begin (core, s_now);
        for (int64_t i = 0; i < batch && sent < jobs; i++)
            s_event (core, sent++);
        done += s_verdicts (core, fences, assigned);
        for (size_t i = 0; i < effect_count; i++) {
            step_in_t in = s_input (STEP_IN_EFFECT_DONE);
            in.as.effect.id = effects [i];
            s_step (core, &in);
        }
        effect_count = 0;
        step_schedule (core, s_now);
        s_keep (tape, core);
        assigned = s_outputs (core, fences, effects, &effect_count);
        s_now.boot_ms++;
        s_now.wall_ms++;
    }
    step_destroy (&core);
}

//  Commit every `per_commit` writes.  Returns jobs a second.
static double
s_replay (const tape_t *tape, const char *path, int64_t jobs, size_t per_commit)
{
    err_diag_t diag = {""};
    store_t *store = NULL;
    if (store_open (path, &store, &diag) < 0)
        bench_die ("%s", diag.text);
    const int64_t begin_us = bench_now_us ();
    for (size_t i = 0; i < tape->count; i++) {
        int rc = store_apply (store, &tape->writes [i]);
        if (rc == 0 && ((i + 1) % per_commit == 0 || i + 1 == tape->count)) {
            rc = store_commit (store);
            if (rc == 0)
                rc = store_checkpoint (store);
        }
        if (rc < 0)
            bench_die ("the store refused a write: %d", rc);
    }
    const double seconds = (double) (bench_now_us () - begin_us) / 1e6;
    store_destroy (&store);
    return (double) jobs / seconds;
}

int
main (int argc, char **argv)
{
    const int64_t jobs = argc == 4 ? strtoll (argv [1], NULL, 10) : 0;
    const int64_t batch = argc == 4 ? strtoll (argv [2], NULL, 10) : 0;
    if (jobs < 1 || batch < 1 || batch > SLOTS)
        bench_die ("usage: bench-store JOBS JOBS-PER-COMMIT NEW-FILE");
    tape_t tape = {0};
    const int64_t begin_us = bench_now_us ();
    s_record (&tape, jobs, batch);
    const double core_per_s = (double) jobs / ((double) (bench_now_us () - begin_us) / 1e6);
    const size_t writes_per_job = tape.count / (size_t) jobs;
    const double per_s =
        s_replay (&tape, argv [3], jobs, (size_t) batch * (writes_per_job ? writes_per_job : 1));
    printf ("{\"jobs_per_commit\": %" PRId64 ", \"writes_per_job\": %zu, \"store_per_s\": %.1f, "
            "\"core_per_s\": %.1f}\n",
            batch, writes_per_job, per_s, core_per_s);
    free (tape.writes);
    return 0;
}
