//  Messages: who hears of what and when, one lane for each receiver.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

//  "slack" is a bot, "team" a webhook.
static const route_rule_t s_rules [] = {
    {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = "slack", .goes_on = true},
    {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = "team"}};
static const route_receiver_t s_receivers [] = {{.name = "team"}};

static bench_t
s_bench (void)
{
    bench_t bench = bench_new ();
    bench.settings.slack = bench.settings.slack_shows = true;
    bench.settings.pace_ms = 1000;
    bench.settings.routing = (route_table_t){
        .rules = s_rules, .rule_count = 2, .receivers = s_receivers, .receiver_count = 1};
    bench_configure (&bench);
    return bench;
}

//  Schedule.  Returns the effect that this turn hands out for a lane; id 0 = none.
static row_effect_t
s_handed (bench_t *bench, const char *lane)
{
    size_t count;
    step_schedule (bench->step, bench->now);
    const step_out_t *outs = step_outputs (bench->step, &count);
    for (size_t i = 0; i < count; i++)
        if (outs [i].kind == STEP_OUT_EFFECT
            && strcmp (row_lane_name (&outs [i].as.effect), lane) == 0)
            return outs [i].as.effect;
    return (row_effect_t){.id = 0};
}

static step_in_t
s_done_in (const row_effect_t *effect, step_effect_result_t result)
{
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    assert_int_not_equal (effect->id, 0);
    done.as.effect.id = effect->id;
    done.as.effect.result = result;
    snprintf (done.as.effect.error, LIMIT_REASON_BYTES, "%s", result ? "refused" : "");
    return done;
}

//  Delivery has ended an effect, in a turn of its own that is later by ms.
static void
s_done (bench_t *bench, const row_effect_t *effect, step_effect_result_t result, int64_t ms)
{
    const step_in_t done = s_done_in (effect, result);
    bench_later (bench, ms);
    bench_step (bench, &done);
}

//  The row of the effect with this key as this turn wrote it; NULL = it did not.
static const row_effect_t *
s_written (const bench_t *bench, const char *key)
{
    size_t count;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count--)
        if (writes [count].kind == STEP_WRITE_EFFECT
            && strcmp (writes [count].as.effect.key, key) == 0)
            return &writes [count].as.effect;
    return NULL;
}

//  Did this turn write that no "recovered" will be asked for?
static bool
s_silenced (const bench_t *bench)
{
    size_t count;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count--)
        if (writes [count].kind == STEP_WRITE_BREAKER)
            return !writes [count].as.breaker.announced;
    return false;
}

static const char *
s_key (const char *format, const ident_t *incident)
{
    static char key [ROW_ALERT];
    snprintf (key, sizeof key, "%s/%s%s", format [0] == 's' ? "storage" : "incident",
              incident->text, format [0] == 't' ? "@team" : "");
    return key;
}

