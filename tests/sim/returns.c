//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/returns.h"

#include "broker/core/step_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_MS = 2000, EVERY = 32 };

struct returns_worker {
    char name [ROW_NAME];
    int64_t since_ms;
    bool probed;
    UT_hash_handle hh;
};

//  What came up, for the report.
static int64_t s_given, s_holds, s_probes;

static returns_worker_t *
s_find (const disk_t *disk, const char *name)
{
    returns_worker_t *worker = NULL;
    HASH_FIND_STR (disk->set_aside, name, worker);
    return worker;
}

static returns_worker_t *
s_set_aside (disk_t *disk, const char *name)
{
    returns_worker_t *worker = s_find (disk, name);
    if (worker)
        return worker;
    worker = calloc (1, sizeof *worker);
    if (!worker)
        abort ();
    snprintf (worker->name, sizeof worker->name, "%s", name);
    HASH_ADD_STR (disk->set_aside, name, worker);
    return worker;
}

void
returns_ended (disk_t *disk, disk_incident_t *incident, const disk_attempt_t *attempt,
               clk_now_t now)
{
    const run_class_rule_t *rule = run_class_rule (attempt->row.class);
    if (!rule->given_back && !rule->holds)
        return;
    s_given++;
    if (!incident->given_ms) {
        incident->given_ms = now.boot_ms;
        incident->waived = false;
    }
    const int64_t wait = attempt->said_retry_ms ? attempt->said_retry_ms : LIMIT_GIVE_BACK_MS;
    if (rule->given_back)
        incident->wait_ms = now.boot_ms + wait;
    if (!rule->holds)
        return;
    s_holds++;
    returns_worker_t *worker = s_set_aside (disk, attempt->row.identity);
    worker->since_ms = now.boot_ms;
    worker->probed = false;
}

static void
s_check_alone (disk_t *disk, const row_attempt_t *row, clk_now_t now)
{
    returns_worker_t *worker = s_find (disk, row->identity);
    if (!worker)
        return;
    s_probes++;
    if (!worker->probed && now.boot_ms < worker->since_ms + LIMIT_QUARANTINE_MIN_MS)
        disk_break (disk, "I20 %s gets work at once", worker->name);
    worker->probed = true;
    for (const disk_attempt_t *other = disk->attempts; other; other = other->hh.next)
        if (other->row.number && other->row.state == ROW_ATTEMPT_LIVE
            && strcmp (other->row.identity, row->identity) == 0)
            disk_break (disk, "I20 %s in quarantine gets a second attempt", worker->name);
}

static void
s_check_probe (disk_t *disk)
{
    for (const disk_attempt_t *other = disk->attempts; other; other = other->hh.next)
        if (other->row.number && other->row.state == ROW_ATTEMPT_LIVE
            && other->opening == disk->model.openings)
            disk_break (disk, "I21 two probes of a paused breaker, one is %s", other->name);
}

void
returns_issued (disk_t *disk, const disk_incident_t *incident, const row_attempt_t *row,
                clk_now_t now)
{
    if (!incident->waived && now.boot_ms < incident->wait_ms)
        disk_break (disk, "I18 %s is assigned %" PRId64 " ms too early", incident->id.text,
                    incident->wait_ms - now.boot_ms);
    if (!incident->waived && incident->given_ms
        && now.boot_ms > incident->given_ms + disk->give_back_ms + LATE_MS)
        disk_break (disk, "I19 %s is assigned when its time is over", incident->id.text);
    s_check_alone (disk, row, now);
    if (disk->pause && disk->model.open)
        s_check_probe (disk);
}

void
returns_worker (disk_t *disk, const row_record_t *record, clk_now_t now)
{
    returns_worker_t *worker = s_find (disk, record->worker);
    if (worker && strcmp (record->change, "restored") == 0) {
        HASH_DEL (disk->set_aside, worker);
        free (worker);
        return;
    }
    if (!worker && strcmp (record->change, "quarantined") == 0)
        s_set_aside (disk, record->worker)->since_ms = now.boot_ms;
}

void
returns_loaded (disk_t *disk)
{
    if (disk->sets == disk->sets_seen)
        return;
    disk->sets_seen = disk->sets;
    for (disk_incident_t *incident = disk->incidents; incident; incident = incident->hh.next)
        incident->waived = true;
}

void
returns_forget (disk_t *disk)
{
    returns_worker_t *worker, *next;
    HASH_ITER (hh, disk->set_aside, worker, next) {
        HASH_DEL (disk->set_aside, worker);
        free (worker);
    }
}

static void
s_check_incident (disk_t *disk, const disk_incident_t *incident, const step_t *step, clk_now_t now)
{
    const entry_t *entry = book_find (&step->book, incident->id.text);
    if (!incident->given_ms || incident->waived || incident->state != INCIDENT_PENDING || !entry
        || entry->held_until_ms)
        return;
    if (now.boot_ms > incident->given_ms + disk->give_back_ms)
        disk_break (disk, "I19 %s still waits when its time is over", incident->id.text);
}

void
returns_check (disk_t *disk, const step_t *step, bool held, clk_now_t now)
{
    static unsigned turns;
    size_t count;
    const step_out_t *outs = step_outputs (step, &count);
    for (size_t i = 0; i < count; i++) {
        const worker_t *worker = fleet_find (&step->fleet, outs [i].peer.identity);
        if (outs [i].kind == STEP_OUT_ASSIGN && worker && worker->held [0])
            disk_break (disk, "I20 %s takes no work and gets it", worker->name);
    }
    if (held || ++turns % EVERY)
        return;
    for (const disk_incident_t *incident = disk->incidents; incident; incident = incident->hh.next)
        s_check_incident (disk, incident, step, now);
}

void
returns_report (const disk_t *disk)
{
    printf ("given back %" PRId64 ", by a key %" PRId64 ", probes %" PRId64 "\n", s_given, s_holds,
            s_probes);
}
