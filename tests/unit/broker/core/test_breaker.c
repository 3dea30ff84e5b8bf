//  The breaker and the order of its messages, step by step.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

#include <inttypes.h>

typedef struct {
    bench_t bench;
    int64_t credit;
    int keys;
    row_breaker_t breaker;    //  as written last
    char asked [4096];        //  keys of messages that are due, each followed by a blank
    int64_t last_asked;       //  effect of the last one
    row_alert_t alert;        //  as written last
    int64_t upload;           //  at delivery now, 0 = none
    row_effect_t message;     //  at delivery now; id 0 = none
    row_effect_t message_row; //  as written last
} voice_t;

static voice_t
s_new (bool pause, bool notify)
{
    voice_t self = {.bench = bench_new ()};
    self.bench.settings.slack = true;
    self.bench.settings.notify_failures = notify;
    self.bench.settings.breaker_pause = pause;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 0);
    self.credit = 1;
    return self;
}

//  Read what this turn has written and sent out, and begin the next one.
static void
s_turn (voice_t *self, int64_t ms)
{
    size_t count;
    (void) bench_schedule (&self->bench);
    const step_write_t *writes = step_writes (self->bench.step, &count);
    for (size_t i = 0; i < count; i++) {
        const row_effect_t *effect = &writes [i].as.effect;
        if (writes [i].kind == STEP_WRITE_BREAKER)
            self->breaker = writes [i].as.breaker;
        if (writes [i].kind == STEP_WRITE_ALERT)
            self->alert = writes [i].as.alert;
        if (writes [i].kind != STEP_WRITE_EFFECT || effect->channel != ROW_CHANNEL_MESSAGE)
            continue;
        self->message_row = *effect;
        if (effect->id > self->last_asked) {
            self->last_asked = effect->id;
            strcat (self->asked, effect->key);
            strcat (self->asked, " ");
        }
    }
    const step_out_t *outs = step_outputs (self->bench.step, &count);
    for (size_t i = 0; i < count; i++) {
        if (outs [i].kind != STEP_OUT_EFFECT)
            continue;
        if (outs [i].as.effect.channel == ROW_CHANNEL_MESSAGE)
            self->message = outs [i].as.effect;
        else
            self->upload = outs [i].as.effect.id;
    }
    bench_later (&self->bench, ms);
    bench_ping (&self->bench, "w");
}

static void
s_done (voice_t *self, int64_t id, step_effect_result_t result)
{
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = id;
    done.as.effect.result = result;
    if (self->message.id == id)
        self->message.id = 0;
    if (self->upload == id)
        self->upload = 0;
    bench_step (&self->bench, &done);
}

//  Assign a new incident to w; attempt 0: nothing was assigned.
static step_fence_t
s_assign (voice_t *self)
{
    char key [16];
    snprintf (key, sizeof key, "k%d", self->keys++);
    (void) bench_event (&self->bench, "a", key, FAULT_WARNING);
    bench_credit (&self->bench, "w", ++self->credit, 1);
    const step_out_t *out = bench_schedule (&self->bench);
    step_fence_t fence = {.attempt = 0};
    if (!out)
        return fence;
    fence = out->as.assign.fence;
    bench_say (&self->bench, "w", STEP_IN_ACCEPT, &fence);
    bench_say (&self->bench, "w", STEP_IN_STARTED, &fence);
    return fence;
}

static void
s_end (voice_t *self, const step_fence_t *fence, verdict_outcome_t outcome)
{
    assert_int_equal (bench_verdict (&self->bench, "w", fence, outcome), STEP_COMMITTED);
    s_turn (self, 1000);
}

static void
s_incident (voice_t *self, verdict_outcome_t outcome)
{
    step_fence_t fence = s_assign (self);
    assert_true (fence.attempt > 0);
    s_end (self, &fence, outcome);
}

//  How often was this message queued?
static int
s_asked (const voice_t *self, const char *key)
{
    int count = 0;
    for (const char *at = strstr (self->asked, key); at; at = strstr (at + 1, key))
        count++;
    return count;
}

