//  home - locks, identity, stepwise removal.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "worker/base/home.h"

#include <errno.h>
#include <sys/file.h>

static void
test_the_identity_stays_over_a_restart (void **state)
{
    scratch_t *folder = *state;
    home_t home, again;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    assert_true (ident_valid (home.id.text));
    home_close (&home);
    assert_int_equal (home_open (&again, folder->path, "w1", NULL), 0);
    assert_string_equal (again.id.text, home.id.text);
    home_close (&again);
}

static void
test_a_second_worker_of_the_name_is_refused (void **state)
{
    scratch_t *folder = *state;
    home_t home, second, other;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    assert_int_equal (home_open (&second, folder->path, "w1", NULL), -EBUSY);
    assert_int_equal (home_open (&other, folder->path, "w2", NULL), 0);
    home_close (&home);
    home_close (&second);
    home_close (&other);
}

static void
test_a_fifo_in_place_of_a_brokers_lock_is_not_waited_for (void **state)
{
    assert_int_equal (mkfifo (scratch_at (*state, ".broker.lock"), 0600), 0);
    home_t home;
    assert_int_equal (home_open (&home, ((scratch_t *) *state)->path, "w1", NULL), 0);
    home_close (&home);
}

static void
test_a_root_that_a_broker_holds_is_refused_and_a_free_one_is_not (void **state)
{
    scratch_t *folder = *state;
    scratch_file (folder, ".broker.lock", 0);
    int fd = open (scratch_at (folder, ".broker.lock"), O_RDWR);
    assert_int_equal (flock (fd, LOCK_EX | LOCK_NB), 0);
    home_t home;
    err_diag_t diag = {""};
    assert_int_equal (home_open (&home, folder->path, "w1", &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "held by a broker"));
    home_close (&home);
    close (fd);
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    home_close (&home);
}

static void
test_an_identity_that_cannot_be_read_is_not_replaced (void **state)
{
    scratch_t *folder = *state;
    home_t home;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    home_close (&home);
    scratch_file (folder, "w1/worker-id", 36); //  NULs
    err_diag_t diag = {""};
    assert_int_equal (home_open (&home, folder->path, "w1", &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "not a UUID"));
    home_close (&home);
    assert_int_equal (unlink (scratch_at (folder, "w1/worker-id")), 0);
    assert_int_equal (symlink ("elsewhere", scratch_at (folder, "w1/worker-id")), 0);
    assert_int_equal (home_open (&home, folder->path, "w1", &diag), ERR_CONFIG);
    home_close (&home);
}

typedef struct {
    home_t *home;
    int seen;
    ident_t incident;
    int64_t attempt;
} visit_t;

static void
s_visit (void *ctx, const char *path, const char *name)
{
    visit_t *visit = ctx;
    visit->seen++;
    if (!home_name_parse (name, &visit->incident, &visit->attempt))
        home_discard (visit->home, path);
}

static void
test_what_an_earlier_life_left_is_visited_and_may_be_discarded (void **state)
{
    static const char id [] = "0190163d-8694-739b-aea5-966c26f8ad91";
    scratch_t *folder = *state;
    home_t home;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    home_close (&home);
    char job [HOME_PATH];
    home_path (&home, "jobs", id, 12, job);
    assert_int_equal (mkdir (job, 0700), 0);
    scratch_dir (folder, "w1/jobs/odd");
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    visit_t visit = {.home = &home};
    home_each (&home, "jobs", &visit, s_visit);
    assert_int_equal (visit.seen, 2);
    assert_string_equal (visit.incident.text, id);
    assert_int_equal (visit.attempt, 12);
    assert_int_equal (access (job, F_OK), 0);
    assert_int_not_equal (access (scratch_at (folder, "w1/jobs/odd"), F_OK), 0);
    home_close (&home);
}

static void
test_only_names_of_attempts_are_parsed (void **state)
{
    static const char *const bad [] = {"",
                                       ".",
                                       "0190163d-8694-739b-aea5-966c26f8ad91",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.0",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.-1",
                                       "0190163d-8694-739b-aea5-966c26f8ad91. 1",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.1x",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.+1",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.01",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.2147483648",
                                       "0190163d-8694-739b-aea5-966c26f8ad91.99999999999999999999",
                                       "0190163d-8694-739b-aea5-966c26f8adzz.1"};
    ident_t incident;
    int64_t attempt = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        assert_false (home_name_parse (bad [i], &incident, &attempt));
}