//  A reported incident whose first message the bot has sent.
static ident_t
s_reported (bench_t *bench)
{
    const step_fence_t fence = bench_running (bench);
    const row_effect_t first = s_handed (bench, "slack");
    s_done (bench, &first, STEP_EFFECT_OK, 2000);
    bench_later (bench, 1000);
    assert_int_equal (bench_verdict (bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    return fence.incident;
}

static void
test_a_bot_hears_of_each_state_and_a_webhook_of_the_report (void **state)
{
    bench_t bench = s_bench ();
    const step_fence_t fence = bench_running (&bench);
    assert_null (s_written (&bench, s_key ("team", &fence.incident)));
    const row_effect_t started = s_handed (&bench, "slack");
    assert_string_equal (started.key, s_key ("incident", &fence.incident));
    assert_string_equal (started.receiver, "slack");
    assert_int_equal (started.state, ROW_EFFECT_SENDING);
    s_done (&bench, &started, STEP_EFFECT_OK, 1000);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    const row_effect_t upload = s_handed (&bench, "storage");
    assert_int_equal (s_handed (&bench, "slack").id, 0); //  they wait for it
    assert_int_equal (s_handed (&bench, "team").id, 0);
    s_done (&bench, &upload, STEP_EFFECT_OK, 5000);
    const row_effect_t shown = s_handed (&bench, "slack"), told = s_handed (&bench, "team");
    assert_true (shown.id > started.id && told.id > shown.id);
    assert_string_equal (told.key, s_key ("team", &fence.incident));
    s_done (&bench, &shown, STEP_EFFECT_OK, 1);
    s_done (&bench, &told, STEP_EFFECT_OK, 1);
    bench_later (&bench, 600000);
    assert_int_equal (s_handed (&bench, "slack").id + s_handed (&bench, "team").id, 0);
    step_destroy (&bench.step);
}

static void
test_an_end_without_a_report_is_told_to_those_who_want_it (void **state)
{
    static const route_receiver_t ends [] = {{.name = "team", .ends = true}};
    for (int wants = 0; wants < 2; wants++) {
        bench_t bench = s_bench ();
        bench.settings.routing.receivers = wants ? ends : s_receivers;
        bench_configure (&bench);
        const step_fence_t fence = bench_running (&bench);
        (void) bench_verdict (&bench, "w", &fence, VERDICT_AGENT);
        assert_non_null (s_written (&bench, s_key ("incident", &fence.incident)));
        assert_int_equal (s_written (&bench, s_key ("team", &fence.incident)) != NULL, wants);
        step_destroy (&bench.step);
    }
}

static void
test_a_suppressed_incident_is_told_to_nobody (void **state)
{
    bench_t bench = s_bench ();
    bench.settings.cluster_queue_size = 1;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    const ident_t second = bench_event (&bench, "a", "2", FAULT_WARNING);
    const ident_t again = bench_event (&bench, "a", "2", FAULT_WARNING);
    assert_string_equal (second.text, again.text);
    assert_int_equal (bench_row (&bench, second.text)->state, INCIDENT_PENDING);
    size_t count;
    const step_write_t *writes = step_writes (bench.step, &count);
    for (size_t i = 0; i < count; i++)
        assert_true (writes [i].kind != STEP_WRITE_EFFECT
                     || strncmp (writes [i].as.effect.key, "overflow/", 9) == 0);
    step_destroy (&bench.step);
}

static void
test_a_bot_waits_for_one_try_of_the_upload_and_a_webhook_for_a_minute (void **state)
{
    bench_t bench = s_bench ();
    const ident_t incident = s_reported (&bench);
    row_effect_t upload = s_handed (&bench, "storage");
    s_done (&bench, &upload, STEP_EFFECT_RETRY, 1000);
    const row_effect_t shown = s_handed (&bench, "slack");
    assert_string_equal (shown.key, s_key ("incident", &incident));
    assert_int_equal (s_handed (&bench, "team").id, 0);
    s_done (&bench, &shown, STEP_EFFECT_OK, 100);
    int64_t waited = 1100;
    row_effect_t told = {.id = 0};
    while (!told.id && waited <= LIMIT_MESSAGE_WAIT_MS) {
        assert_true (step_wake (bench.step) > bench.now.boot_ms);
        const int64_t wait = step_wake (bench.step) - bench.now.boot_ms;
        bench_later (&bench, wait);
        waited += wait;
        told = s_handed (&bench, "team");
        upload = s_handed (&bench, "storage");
        if (upload.id)
            s_done (&bench, &upload, STEP_EFFECT_RETRY, 0);
        (void) s_handed (&bench, "storage");
    }
    assert_int_equal (waited, LIMIT_MESSAGE_WAIT_MS);
    s_done (&bench, &told, STEP_EFFECT_OK, 100);
    do {
        bench_later (&bench, 1000);
        upload = s_handed (&bench, "storage");
    } while (!upload.id);
    assert_int_equal (s_handed (&bench, "slack").id, 0);
    s_done (&bench, &upload, STEP_EFFECT_OK, 1000); //  now the bot's message gets its link
    const row_effect_t linked = s_handed (&bench, "slack");
    assert_string_equal (linked.key, shown.key);
    assert_int_equal (s_handed (&bench, "team").id, 0);
    step_destroy (&bench.step);
}

static void
test_an_upload_that_was_not_in_memory_is_shown_too (void **state)
{
    bench_t bench = s_bench ();
    const row_effect_t row = {
        .id = 9, .channel = ROW_CHANNEL_STORAGE, .key = "storage/old", .incident.text = "old"};
    step_reload (bench.step);
    assert_int_equal (step_load_effect (bench.step, &row), 0);
    step_loaded (bench.step, 1, 9, 0, bench.now);
    step_begin (bench.step, bench.now);
    const row_effect_t upload = s_handed (&bench, "storage");
    assert_string_equal (step_unknown (bench.step, upload.id), "old");
    assert_null (step_unknown (bench.step, upload.id + 1));
    const row_incident_t old = {.id.text = "old", .state = INCIDENT_REPORTED};
    step_in_t done = s_done_in (&upload, STEP_EFFECT_OK);
    done.as.effect.incident = &old;
    bench_later (&bench, 1);
    bench_step (&bench, &done);
    assert_string_equal (s_handed (&bench, "slack").key, "incident/old");
    step_destroy (&bench.step);
}

static void
test_a_change_while_a_message_is_sent_is_shown_afterwards (void **state)
{
    static const struct {
        step_effect_result_t result;
        bool unsure;
        int64_t tries;
    } cases [] = {{STEP_EFFECT_OK, false, 0},
                  {STEP_EFFECT_PERMANENT, false, 0},
                  {STEP_EFFECT_RETRY, false, 1},
                  {STEP_EFFECT_UNSURE, true, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        bench_t bench = s_bench ();
        const step_fence_t fence = bench_running (&bench);
        const row_effect_t started = s_handed (&bench, "slack");
        bench_later (&bench, 1);
        (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
        const row_effect_t upload = s_handed (&bench, "storage");
        s_done (&bench, &upload, STEP_EFFECT_OK, 1);
        s_done (&bench, &started, cases [i].result, 1);
        const row_effect_t *row = s_written (&bench, started.key);
        assert_int_equal (row->state, ROW_EFFECT_READY);
        assert_int_equal (row->unsure, cases [i].unsure);
        assert_int_equal (row->tries, cases [i].tries);
        bench_later (&bench, LIMIT_EFFECT_RETRY_MAX_MS);
        assert_int_equal (s_handed (&bench, "slack").id, started.id);
        step_destroy (&bench.step);
    }
}

//  Send what the bot still has to send.  Returns how many.
static int
s_drain (bench_t *bench, int64_t within_ms)
{
    int count = 0;
    for (int64_t ms = 0; ms <= within_ms; ms += 1000) {
        const row_effect_t effect = s_handed (bench, "slack");
        if (effect.id) {
            s_done (bench, &effect, STEP_EFFECT_OK, 0);
            count++;
        }
        bench_later (bench, 1000);
    }
    return count;
}

static void
test_an_incident_that_keeps_coming_is_shown_once_a_minute_after_the_others (void **state)
{
    bench_t bench = s_bench ();
    const ident_t incident = s_reported (&bench);
    row_effect_t effect = s_handed (&bench, "storage");
    s_done (&bench, &effect, STEP_EFFECT_OK, 1);
    assert_int_equal (s_drain (&bench, 5000), 1);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING); //  it came again
    effect = s_handed (&bench, "slack");
    assert_string_equal (effect.key, s_key ("incident", &incident));
    s_done (&bench, &effect, STEP_EFFECT_OK, 1000);
    for (int i = 0; i < 20; i++) {
        (void) bench_event (&bench, "a", "1", FAULT_WARNING);
        bench_later (&bench, 1000);
        assert_int_equal (s_handed (&bench, "slack").id, 0);
    }
    //  When it is due, a new incident's message goes first.
    bench_later (&bench, LIMIT_MESSAGE_RECURRED_MS);
    (void) bench_event (&bench, "a", "2", FAULT_WARNING);
    bench_credit (&bench, "w", 2, 1);
    const step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    effect = s_handed (&bench, "slack"); //  nothing else was there
    assert_string_equal (effect.key, s_key ("incident", &incident));
    s_done (&bench, &effect, STEP_EFFECT_RETRY, 1);
    bench_later (&bench, 1);
    bench_say (&bench, "w", STEP_IN_ACCEPT, &fence);
    bench_say (&bench, "w", STEP_IN_STARTED, &fence);
    assert_int_equal (s_drain (&bench, 60000), 2);
    step_destroy (&bench.step);
}

//  How many times until the first message with a report were counted?
static int64_t
s_noticed (const bench_t *bench)
{
    step_stats_t stats;
    int64_t count = 0;
    step_stats (bench->step, bench->now, &stats);
    for (int i = 0; i <= STEP_BOUNDS; i++)
        count += stats.notice_time.buckets [i];
    return count;
}

static void
test_after_a_start_a_repeat_is_not_the_first_message_of_a_report (void **state)
{
    for (int waits = 0; waits < 2; waits++) {
        bench_t bench = s_bench ();
        const ident_t incident = s_reported (&bench);
        const row_incident_t kept = *bench_row (&bench, incident.text);
        row_effect_t row = *s_written (&bench, s_key ("incident", &incident));
        row.state = waits ? ROW_EFFECT_READY : ROW_EFFECT_DONE;
        step_destroy (&bench.step);
        bench.step = step_new (&bench.settings, 7);
        assert_int_equal (step_load_incident (bench.step, &kept), 0);
        assert_int_equal (step_load_effect (bench.step, &row), 0);
        step_loaded (bench.step, 1, row.id, 100, bench.now);
        bench_later (&bench, 1000);
        (void) bench_event (&bench, "a", "1", FAULT_WARNING);
        const row_effect_t shown = s_handed (&bench, "slack");
        s_done (&bench, &shown, STEP_EFFECT_OK, 1);
        assert_int_equal (s_noticed (&bench), waits);
        step_destroy (&bench.step);
    }
}

//  The rows were written before the clock was set back.
static void
test_after_a_start_alerts_keep_their_order_whatever_the_clock (void **state)
{
    bench_t bench = s_bench ();
    for (int back_s = 30; back_s <= 120; back_s += 30) {
        row_effect_t degraded = {.id = 5, .channel = ROW_CHANNEL_MESSAGE, .key = "degraded/1"};
        row_effect_t recovered = {.id = 6, .channel = ROW_CHANNEL_MESSAGE, .key = "recovered/1"};
        degraded.next_ms = bench.now.wall_ms + back_s * 1000;
        recovered.next_ms = degraded.next_ms + 45000;
        strcpy (degraded.receiver, row_default_receiver);
        strcpy (recovered.receiver, row_default_receiver);
        step_destroy (&bench.step);
        bench.step = step_new (&bench.settings, 7);
        assert_int_equal (step_load_effect (bench.step, &degraded), 0);
        assert_int_equal (step_load_effect (bench.step, &recovered), 0);
        step_loaded (bench.step, 0, 6, 0, bench.now);
        bench_later (&bench, 1);
        assert_int_equal (s_handed (&bench, "slack").id, 5);
    }
    step_destroy (&bench.step);
}

//  Only one that was never posted takes its recovered with it.
static void
test_a_degraded_whose_edit_is_refused_has_its_recovered (void **state)
{
    bench_t bench = s_bench ();
    for (int posted = 0; posted < 2; posted++) {
        row_effect_t degraded = {.id = 5, .channel = ROW_CHANNEL_MESSAGE, .key = "degraded/1"};
        row_effect_t recovered = {.id = 6, .channel = ROW_CHANNEL_MESSAGE, .key = "recovered/1"};
        const row_breaker_t open = {.id = 1, .open = true, .openings = 1, .announced = true};
        strcpy (degraded.receiver, row_default_receiver);
        strcpy (recovered.receiver, row_default_receiver);
        step_destroy (&bench.step);
        bench.step = step_new (&bench.settings, 7);
        assert_int_equal (step_load_breaker (bench.step, &open), 0);
        assert_int_equal (step_load_effect (bench.step, &degraded), 0);
        assert_int_equal (step_load_effect (bench.step, &recovered), 0);
        step_loaded (bench.step, 0, 6, 0, bench.now);
        bench_later (&bench, 1);
        const row_effect_t edit = s_handed (&bench, "slack");
        step_in_t done = s_done_in (&edit, STEP_EFFECT_PERMANENT);
        snprintf (done.as.effect.message.ts, ROW_NAME, "%s", posted ? "1.2" : "");
        bench_later (&bench, 1);
        bench_step (&bench, &done);
        assert_int_equal (s_silenced (&bench), !posted);
        bench_later (&bench, bench.settings.pace_ms);
        assert_int_equal (s_handed (&bench, "slack").id, posted ? 6 : 0);
    }
    step_destroy (&bench.step);
}

static void
test_a_repeat_does_not_delay_the_message_of_another_incident (void **state)
{
    bench_t bench = s_bench ();
    (void) s_reported (&bench);
    row_effect_t effect = s_handed (&bench, "storage");
    s_done (&bench, &effect, STEP_EFFECT_OK, 1);
    (void) s_drain (&bench, 5000);
    (void) bench_event (&bench, "a", "2", FAULT_WARNING);
    bench_credit (&bench, "w", 2, 1);
    const step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    (void) bench_event (&bench, "a", "1", FAULT_WARNING); //  the effect of the repeat is older
    bench_say (&bench, "w", STEP_IN_ACCEPT, &fence);
    bench_say (&bench, "w", STEP_IN_STARTED, &fence);
    effect = s_handed (&bench, "slack");
    assert_string_equal (effect.key, s_key ("incident", &fence.incident));
    s_done (&bench, &effect, STEP_EFFECT_OK, 1);
    assert_int_equal (s_drain (&bench, 5000), 1);
    step_destroy (&bench.step);
}

static void
test_messages_of_a_receiver_are_paced_and_stop_when_it_asks (void **state)
{
    bench_t bench = s_bench ();
    bench.settings.slack_shows = false;
    bench_configure (&bench);
    bench_join (&bench, "w", 8);
    for (int i = 0; i < 3; i++) {
        char key [16];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_WARNING);
        bench_credit (&bench, "w", i + 2, 1);
        const step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
        (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    }
    row_effect_t upload = s_handed (&bench, "storage"), first = {.id = 0};
    for (int i = 0; i < 3; i++) {
        s_done (&bench, &upload, STEP_EFFECT_OK, 0);
        upload = s_handed (&bench, "storage");
        first = i == 0 ? s_handed (&bench, "slack") : first;
    }
    s_done (&bench, &first, STEP_EFFECT_OK, 10);
    row_effect_t team = s_handed (&bench, "team"); //  has its own pace
    assert_int_equal (team.id, 0);                 //  it was handed out with the first one
    bench_later (&bench, 998);
    assert_int_equal (s_handed (&bench, "slack").id, 0);
    assert_int_equal (step_wake (bench.step), bench.now.boot_ms + 2);
    bench_later (&bench, 2);
    row_effect_t second = s_handed (&bench, "slack");
    step_in_t limited = s_done_in (&second, STEP_EFFECT_RETRY);
    limited.as.effect.retry_after_ms = 30000;
    bench_later (&bench, 10);
    bench_step (&bench, &limited);
    bench_later (&bench, 29999);
    assert_int_equal (s_handed (&bench, "slack").id, 0);
    bench_later (&bench, LIMIT_EFFECT_RETRY_MIN_MS);
    assert_int_equal (s_handed (&bench, "slack").id, second.id);
    step_destroy (&bench.step);
}

static void
test_a_receiver_that_is_down_holds_up_no_other (void **state)
{
    bench_t bench = s_bench ();
    (void) s_reported (&bench);
    const row_effect_t upload = s_handed (&bench, "storage");
    s_done (&bench, &upload, STEP_EFFECT_OK, 1);
    const row_effect_t shown = s_handed (&bench, "slack"), told = s_handed (&bench, "team");
    step_in_t done = s_done_in (&told, STEP_EFFECT_RETRY);
    done.as.effect.unreached = true;
    bench_later (&bench, 1);
    bench_step (&bench, &done);
    s_done (&bench, &shown, STEP_EFFECT_OK, 1);
    step_lane_t lanes [8];
    bench_later (&bench, 5000);
    (void) s_handed (&bench, "team");
    assert_int_equal (step_lanes (bench.step, bench.now, lanes, 8), 3);
    assert_string_equal (lanes [0].name, "team"); //  the blocked one first
    assert_in_range (lanes [0].blocked_ms, 5000, 5010);
    assert_string_equal (lanes [0].key, told.key);
    assert_string_equal (lanes [0].error, "refused");
    assert_int_equal (lanes [1].blocked_ms + lanes [2].blocked_ms, 0);
    assert_true (lanes [1].ok_ms > 0 && lanes [2].ok_ms > 0 && !lanes [0].ok_ms);
    step_destroy (&bench.step);
}

static void
test_rows_of_delivery_are_kept_whatever_the_result (void **state)
{
    for (int result = 0; result < STEP_EFFECT_RESULTS; result++) {
        bench_t bench = s_bench ();
        (void) bench_running (&bench);
        const row_effect_t started = s_handed (&bench, "slack");
        step_in_t done = s_done_in (&started, (step_effect_result_t) result);
        snprintf (done.as.effect.message.key, ROW_ALERT, "%s", started.key);
        snprintf (done.as.effect.message.ts, ROW_NAME, "1.2");
        done.as.effect.folder.incident = started.incident;
        bench_later (&bench, 1);
        bench_step (&bench, &done);
        bench_step (&bench, &done); //  a second report writes nothing
        size_t count;
        int messages = 0, folders = 0;
        const step_write_t *writes = step_writes (bench.step, &count);
        for (size_t i = 0; i < count; i++) {
            messages += writes [i].kind == STEP_WRITE_MESSAGE
                        && strcmp (writes [i].as.message.ts, "1.2") == 0;
            folders += writes [i].kind == STEP_WRITE_FOLDER;
        }
        assert_int_equal (messages, 1);
        assert_int_equal (folders, 1);
        step_destroy (&bench.step);
    }
}

static void
test_uploads_resume_at_once_when_the_storage_is_reached_again (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 8);
    for (int i = 0; i < 5; i++) {
        char key [16];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_WARNING);
        bench_credit (&bench, "w", i + 2, 1);
        const step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
        (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    }
    row_effect_t upload = s_handed (&bench, "storage");
    for (int i = 0; i < 40; i++) { //  nobody answers, for long
        step_in_t done = s_done_in (&upload, STEP_EFFECT_RETRY);
        done.as.effect.unreached = true;
        bench_later (&bench, 1);
        bench_step (&bench, &done);
        upload = s_handed (&bench, "storage");
        while (!upload.id) {
            bench_later (&bench, step_wake (bench.step) - bench.now.boot_ms);
            upload = s_handed (&bench, "storage");
        }
    }
    for (int i = 0; i < 4; i++) { //  the first one that succeeds frees the others
        s_done (&bench, &upload, STEP_EFFECT_OK, 1);
        upload = s_handed (&bench, "storage");
        assert_int_not_equal (upload.id, 0);
    }
    step_destroy (&bench.step);
}

static void
test_a_removal_goes_on_while_the_disk_is_full_and_forgets_the_incident (void **state)
{
    bench_t bench = s_bench ();
    const ident_t incident = s_reported (&bench);
    row_effect_t row = {.id = 90, .channel = ROW_CHANNEL_RETIRE, .incident = incident};
    snprintf (row.key, sizeof row.key, "retire/%s", incident.text);
    const row_incident_t kept = *bench_row (&bench, incident.text);
    step_reload (bench.step);
    assert_int_equal (step_load_incident (bench.step, &kept), 0);
    assert_int_equal (step_load_effect (bench.step, &row), 0);
    step_loaded (bench.step, 1, 90, 100, bench.now);
    step_begin (bench.step, bench.now);
    step_hold (bench.step, true);
    const row_effect_t removal = s_handed (&bench, "retention");
    assert_string_equal (removal.key, row.key);
    s_done (&bench, &removal, STEP_EFFECT_OK, 1);
    size_t count;
    const step_write_t *writes = step_writes (bench.step, &count);
    assert_int_equal (writes [count - 1].kind, STEP_WRITE_RETIRE); //  after its effect
    assert_string_equal (writes [count - 1].as.retire.text, incident.text);
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_REPORTED], 0);
    step_destroy (&bench.step);
}