static void
test_the_threshold_opens_once_with_count_and_reasons (void **state)
{
    voice_t self = s_new (false, true);
    for (int i = 0; i < 5; i++)
        s_incident (&self, VERDICT_AGENT);
    assert_string_equal (self.asked, "degraded/1 ");
    assert_int_equal (self.alert.count, 3);
    assert_int_equal (self.alert.last_ms - self.alert.first_ms, 2000);
    assert_string_equal (self.alert.reasons [0], "investigation.md file not found");
    assert_int_equal (self.alert.counts [0], 3);
    assert_string_equal (self.alert.reasons [1], "");
    assert_true (self.breaker.open);
    assert_int_equal (self.breaker.failures, 5);
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.breaker, STEP_BREAKER_OPEN);
    assert_int_equal (stats.breaker_total [STEP_BREAKER_OPEN], 1);
    step_destroy (&self.bench.step);
}

static void
test_a_success_in_between_starts_the_count_anew (void **state)
{
    voice_t self = s_new (false, true);
    static const verdict_outcome_t outcomes [] = {VERDICT_AGENT, VERDICT_AGENT, VERDICT_SUCCESS,
                                                  VERDICT_AGENT, VERDICT_AGENT};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes [0]; i++)
        s_incident (&self, outcomes [i]);
    assert_int_equal (s_asked (&self, "degraded/"), 0);
    assert_int_equal (s_asked (&self, "recovered/"), 0);
    assert_false (self.breaker.open);
    assert_int_equal (self.breaker.failures, 2);
    step_destroy (&self.bench.step);
}

static void
test_recovered_is_asked_for_before_the_incident_of_the_same_verdict (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_AGENT);
    int64_t opened = self.breaker.opened_ms;
    s_turn (&self, 60000);
    s_incident (&self, VERDICT_SUCCESS);
    assert_true (strncmp (self.asked, "degraded/1 recovered/1 incident/", 32) == 0);
    assert_int_equal (self.alert.count, 1);
    assert_int_equal (self.alert.first_ms, opened);
    assert_in_range (self.alert.last_ms - opened, 60000, 70000);
    assert_false (self.breaker.open);
    assert_int_equal (self.breaker.failures, 0);
    s_incident (&self, VERDICT_AGENT);
    assert_int_equal (s_asked (&self, "degraded/2"), 1);
    step_destroy (&self.bench.step);
}

static void
test_an_incident_counts_once_whatever_its_attempts (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.agent_attempts = 2;
    bench_configure (&self.bench);
    step_fence_t fence = s_assign (&self);
    s_end (&self, &fence, VERDICT_AGENT); //  and the incident is assigned again
    assert_int_equal (self.breaker.failures, 1);
    fence.attempt++;
    s_end (&self, &fence, VERDICT_AGENT);
    assert_int_equal (self.breaker.failures, 1);
    step_destroy (&self.bench.step);
}

static void
test_lost_deliveries_do_not_count_and_a_missing_host_does (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.max_deliveries = 1;
    bench_configure (&self.bench);
    (void) s_assign (&self);
    for (int i = 0; i < 24; i++) //  its lease expires, then the wait for a late report
        s_turn (&self, 5000);
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_FAILED], 1);
    assert_int_equal (self.breaker.failures, 0);
    step_fence_t fence = s_assign (&self);
    bench_release (&self.bench, "w", &fence, STEP_RELEASE_HOST);
    for (int i = 0; i < 10; i++)
        s_turn (&self, 5000);
    assert_int_equal (self.breaker.failures, 1);
    assert_string_equal (self.breaker.reasons [0], "agent execution error: no sandbox");
    step_destroy (&self.bench.step);
}

