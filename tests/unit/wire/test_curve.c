//  test_curve - key files, roles, and which endpoints may go without keys.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/curve.h"

#include "common/base/own.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct {
    char root [64], keys [80], worker [80];
} fixture_t;

static int
setup (void **state)
{
    static fixture_t self;
    snprintf (self.root, sizeof self.root, "/tmp/test_curve.XXXXXX");
    if (!mkdtemp (self.root))
        return -1;
    snprintf (self.keys, sizeof self.keys, "%s/keys", self.root);
    snprintf (self.worker, sizeof self.worker, "%s/w1", self.root);
    *state = &self;
    return curve_key_new (self.keys, CURVE_ROLE_WORKER, "w1", self.worker, NULL);
}

static void
s_remove (const char *root, const char *name)
{
    char path [256];
    snprintf (path, sizeof path, "%s/%s", root, name);
    remove (path);
}

static int
teardown (void **state)
{
    static const char *const names [] = {"keys/clients/worker-w1.key",
                                         "keys/clients",
                                         "keys/broker.key",
                                         "keys/broker.key_secret",
                                         "keys",
                                         "w1/worker.key",
                                         "w1/worker.key_secret",
                                         "w1/broker.key",
                                         "w1",
                                         ""};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++)
        s_remove (((fixture_t *) *state)->root, names [i]);
    return 0;
}

static void
test_a_new_key_loads_on_both_sides (void **state)
{
    fixture_t *self = *state;
    curve_keys_t broker, worker;
    assert_int_equal (curve_load_broker (self->keys, &broker, NULL), 0);
    assert_int_equal (curve_load_peer (self->worker, CURVE_ROLE_WORKER, &worker, NULL), 0);
    assert_true (broker.enabled && worker.enabled);
    assert_string_equal (worker.server_key, broker.public_key);
    assert_string_not_equal (worker.public_key, broker.public_key);
    curve_wipe (&broker);
    assert_int_equal (strlen (broker.secret_key), 0);
}

static void
test_a_missing_folder_means_no_keys (void **state)
{
    curve_keys_t keys;
    assert_int_equal (curve_load_broker ("/nonexistent/keys", &keys, NULL), 0);
    assert_false (keys.enabled);
}

static void
test_a_secret_that_others_may_read_is_refused (void **state)
{
    fixture_t *self = *state;
    char path [128];
    snprintf (path, sizeof path, "%s/broker.key_secret", self->keys);
    struct stat status;
    assert_int_equal (stat (path, &status), 0);
    assert_int_equal (status.st_mode & 0777, 0600);
    assert_int_equal (chmod (path, 0640), 0);
    curve_keys_t keys;
    err_diag_t diag = {0};
    assert_int_equal (curve_load_broker (self->keys, &keys, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "chmod 600"));
}

static void
test_a_name_is_enrolled_once (void **state)
{
    fixture_t *self = *state;
    assert_int_equal (curve_key_new (self->keys, CURVE_ROLE_WORKER, "w1", self->worker, NULL),
                      -EEXIST);
    assert_int_equal (curve_key_new (self->keys, CURVE_ROLE_WORKER, "../x", self->worker, NULL),
                      ERR_CONFIG);
}

static void
test_zap_knows_an_enrolled_key_by_its_role (void **state)
{
    fixture_t *self = *state;
    curve_keys_t worker;
    assert_int_equal (curve_load_peer (self->worker, CURVE_ROLE_WORKER, &worker, NULL), 0);
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, NULL);
    assert_non_null (zap);
    char identity [CURVE_IDENTITY];
    snprintf (identity, sizeof identity, "worker:%s", worker.public_key);
    assert_true (curve_zap_enrolled (zap, identity));
    snprintf (identity, sizeof identity, "tap:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
    snprintf (identity, sizeof identity, "work:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
    assert_false (curve_zap_enrolled (zap, ""));
    //  a key that is deleted is unknown after the next reload
    s_remove (self->keys, "clients/worker-w1.key");
    assert_int_equal (curve_zap_reload (zap, NULL), 0);
    snprintf (identity, sizeof identity, "worker:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
}

static bool
s_readable (int fd, int wait_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll (&item, 1, wait_ms) == 1;
}

static void
test_a_deleted_key_is_told_once_by_its_role (void **state)
{
    fixture_t *self = *state;
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, NULL);
    assert_non_null (zap);
    assert_int_equal (curve_zap_revoked (zap), 0);
    assert_false (s_readable (curve_zap_fd (zap), 0));
    s_remove (self->keys, "clients/worker-w1.key");
    assert_true (s_readable (curve_zap_fd (zap), 10000)); //  noticed without a reload
    assert_int_equal (curve_zap_revoked (zap), 1U << CURVE_ROLE_WORKER);
    assert_false (s_readable (curve_zap_fd (zap), 0));
    assert_int_equal (curve_zap_revoked (zap), 0);
}

static void
test_a_zap_handler_may_follow_another_at_once (void **state)
{
    fixture_t *self = *state;
    for (int i = 0; i < 200; i++) {
        curve_zap_t *zap = curve_zap_new (self->keys, NULL);
        assert_non_null (zap);
        curve_zap_destroy (&zap);
    }
}

static void
test_a_file_that_is_no_key_keeps_no_deleted_key_alive (void **state)
{
    fixture_t *self = *state;
    curve_keys_t worker;
    assert_int_equal (curve_load_peer (self->worker, CURVE_ROLE_WORKER, &worker, NULL), 0);
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, NULL);
    assert_non_null (zap);
    char path [160], identity [CURVE_IDENTITY];
    snprintf (path, sizeof path, "%s/clients/worker-half.key", self->keys);
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fputs ("metadata\n    ro", file);
    fclose (file);
    s_remove (self->keys, "clients/worker-w1.key");
    err_diag_t diag = {{0}};
    assert_int_equal (curve_zap_reload (zap, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "worker-half.key"));
    snprintf (identity, sizeof identity, "worker:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
    assert_null (curve_zap_new (self->keys, &diag)); //  at a start it is told at once
    s_remove (self->keys, "clients/worker-half.key");
}

static void
test_only_loopback_and_ipc_are_local (void **state)
{
    assert_true (curve_endpoint_local ("tcp://127.0.0.1:5570"));
    assert_true (curve_endpoint_local ("tcp://127.9.9.9:*"));
    assert_true (curve_endpoint_local ("tcp://localhost:1"));
    assert_true (curve_endpoint_local ("tcp://[::1]:1"));
    assert_true (curve_endpoint_local ("ipc:///tmp/x"));
    assert_false (curve_endpoint_local ("tcp://0.0.0.0:5570"));
    assert_false (curve_endpoint_local ("tcp://*:5570"));
    assert_false (curve_endpoint_local ("tcp://127.0.0.1.example.org:5570"));
    assert_false (curve_endpoint_local ("tcp://[::]:1"));
    assert_false (curve_endpoint_local ("udp://127.0.0.1:1"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_new_key_loads_on_both_sides, setup, teardown),
        cmocka_unit_test (test_a_missing_folder_means_no_keys),
        cmocka_unit_test_setup_teardown (test_a_secret_that_others_may_read_is_refused, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_name_is_enrolled_once, setup, teardown),
        cmocka_unit_test_setup_teardown (test_zap_knows_an_enrolled_key_by_its_role, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_deleted_key_is_told_once_by_its_role, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_zap_handler_may_follow_another_at_once, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_file_that_is_no_key_keeps_no_deleted_key_alive,
                                         setup, teardown),
        cmocka_unit_test (test_only_loopback_and_ipc_are_local),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