static void
test_a_lane_of_no_receiver_vanishes_when_it_is_empty (void **state)
{
    bench_t bench = s_bench ();
    (void) s_reported (&bench);
    row_effect_t effect = s_handed (&bench, "storage");
    s_done (&bench, &effect, STEP_EFFECT_OK, 1);
    effect = s_handed (&bench, "team");
    bench.settings.routing = (route_table_t){.rule_count = 0};
    bench_configure (&bench);
    step_lane_t lanes [8];
    bench_later (&bench, 1);
    assert_int_equal (step_lanes (bench.step, bench.now, lanes, 8), 3);
    s_done (&bench, &effect, STEP_EFFECT_PERMANENT, 1);
    bench_later (&bench, 1);
    assert_int_equal (step_lanes (bench.step, bench.now, lanes, 8), 2);
    assert_int_equal (step_lanes (bench.step, bench.now, lanes, 1), 2);
    step_destroy (&bench.step);
}

static int
s_retry (bench_t *bench, const char *channel, const row_effect_t *dead, size_t count,
         char ret_text [128])
{
    step_in_t in = bench_from ("-", STEP_IN_COMMAND);
    in.as.command.command = STEP_COMMAND_CHANNEL_RETRY;
    snprintf (in.as.command.channel, ROW_NAME, "%s", channel);
    in.as.command.dead = dead;
    in.as.command.dead_count = count;
    bench_step (bench, &in);
    const step_out_t *out = bench_last (bench, STEP_OUT_COMMAND_REPLY);
    snprintf (ret_text, 128, "%s", out->as.reply.text);
    return out->as.reply.rc;
}