static void
test_without_notifications_it_opens_and_closes_in_silence (void **state)
{
    voice_t self = s_new (false, false);
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    assert_true (self.breaker.open);
    self.bench.settings.notify_failures = true; //  too late for this opening
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_SUCCESS);
    assert_false (self.breaker.open);
    assert_int_equal (s_asked (&self, "degraded/") + s_asked (&self, "recovered/"), 0);
    assert_int_equal (s_asked (&self, "incident/"), 1);
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.untold_total [STEP_UNTOLD_DISABLED], 1);
    assert_int_equal (stats.untold_total [STEP_UNTOLD_UNOPENED], 1);
    step_destroy (&self.bench.step);
}

static void
test_no_recovered_without_a_degraded_that_can_arrive (void **state)
{
    voice_t self = s_new (false, true);
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    assert_string_equal (self.message.key, "degraded/1");
    s_done (&self, self.message.id, STEP_EFFECT_PERMANENT);
    s_incident (&self, VERDICT_SUCCESS);
    assert_int_equal (s_asked (&self, "recovered/"), 0);
    step_destroy (&self.bench.step);
}

static void
test_a_recovered_that_waits_ends_with_its_degraded (void **state)
{
    voice_t self = s_new (false, true);
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    row_effect_t degraded = self.message;
    s_incident (&self, VERDICT_SUCCESS);
    assert_int_equal (s_asked (&self, "recovered/1"), 1);
    s_done (&self, degraded.id, STEP_EFFECT_PERMANENT);
    s_turn (&self, 1000);
    assert_string_equal (self.message_row.key, "recovered/1");
    assert_int_equal (self.message_row.state, ROW_EFFECT_DEAD);
    assert_true (self.message_row.error [0] != 0);
    step_destroy (&self.bench.step);
}

//  After a restart the breaker continues with the rows it reads.
static void
test_a_restart_does_not_forget_the_count (void **state)
{
    voice_t self = s_new (false, true);
    for (int i = 0; i < 2; i++)
        s_incident (&self, VERDICT_AGENT);
    voice_t again = self;
    again.bench.step = step_new (&self.bench.settings, 43);
    step_destroy (&self.bench.step);
    assert_int_equal (step_load_breaker (again.bench.step, &again.breaker), 0);
    step_loaded (again.bench.step, 100, 100, 100, again.bench.now);
    step_begin (again.bench.step, again.bench.now);
    bench_join (&again.bench, "w", 0);
    s_incident (&again, VERDICT_AGENT);
    assert_int_equal (s_asked (&again, "degraded/1"), 1);
    step_destroy (&again.bench.step);
}

//  --- pause

static void
test_a_paused_breaker_holds_the_queue_and_lets_one_probe_through (void **state)
{
    voice_t self = s_new (true, true);
    step_fence_t before = s_assign (&self); //  already running when the breaker opens
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    assert_true (self.breaker.open);
    assert_int_equal (s_assign (&self).attempt, 0);
    assert_in_range (step_wake (self.bench.step), self.bench.now.boot_ms,
                     self.bench.now.boot_ms + LIMIT_PROBE_MIN_MS);
    s_end (&self, &before, VERDICT_SUCCESS);
    assert_true (self.breaker.open); //  it says nothing about agents started now
    s_turn (&self, LIMIT_PROBE_MIN_MS);
    bench_credit (&self.bench, "w", ++self.credit, 4);
    const step_out_t *out = bench_schedule (&self.bench);
    assert_int_equal (bench_count (&self.bench, STEP_OUT_ASSIGN), 1);
    step_fence_t probe = out->as.assign.fence;
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.breaker, STEP_BREAKER_HALF_OPEN);
    s_end (&self, &probe, VERDICT_SUCCESS);
    assert_false (self.breaker.open);
    assert_int_equal (s_asked (&self, "recovered/1"), 1);
    assert_true (s_assign (&self).attempt > 0);
    step_destroy (&self.bench.step);
}

