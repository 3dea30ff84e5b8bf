//  The loop between its turns; turns, tidying and the other threads are stand-ins.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/loop/turn.h"
#include "common/base/own.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_BOOT_MS = 1000000, S_TURN_MS = 1000, S_TURNS = 20, S_TIDIES = 4 };

static struct {
    size_t inputs; //  inputs of each turn
    int turns;
    int tidied [S_TIDIES]; //  the turns after which it tidied
    int tidies;
} s_seen;

//  A turn that takes a second.
size_t
__wrap_turn_run (loop_t *self);
size_t
__wrap_turn_run (loop_t *self)
{
    clk_advance (self->args.clk, S_TURN_MS, S_TURN_MS);
    if (++s_seen.turns == S_TURNS)
        self->exit_code = 0;
    return s_seen.inputs;
}

//  The second call reports more to do; the last one ends the loop.
int
__wrap_store_tidy (store_t *self, int64_t now_wall_ms);
int
__wrap_store_tidy (store_t *self, int64_t now_wall_ms)
{
    s_seen.tidied [s_seen.tidies++] = s_seen.turns;
    return s_seen.tidies == S_TIDIES ? ERR_STORE : s_seen.tidies == 2;
}

void
__wrap_artifact_stats (const artifact_t *self, artifact_stats_t *ret_stats);
void
__wrap_artifact_stats (const artifact_t *self, artifact_stats_t *ret_stats)
{
    *ret_stats = (artifact_stats_t){0};
}

artifact_trouble_t
__wrap_artifact_trouble (artifact_t *self, int64_t boot_ms);
artifact_trouble_t
__wrap_artifact_trouble (artifact_t *self, int64_t boot_ms)
{
    return ARTIFACT_FINE;
}

void
__wrap_delivery_stats (const delivery_t *self, delivery_stats_t *ret_stats);
void
__wrap_delivery_stats (const delivery_t *self, delivery_stats_t *ret_stats)
{
    *ret_stats = (delivery_stats_t){0};
}

size_t
__wrap_intake_sources (intake_t *self, intake_source_t *ret_sources, size_t max);
size_t
__wrap_intake_sources (intake_t *self, intake_source_t *ret_sources, size_t max)
{
    return 0;
}

static conf_t *
s_conf (void)
{
    char *argv [] = {(char []){"triage-broker"}, (char []){"--work-endpoint=tcp://127.0.0.1:0"},
                     (char []){"--ingest-endpoint=tcp://127.0.0.1:0"},
                     (char []){"--stream-endpoint=tcp://127.0.0.1:0"}, NULL};
    conf_t *conf = NULL;
    assert_int_equal (conf_load (&settings_spec, 4, argv, argv + 4, &conf), 0);
    return conf;
}

static int
s_remove (const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    return remove (path);
}

//  Run a loop whose turns have this many inputs; s_seen records it.
static void
s_run (size_t inputs)
{
    char dir [] = "/tmp/test_loop.XXXXXX", path [64];
    assert_non_null (mkdtemp (dir));
    snprintf (path, sizeof path, "%s/broker.db", dir);
    own (conf_destroy) conf_t *conf = s_conf ();
    static const curve_keys_t keys = {0};
    err_diag_t diag = {{0}};
    loop_args_t args = {.conf = conf,
                        .keys = &keys,
                        .clk = clk_new_manual (S_BOOT_MS, 1),
                        .inbox = mailbox_new (4, mail_item_destroy),
                        .snapshot = snapshot_new (),
                        .signal_fd = -1};
    assert_int_equal (store_open (path, &args.store, &diag), 0);
    loop_t *loop = loop_new (&args, &diag);
    if (!loop)
        fail_msg ("%s", diag.text);
    static char nobody [3]; //  threads that nobody examines
    const loop_threads_t threads = {.artifact = (void *) &nobody [0],
                                    .delivery = (void *) &nobody [1],
                                    .intake = (void *) &nobody [2]};
    memset (&s_seen, 0, sizeof s_seen);
    s_seen.inputs = inputs;
    assert_int_equal (loop_run (loop, &threads), EXIT_STORE);
    loop_destroy (&loop);
    store_destroy (&args.store);
    mailbox_destroy (&args.inbox);
    snapshot_destroy (&args.snapshot);
    clk_destroy (&args.clk);
    nftw (dir, s_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void
test_without_input_each_turn_tidies_when_it_is_due (void **state)
{
    s_run (0);
    static const int expected [S_TIDIES] = {1, 2, 3, 4};
    assert_memory_equal (s_seen.tidied, expected, sizeof expected);
}

static void
test_a_loop_that_never_rests_tidies_when_it_is_late_until_nothing_is_left (void **state)
{
    s_run (1);
    static const int expected [S_TIDIES] = {1, 4, 5, 8};
    assert_memory_equal (s_seen.tidied, expected, sizeof expected);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_without_input_each_turn_tidies_when_it_is_due),
        cmocka_unit_test (
            test_a_loop_that_never_rests_tidies_when_it_is_late_until_nothing_is_left),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