static void
test_a_workspace_that_its_agent_closed_is_discarded_all_the_same (void **state)
{
    scratch_t *folder = *state;
    scratch_as_nobody (folder);
    home_t home;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    scratch_dir (folder, "w1/jobs/one");
    scratch_dir (folder, "w1/jobs/one/in");
    char job [128];
    snprintf (job, sizeof job, "%s/w1/jobs/one", folder->path);
    assert_int_equal (chmod (job, 0), 0);
    home_discard (&home, job);
    assert_int_equal (access (job, F_OK), -1);
    while (!home_sweep (&home, 10))
        ;
    assert_int_equal (rmdir (scratch_at (folder, "w1/trash")), 0);
    home_close (&home);
    scratch_as_before ();
}

//  In a container every run has the same process id.
static void
test_what_an_earlier_life_has_not_swept_keeps_nothing_from_the_trash (void **state)
{
    scratch_t *folder = *state;
    for (int life = 0; life < 2; life++) {
        home_t home;
        assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
        scratch_dir (folder, "w1/jobs/one");
        scratch_file (folder, "w1/jobs/one/file", 1);
        char job [128];
        snprintf (job, sizeof job, "%s/w1/jobs/one", folder->path);
        home_discard (&home, job);
        assert_int_not_equal (access (job, F_OK), 0);
        home_close (&home);
    }
}

static void
test_a_sweep_removes_no_more_than_it_may_and_all_in_the_end (void **state)
{
    scratch_t *folder = *state;
    home_t home;
    assert_int_equal (home_open (&home, folder->path, "w1", NULL), 0);
    scratch_dir (folder, "w1/jobs/one");
    for (int i = 0; i < 100; i++) {
        char name [64];
        snprintf (name, sizeof name, "w1/jobs/one/%d", i);
        scratch_file (folder, name, 1);
    }
    char job [128];
    snprintf (job, sizeof job, "%s/w1/jobs/one", folder->path);
    home_discard (&home, job);
    assert_int_not_equal (access (job, F_OK), 0);
    assert_false (home_sweep (&home, 10));
    int sweeps = 1;
    while (!home_sweep (&home, 10) && sweeps < 100)
        sweeps++;
    assert_in_range (sweeps, 10, 20);
    assert_int_equal (rmdir (scratch_at (folder, "w1/trash")), 0);
    home_close (&home);
}

static void
test_a_name_becomes_a_folder_only_when_it_is_harmless (void **state)
{
    char name [HOME_NAME];
    assert_int_equal (home_name ("rack-7.a_b", name, NULL), 0);
    assert_string_equal (name, "rack-7.a_b");
    assert_int_equal (home_name ("../x", name, NULL), ERR_CONFIG);
    assert_int_equal (home_name (".hidden", name, NULL), ERR_CONFIG);
    assert_int_equal (home_name ("a/b", name, NULL), ERR_CONFIG);
    assert_int_equal (home_name ("", name, NULL), 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_fifo_in_place_of_a_brokers_lock_is_not_waited_for,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_identity_stays_over_a_restart, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_second_worker_of_the_name_is_refused, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_a_root_that_a_broker_holds_is_refused_and_a_free_one_is_not, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (test_an_identity_that_cannot_be_read_is_not_replaced,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_what_an_earlier_life_left_is_visited_and_may_be_discarded, scratch_setup,
            scratch_teardown),
        cmocka_unit_test (test_only_names_of_attempts_are_parsed),
        cmocka_unit_test_setup_teardown (
            test_a_workspace_that_its_agent_closed_is_discarded_all_the_same, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_what_an_earlier_life_has_not_swept_keeps_nothing_from_the_trash, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_a_sweep_removes_no_more_than_it_may_and_all_in_the_end, scratch_setup,
            scratch_teardown),
        cmocka_unit_test (test_a_name_becomes_a_folder_only_when_it_is_harmless),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