//  The waiting incident is assigned as a probe after this time.
static step_fence_t
s_probe (voice_t *self, int64_t wait)
{
    int64_t since = self->bench.now.boot_ms;
    const step_out_t *out = NULL;
    while (!out && self->bench.now.boot_ms - since < 2 * wait + 2000) {
        s_turn (self, 500);
        bench_credit (&self->bench, "w", ++self->credit, 1);
        out = bench_schedule (&self->bench);
    }
    assert_non_null (out);
    assert_in_range (self->bench.now.boot_ms - since, wait - 2000, wait + 1000);
    return out->as.assign.fence;
}

static void
test_each_probe_that_fails_doubles_the_wait (void **state)
{
    voice_t self = s_new (true, true);
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    int64_t wait = LIMIT_PROBE_MIN_MS;
    for (int i = 0; i < 4; i++, wait *= 2) {
        assert_int_equal (s_assign (&self).attempt, 0);
        step_fence_t probe = s_probe (&self, wait);
        s_end (&self, &probe, VERDICT_AGENT);
    }
    assert_int_equal (s_asked (&self, "degraded/"), 1);
    step_destroy (&self.bench.step);
}

static void
test_a_probe_that_fails_doubles_the_wait_once_however_often_its_turn_is_rolled_back (void **state)
{
    voice_t self = s_new (true, true);
    for (int i = 0; i < 3; i++)
        s_incident (&self, VERDICT_AGENT);
    assert_int_equal (s_assign (&self).attempt, 0);
    step_fence_t probe = s_probe (&self, LIMIT_PROBE_MIN_MS);
    s_end (&self, &probe, VERDICT_AGENT);
    for (int i = 0; i < 5; i++) {
        assert_int_equal (s_assign (&self).attempt, 0);
        step_reload (self.bench.step);
        assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
        step_loaded (self.bench.step, 100, 100, 100, self.bench.now);
        step_begin (self.bench.step, self.bench.now);
    }
    assert_int_equal (s_assign (&self).attempt, 0);
    (void) s_probe (&self, INT64_C (2) * LIMIT_PROBE_MIN_MS);
    step_destroy (&self.bench.step);
}

//  --- messages

static void
test_a_message_waits_for_its_upload_and_others_pass_it (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_SUCCESS);
    int64_t upload = self.upload;
    assert_true (upload > 0);
    assert_int_equal (self.message.id, 0);
    s_incident (&self, VERDICT_AGENT);
    assert_string_equal (self.message.key, "degraded/1");
    s_done (&self, self.message.id, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.message.id, 0);
    s_done (&self, upload, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_true (strncmp (self.message.key, "incident/", 9) == 0);
    step_destroy (&self.bench.step);
}

static void
test_a_message_that_is_tried_again_holds_the_others (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_SUCCESS);
    int64_t upload = self.upload;
    s_incident (&self, VERDICT_AGENT);
    int64_t degraded = self.message.id;
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = degraded;
    done.as.effect.result = STEP_EFFECT_RETRY;
    done.as.effect.retry_after_ms = 30000;
    bench_step (&self.bench, &done);
    self.message.id = 0;
    s_done (&self, upload, STEP_EFFECT_OK); //  its message is older, and may be sent now
    s_turn (&self, 1000);
    assert_int_equal (self.message.id, 0);
    s_turn (&self, 30000);
    s_turn (&self, 1);
    assert_int_equal (self.message.id, degraded);
    assert_false (self.message.unsure); //  the receiver reported that it did not accept it
    step_destroy (&self.bench.step);
}

static void
test_a_message_waits_also_for_an_upload_that_is_asked_for_again (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_SUCCESS);
    row_effect_t dead = {
        .id = self.upload, .channel = ROW_CHANNEL_STORAGE, .state = ROW_EFFECT_DEAD};
    dead.incident = self.message_row.incident;
    snprintf (dead.key, sizeof dead.key, "storage/%s", dead.incident.text);
    s_incident (&self, VERDICT_AGENT);
    const int64_t degraded = self.message.id;
    s_done (&self, dead.id, STEP_EFFECT_PERMANENT);
    s_turn (&self, 1000); //  its message could go, but another one is being sent
    const char *text = NULL;
    int rc = bench_command (&self.bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead, "", &text);
    assert_int_equal (rc, 0);
    s_done (&self, degraded, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.message.id, 0);
    s_done (&self, self.upload, STEP_EFFECT_OK); //  that of the other incident
    s_turn (&self, 1000);
    assert_int_equal (self.upload, dead.id);
    s_done (&self, dead.id, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_true (strncmp (self.message.key, "incident/", 9) == 0);
    step_destroy (&self.bench.step);
}