static void
test_a_channel_is_retried_its_dead_and_what_waits (void **state)
{
    bench_t bench = s_bench ();
    char text [128];
    (void) s_reported (&bench);
    row_effect_t effect = s_handed (&bench, "storage");
    s_done (&bench, &effect, STEP_EFFECT_OK, 1);
    effect = s_handed (&bench, "slack");
    step_in_t limited = s_done_in (&effect, STEP_EFFECT_RETRY);
    limited.as.effect.retry_after_ms = 500000;
    bench_later (&bench, 1);
    bench_step (&bench, &limited);
    assert_int_equal (s_handed (&bench, "slack").id, 0);
    const row_effect_t dead [] = {{.id = 1,
                                   .channel = ROW_CHANNEL_MESSAGE,
                                   .receiver = "slack",
                                   .key = "incident/old",
                                   .state = ROW_EFFECT_DEAD,
                                   .tries = 20},
                                  {.id = 2, .key = "storage/old", .state = ROW_EFFECT_DONE}};
    bench_later (&bench, 1);
    assert_int_equal (s_retry (&bench, "slack", dead, 2, text), 0);
    assert_string_equal (text, "1 dead due again, 1 waiting tried now");
    assert_int_equal (s_written (&bench, "incident/old")->tries, 0);
    assert_int_equal (s_handed (&bench, "slack").id, effect.id); //  the head, at once
    assert_int_equal (s_retry (&bench, "nobody", NULL, 0, text), ERR_NONE);
    assert_string_equal (text, "no such channel");
    assert_int_equal (s_retry (&bench, "retention", NULL, 0, text), 0);
    assert_string_equal (text, "0 dead due again, 0 waiting tried now");
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_bot_hears_of_each_state_and_a_webhook_of_the_report),
        cmocka_unit_test (test_an_end_without_a_report_is_told_to_those_who_want_it),
        cmocka_unit_test (test_a_suppressed_incident_is_told_to_nobody),
        cmocka_unit_test (test_a_bot_waits_for_one_try_of_the_upload_and_a_webhook_for_a_minute),
        cmocka_unit_test (test_an_upload_that_was_not_in_memory_is_shown_too),
        cmocka_unit_test (test_a_change_while_a_message_is_sent_is_shown_afterwards),
        cmocka_unit_test (
            test_an_incident_that_keeps_coming_is_shown_once_a_minute_after_the_others),
        cmocka_unit_test (test_after_a_start_a_repeat_is_not_the_first_message_of_a_report),
        cmocka_unit_test (test_after_a_start_alerts_keep_their_order_whatever_the_clock),
        cmocka_unit_test (test_a_degraded_whose_edit_is_refused_has_its_recovered),
        cmocka_unit_test (test_a_repeat_does_not_delay_the_message_of_another_incident),
        cmocka_unit_test (test_messages_of_a_receiver_are_paced_and_stop_when_it_asks),
        cmocka_unit_test (test_a_receiver_that_is_down_holds_up_no_other),
        cmocka_unit_test (test_rows_of_delivery_are_kept_whatever_the_result),
        cmocka_unit_test (test_uploads_resume_at_once_when_the_storage_is_reached_again),
        cmocka_unit_test (test_a_removal_goes_on_while_the_disk_is_full_and_forgets_the_incident),
        cmocka_unit_test (test_a_lane_of_no_receiver_vanishes_when_it_is_empty),
        cmocka_unit_test (test_a_channel_is_retried_its_dead_and_what_waits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
