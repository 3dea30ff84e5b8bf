//  plant_class - the bugs in what follows a class of a run; a part of plant.
//
//  Wrappers around returned_give, returned_over, returned_due, breaker_failed, breaker_room,
//  fleet_hold, revive_next, outbox_waits and retain_begin.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plant_part.h"

#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/returned.h"
#include "broker/core/step_part.h"

bool plant_charge_returned, plant_no_wait, plant_no_end, plant_count_twice, plant_no_hold_worker,
    plant_many_probes, plant_left_behind, plant_no_waiting, plant_jump;

void
__real_returned_give (returned_t *self, state_t *state, entry_t *entry, row_incident_t *row,
                      const run_class_rule_t *rule, int64_t retry_ms, clk_now_t now);
int
__real_revive_next (step_t *self, const row_incident_t *row, clk_now_t now);
int
__wrap_revive_next (step_t *self, const row_incident_t *row, clk_now_t now);

void
__wrap_returned_give (returned_t *self, state_t *state, entry_t *entry, row_incident_t *row,
                      const run_class_rule_t *rule, int64_t retry_ms, clk_now_t now);
bool
__real_returned_over (const state_t *state, const entry_t *entry, clk_now_t now);
bool
__wrap_returned_over (const state_t *state, const entry_t *entry, clk_now_t now);
entry_t *
__real_returned_due (const returned_t *self, const state_t *state, clk_now_t now);
entry_t *
__wrap_returned_due (const returned_t *self, const state_t *state, clk_now_t now);
void
__real_breaker_failed (step_t *self, row_incident_t *incident, clk_now_t now);
void
__wrap_breaker_failed (step_t *self, row_incident_t *incident, clk_now_t now);
int64_t
__real_breaker_room (step_t *self, clk_now_t now);
int64_t
__wrap_breaker_room (step_t *self, clk_now_t now);
void
__real_fleet_hold (fleet_t *self, state_t *state, worker_t *worker, run_class_t class,
                   const char *reason, clk_now_t now);
void
__wrap_fleet_hold (fleet_t *self, state_t *state, worker_t *worker, run_class_t class,
                   const char *reason, clk_now_t now);

bool
__real_outbox_waits (const outbox_t *self, const char *incident);
bool
__wrap_outbox_waits (const outbox_t *self, const char *incident);

void
__real_retain_begin (step_t *self, clk_now_t now);
void
__wrap_retain_begin (step_t *self, clk_now_t now);

void
__wrap_returned_give (returned_t *self, state_t *state, entry_t *entry, row_incident_t *row,
                      const run_class_rule_t *rule, int64_t retry_ms, clk_now_t now)
{
    __real_returned_give (self, state, entry, row, rule, retry_ms, now);
    row->charged += plant_charge_returned;
    if (plant_no_wait)
        entry->not_before_ms = 0;
}

bool
__wrap_returned_over (const state_t *state, const entry_t *entry, clk_now_t now)
{
    return !plant_no_end && __real_returned_over (state, entry, now);
}

entry_t *
__wrap_returned_due (const returned_t *self, const state_t *state, clk_now_t now)
{
    return plant_no_end ? NULL : __real_returned_due (self, state, now);
}

//  Count each failed run, and not each incident.
void
__wrap_breaker_failed (step_t *self, row_incident_t *incident, clk_now_t now)
{
    incident->counted = incident->counted && !plant_count_twice;
    __real_breaker_failed (self, incident, now);
}

int64_t
__wrap_breaker_room (step_t *self, clk_now_t now)
{
    return plant_many_probes ? INT64_MAX : __real_breaker_room (self, now);
}

void
__wrap_fleet_hold (fleet_t *self, state_t *state, worker_t *worker, run_class_t class,
                   const char *reason, clk_now_t now)
{
    if (!plant_no_hold_worker)
        __real_fleet_hold (self, state, worker, class, reason, now);
}

//  Every second incident is passed over.
int
__wrap_revive_next (step_t *self, const row_incident_t *row, clk_now_t now)
{
    if (!plant_left_behind || !row || row->number % 2)
        return __real_revive_next (self, row, now);
    self->revive.cursor = (revive_cursor_t){
        .first = self->breaker.row.reviving, .streak = row->streak, .after = row->number};
    return 0;
}

bool
__wrap_outbox_waits (const outbox_t *self, const char *incident)
{
    return !plant_no_waiting && __real_outbox_waits (self, incident);
}

void
__wrap_retain_begin (step_t *self, clk_now_t now)
{
    if (!plant_jump)
        __real_retain_begin (self, now);
}