//  Load two messages from before a restart, and send both out.
static void
s_assert_order (const row_effect_t *first, const row_effect_t *second)
{
    voice_t self = s_new (false, true);
    s_turn (&self, 1000); //  this keeps its worker alive
    step_reload (self.bench.step);
    assert_int_equal (step_load_effect (self.bench.step, second), 0);
    assert_int_equal (step_load_effect (self.bench.step, first), 0);
    step_loaded (self.bench.step, 100, 100, 100, self.bench.now);
    step_begin (self.bench.step, self.bench.now);
    s_turn (&self, 1000);
    assert_int_equal (self.message.id, first->id);
    s_done (&self, first->id, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.message.id, second->id);
    step_destroy (&self.bench.step);
}

static void
test_after_a_restart_what_held_its_channel_is_before_what_was_asked_for_again (void **state)
{
    const row_effect_t asked = {
        .id = 5, .channel = ROW_CHANNEL_MESSAGE, .key = "overflow/a/1", .unsure = true};
    row_effect_t held = {
        .id = 9, .channel = ROW_CHANNEL_MESSAGE, .key = "overflow/b/1", .tries = 1};
    s_assert_order (&held, &asked);
    held.tries = 0;
    held.state = ROW_EFFECT_SENDING;
    s_assert_order (&held, &asked);
}

static void
test_after_a_restart_what_was_asked_for_again_has_its_old_place (void **state)
{
    const row_effect_t before = {.id = 5, .channel = ROW_CHANNEL_MESSAGE, .key = "overflow/a/1"};
    const row_effect_t asked = {
        .id = 9, .channel = ROW_CHANNEL_MESSAGE, .key = "overflow/b/1", .unsure = true};
    s_assert_order (&before, &asked);
}

static void
test_a_message_is_on_disk_as_being_sent_before_it_is_sent (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_AGENT);
    assert_true (self.message.id > 0);
    assert_int_equal (self.message_row.state, ROW_EFFECT_SENDING);
    row_effect_t written = self.message_row;
    step_destroy (&self.bench.step);
    //  The broker dies here.  A message that was being sent is sent again, marked.
    self.bench.step = step_new (&self.bench.settings, 44);
    assert_int_equal (step_load_effect (self.bench.step, &written), 0);
    step_loaded (self.bench.step, 100, 100, 100, self.bench.now);
    step_begin (self.bench.step, self.bench.now);
    (void) bench_schedule (&self.bench);
    const row_effect_t *repeated = &bench_last (&self.bench, STEP_OUT_EFFECT)->as.effect;
    assert_int_equal (repeated->id, written.id);
    assert_true (repeated->unsure);
    step_destroy (&self.bench.step);
}

static void
test_nothing_is_begun_while_draining_and_what_is_under_way_is_counted (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    s_incident (&self, VERDICT_AGENT);
    assert_int_equal (step_flights (self.bench.step),
                      2); //  the upload of the failed one, and the alert
    step_drain (self.bench.step);
    int64_t upload = self.upload;
    s_done (&self, self.message.id, STEP_EFFECT_RETRY);
    s_done (&self, upload, STEP_EFFECT_OK);
    s_turn (&self, 1000000);
    s_turn (&self, 1);
    assert_int_equal (step_flights (self.bench.step), 0);
    assert_int_equal (self.message.id, 0);
    step_destroy (&self.bench.step);
}

//  --- uploads that are queued twice

//  An incident whose agent failed; its upload is running.
static row_incident_t
s_failed (voice_t *self, row_effect_t *ret_upload)
{
    step_fence_t fence = s_assign (self);
    (void) bench_verdict (&self->bench, "w", &fence, VERDICT_AGENT);
    row_incident_t row = *bench_row (&self->bench, NULL);
    s_turn (self, 1000);
    *ret_upload = (row_effect_t){.id = self->upload, .channel = ROW_CHANNEL_STORAGE};
    ret_upload->incident = row.id;
    snprintf (ret_upload->key, sizeof ret_upload->key, "storage/%s", row.id.text);
    return row;
}

//  It ends again, within a turn.
static void
s_ends_again (voice_t *self, row_incident_t *row)
{
    const char *text = NULL;
    bench_t *bench = &self->bench;
    assert_int_equal (bench_command (bench, STEP_COMMAND_RETRY, row, NULL, "", &text), 0);
    assert_int_equal (bench_command (bench, STEP_COMMAND_CANCEL, row, NULL, "", &text), 0);
    *row = *bench_row (bench, NULL);
}

static void
test_an_upload_out_of_date_is_done_again_also_after_a_rollback (void **state)
{
    voice_t self = s_new (false, false);
    row_effect_t upload;
    row_incident_t row = s_failed (&self, &upload);
    assert_true (upload.id > 0);
    s_ends_again (&self, &row);
    s_turn (&self, 1000);
    step_reload (self.bench.step);
    assert_int_equal (step_load_incident (self.bench.step, &row), 0);
    assert_int_equal (step_load_effect (self.bench.step, &upload), 0);
    step_loaded (self.bench.step, 100, 100, 100, self.bench.now);
    step_begin (self.bench.step, self.bench.now);
    s_done (&self, upload.id, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.upload, upload.id);
    s_done (&self, upload.id, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.upload, 0);
    step_destroy (&self.bench.step);
}

static void
test_a_dead_upload_is_not_retried_beside_its_successor (void **state)
{
    voice_t self = s_new (false, false);
    const char *text = NULL;
    row_effect_t dead;
    row_incident_t row = s_failed (&self, &dead);
    s_done (&self, dead.id, STEP_EFFECT_PERMANENT);
    dead.state = ROW_EFFECT_DEAD;
    s_turn (&self, 1000);
    s_ends_again (&self, &row);
    int rc = bench_command (&self.bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead, "", &text);
    assert_int_equal (rc, ERR_STALE);
    s_turn (&self, 1000);
    assert_true (self.upload > dead.id);
    s_done (&self, self.upload, STEP_EFFECT_OK);
    s_turn (&self, 1000);
    assert_int_equal (self.upload, 0);
    step_destroy (&self.bench.step);
}

static void
test_an_overflow_is_announced_once_a_cluster_and_hour (void **state)
{
    voice_t self = s_new (false, true);
    self.bench.settings.cluster_queue_size = 1;
    bench_configure (&self.bench);
    for (int hour = 0; hour < 2; hour++) {
        for (int i = 0; i < 4; i++) {
            char key [16];
            snprintf (key, sizeof key, "%d-%d", hour, i);
            (void) bench_event (&self.bench, i % 2 ? "b" : "a", key, FAULT_WARNING);
            s_turn (&self, 1000);
        }
        assert_int_equal (s_asked (&self, "overflow/a/"), hour + 1);
        assert_int_equal (s_asked (&self, "overflow/b/"), hour + 1);
        s_turn (&self, LIMIT_OVERFLOW_MS);
    }
    assert_string_equal (self.alert.cluster, "b");
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.untold_total [STEP_UNTOLD_REPEATED], 2);
    step_destroy (&self.bench.step);
}

//  A source that invents clusters has a bounded number of messages.  So other sources' messages are
//  queued, and wait for few.
static void
test_a_source_that_invents_clusters_has_its_share_of_overflow_messages (void **state)
{
    enum { INVENTED = 40 };
    voice_t self = s_new (false, true);
    self.bench.settings.cluster_queue_size = 1;
    self.bench.settings.global_queue_size = 1000;
    bench_configure (&self.bench);
    for (int hour = 0; hour < 2; hour++) {
        self.asked [0] = '\0';
        for (int i = 0; i < 2 * INVENTED; i++) {
            char cluster [32], key [32];
            snprintf (cluster, sizeof cluster, "flood-%d", i / 2);
            snprintf (key, sizeof key, "%d-%d", hour, i);
            self.bench.source = "publisher:flood";
            (void) bench_event (&self.bench, cluster, key, FAULT_WARNING);
            s_turn (&self, 10);
        }
        assert_int_equal (s_asked (&self, "overflow/flood-"), LIMIT_OVERFLOW_SOURCE);
        for (int i = 0; i < 2; i++) {
            char key [32];
            snprintf (key, sizeof key, "quiet-%d-%d", hour, i);
            self.bench.source = "publisher:quiet";
            (void) bench_event (&self.bench, "prod", key, FAULT_WARNING);
            s_turn (&self, 10);
        }
        assert_int_equal (s_asked (&self, "overflow/prod/"), 1);
        s_turn (&self, LIMIT_OVERFLOW_MS);
    }
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_string_equal (stats.sources [0].name, "publisher:flood");
    assert_true (stats.sources [0].lost [STEP_LOSS_MESSAGE] > 0);
    assert_int_equal (stats.untold_total [STEP_UNTOLD_CROWDED],
                      stats.sources [0].lost [STEP_LOSS_MESSAGE]);
    assert_int_equal (stats.sources [1].lost [STEP_LOSS_MESSAGE], 0);
    step_destroy (&self.bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_threshold_opens_once_with_count_and_reasons),
        cmocka_unit_test (test_a_success_in_between_starts_the_count_anew),
        cmocka_unit_test (test_recovered_is_asked_for_before_the_incident_of_the_same_verdict),
        cmocka_unit_test (test_an_incident_counts_once_whatever_its_attempts),
        cmocka_unit_test (test_lost_deliveries_do_not_count_and_a_missing_host_does),
        cmocka_unit_test (test_without_notifications_it_opens_and_closes_in_silence),
        cmocka_unit_test (test_no_recovered_without_a_degraded_that_can_arrive),
        cmocka_unit_test (test_a_recovered_that_waits_ends_with_its_degraded),
        cmocka_unit_test (test_a_restart_does_not_forget_the_count),
        cmocka_unit_test (test_a_paused_breaker_holds_the_queue_and_lets_one_probe_through),
        cmocka_unit_test (test_each_probe_that_fails_doubles_the_wait),
        cmocka_unit_test (
            test_a_probe_that_fails_doubles_the_wait_once_however_often_its_turn_is_rolled_back),
        cmocka_unit_test (test_a_message_waits_for_its_upload_and_others_pass_it),
        cmocka_unit_test (test_a_message_that_is_tried_again_holds_the_others),
        cmocka_unit_test (test_a_message_waits_also_for_an_upload_that_is_asked_for_again),
        cmocka_unit_test (
            test_after_a_restart_what_held_its_channel_is_before_what_was_asked_for_again),
        cmocka_unit_test (test_after_a_restart_what_was_asked_for_again_has_its_old_place),
        cmocka_unit_test (test_a_message_is_on_disk_as_being_sent_before_it_is_sent),
        cmocka_unit_test (test_nothing_is_begun_while_draining_and_what_is_under_way_is_counted),
        cmocka_unit_test (test_an_upload_out_of_date_is_done_again_also_after_a_rollback),
        cmocka_unit_test (test_a_dead_upload_is_not_retried_beside_its_successor),
        cmocka_unit_test (test_an_overflow_is_announced_once_a_cluster_and_hour),
        cmocka_unit_test (test_a_source_that_invents_clusters_has_its_share_of_overflow_messages),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
