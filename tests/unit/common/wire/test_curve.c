//  test_curve - key files, roles, and the endpoints allowed without keys.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/curve.h"

#include "common/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <czmq.h>

typedef struct {
    char root [64], keys [80], worker [80];
    clk_t *clk;
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
    self.clk = clk_new ();
    *state = &self;
    return !self.clk ? -1 : curve_key_new (self.keys, CURVE_ROLE_WORKER, "w1", self.worker, NULL);
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
    fixture_t *self = *state;
    clk_destroy (&self->clk);
    static const char *const names [] = {"keys/clients/worker-late.key",
                                         "keys/clients/worker-w1.key",
                                         "keys/clients/worker-w1.key_secret",
                                         "keys/clients",
                                         "keys/broker.key",
                                         "keys/broker.key_secret",
                                         "keys",
                                         "w1/worker.key",
                                         "w1/worker.key_secret",
                                         "w1/broker.key",
                                         "w1",
                                         "late/worker.key",
                                         "late/worker.key_secret",
                                         "late/broker.key",
                                         "late",
                                         ""};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++)
        s_remove (self->root, names [i]);
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

//  FIFOs without a writer: opening one would block forever.
static void
test_a_key_that_is_a_fifo_is_no_key (void **state)
{
    fixture_t *self = *state;
    const char *const names [] = {"broker.key", "worker.key_secret"};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++) {
        char path [128];
        curve_keys_t keys;
        err_diag_t diag = {0};
        snprintf (path, sizeof path, "%s/%s", self->worker, names [i]);
        assert_int_equal (unlink (path), 0);
        assert_int_equal (mkfifo (path, 0600), 0);
        assert_int_equal (curve_load_peer (self->worker, CURVE_ROLE_WORKER, &keys, &diag),
                          ERR_CONFIG);
        assert_non_null (strstr (diag.text, path));
        assert_false (keys.enabled);
    }
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
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, self->clk, NULL);
    assert_non_null (zap);
    char identity [CURVE_IDENTITY];
    snprintf (identity, sizeof identity, "worker:%s", worker.public_key);
    assert_true (curve_zap_enrolled (zap, identity));
    snprintf (identity, sizeof identity, "tap:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
    snprintf (identity, sizeof identity, "work:%s", worker.public_key);
    assert_false (curve_zap_enrolled (zap, identity));
    assert_false (curve_zap_enrolled (zap, ""));
    //  a deleted key is unknown after the next reload
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
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, self->clk, NULL);
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
        curve_zap_t *zap = curve_zap_new (self->keys, self->clk, NULL);
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
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, self->clk, NULL);
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
    //  At the start it is an error at once.
    assert_null (curve_zap_new (self->keys, self->clk, &diag));
    s_remove (self->keys, "clients/worker-half.key");
}

//  Does libzmq let a peer with this public key in?
static bool
s_allowed (const char *public_key)
{
    uint8_t key [32];
    assert_non_null (zmq_z85_decode (key, public_key));
    own (zsock_destroy) zsock_t *zap = zsock_new_req ("inproc://zeromq.zap.01");
    assert_non_null (zap);
    assert_int_equal (
        zsock_send (zap, "ssssssb", "1.0", "1", "work", "127.0.0.1", "", "CURVE", key, sizeof key),
        0);
    own (zstr_free) char *version = NULL, *id = NULL, *status = NULL;
    assert_int_equal (zsock_recv (zap, "sss", &version, &id, &status), 0);
    return strcmp (status, "200") == 0;
}

static void
s_write (const char *path, const char *text, size_t size)
{
    own (own_fd) int fd = open (path, O_WRONLY | O_TRUNC);
    assert_int_equal (write (fd, text, size), size);
}

static void
test_a_file_that_is_no_key_is_not_read_again_for_each_peer (void **state)
{
    fixture_t *self = *state;
    const struct timespec long_ago [2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    char late [80], path [160], text [1024];
    snprintf (late, sizeof late, "%s/late", self->root);
    curve_keys_t stranger, keys;
    assert_int_equal (curve_key_new (self->keys, CURVE_ROLE_WORKER, "late", late, NULL), 0);
    assert_int_equal (curve_load_peer (late, CURVE_ROLE_WORKER, &keys, NULL), 0);
    assert_int_equal (zmq_curve_keypair (stranger.public_key, stranger.secret_key), 0);
    own (clk_destroy) clk_t *clk = clk_new_manual (1000000, clk_now (self->clk).wall_ms);
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, clk, NULL);
    assert_non_null (zap);
    snprintf (path, sizeof path, "%s/clients/worker-late.key", self->keys);
    own (own_fd) int fd = open (path, O_RDONLY);
    const ssize_t size = read (fd, text, sizeof text);
    assert_true (size > 9);
    s_write (path, text, 9);
    snprintf (path, sizeof path, "%s/clients", self->keys);
    assert_int_equal (utimensat (AT_FDCWD, path, long_ago, 0), 0);
    assert_false (s_allowed (stranger.public_key)); //  all files are read: one is no key
    snprintf (path, sizeof path, "%s/clients/worker-late.key", self->keys);
    s_write (path, text, (size_t) size); //  as before; its folder does not change
    assert_false (s_allowed (keys.public_key));
    clk_advance (clk, 249, 249);
    assert_false (s_allowed (keys.public_key));
    clk_advance (clk, 1, 1);
    assert_true (s_allowed (keys.public_key));
}

typedef struct {
    char path [160];
    const char *text;
} half_t;

static void *
s_complete (void *arg)
{
    const half_t *half = arg;
    //  By now the other thread must have read a half, or the test shows nothing.
    poll (NULL, 0, 100);
    s_write (half->path, half->text, strlen (half->text));
    return NULL;
}

//  Overwrite keys like cp, which truncates the file first.
static void
test_a_key_that_is_being_written_is_waited_for_at_the_start (void **state)
{
    fixture_t *self = *state;
    char late [80], text [1024] = "";
    snprintf (late, sizeof late, "%s/half", self->root);
    assert_int_equal (curve_key_new (self->keys, CURVE_ROLE_WORKER, "half", late, NULL), 0);
    half_t half = {.text = text};
    snprintf (half.path, sizeof half.path, "%s/clients/worker-half.key", self->keys);
    own (own_fd) int fd = open (half.path, O_RDONLY);
    assert_true (read (fd, text, sizeof text - 1) > 20);
    s_write (half.path, text, 20);
    err_diag_t diag = {""};
    curve_zap_t *none = curve_zap_new (self->keys, self->clk, &diag);
    assert_null (none); //  it stays half written
    assert_non_null (strstr (diag.text, "worker-half.key: not an enrolled key"));
    pthread_t thread;
    assert_int_equal (pthread_create (&thread, NULL, s_complete, &half), 0);
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, self->clk, &diag);
    assert_int_equal (pthread_join (thread, NULL), 0);
    assert_non_null (zap);
    assert_string_equal (diag.text, "");
}

static void
test_what_is_no_file_holds_nobody_up (void **state)
{
    fixture_t *self = *state;
    char path [160];
    err_diag_t diag = {""};
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, self->clk, NULL);
    assert_non_null (zap);
    snprintf (path, sizeof path, "%s/clients/worker-late.key", self->keys);
    assert_int_equal (mkfifo (path, 0600), 0);
    assert_int_equal (curve_zap_reload (zap, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "worker-late.key: not an enrolled key"));
    assert_int_equal (remove (path), 0);
    snprintf (path, sizeof path, "%s/clients/worker-w1.key_secret", self->keys);
    assert_int_equal (mkfifo (path, 0600), 0);
    assert_int_equal (curve_zap_reload (zap, &diag), 0); //  it looks for no secret among them
}

typedef struct {
    curve_zap_t *zap;
    int rc;
} reload_t;

static void *
s_reload (void *arg)
{
    reload_t *self = arg;
    self->rc = curve_zap_reload (self->zap, NULL);
    return NULL;
}

//  The first and the last key in the order of readdir.
static void
s_ends (const char *clients, char ret_first [128], char ret_last [128])
{
    ret_first [0] = 0;
    DIR *dir = opendir (clients);
    assert_non_null (dir);
    for (struct dirent *item = readdir (dir); item; item = readdir (dir)) {
        if (item->d_name [0] == '.')
            continue;
        snprintf (ret_last, 128, "%.60s/%.60s", clients, item->d_name);
        if (!ret_first [0])
            snprintf (ret_first, 128, "%s", ret_last);
    }
    closedir (dir);
}

static void
test_a_slow_reload_does_not_bring_back_a_key_deleted_meanwhile (void **state)
{
    fixture_t *self = *state;
    char clients [100], late [80], first [128], last [128], key [CURVE_KEY];
    snprintf (clients, sizeof clients, "%s/clients", self->keys);
    snprintf (late, sizeof late, "%s/late", self->root);
    assert_int_equal (curve_key_new (self->keys, CURVE_ROLE_WORKER, "late", late, NULL), 0);
    s_ends (clients, first, last);
    zcert_t *cert = zcert_load (first);
    assert_non_null (cert);
    snprintf (key, sizeof key, "%s", zcert_public_txt (cert));
    zcert_destroy (&cert);
    own (clk_destroy) clk_t *clk = clk_new_manual (1000000, clk_now (self->clk).wall_ms + 3600000);
    own (curve_zap_destroy) curve_zap_t *zap = curve_zap_new (self->keys, clk, NULL);
    assert_non_null (zap);
    curve_keys_t stranger;
    assert_int_equal (zmq_curve_keypair (stranger.public_key, stranger.secret_key), 0);
    for (int i = 0; i < 2; i++) //  after the first pass its thread has looked by itself
        assert_false (s_allowed (stranger.public_key));
    //  a lease on the last one blocks whoever opens it
    (void) signal (SIGIO, SIG_IGN);
    int fd = open (last, O_RDWR);
    assert_int_equal (fcntl (fd, F_SETLEASE, F_WRLCK), 0);
    reload_t reload = {.zap = zap};
    pthread_t thread;
    assert_int_equal (pthread_create (&thread, NULL, s_reload, &reload), 0);
    while (fcntl (fd, F_GETLEASE) == F_WRLCK)
        sched_yield (); //  not open yet
    assert_int_equal (remove (first), 0);
    assert_int_equal (remove (last), 0);
    assert_false (s_allowed (stranger.public_key)); //  all remaining files are read
    assert_false (s_allowed (key));
    assert_int_equal (fcntl (fd, F_SETLEASE, F_UNLCK), 0);
    close (fd);
    assert_int_equal (pthread_join (thread, NULL), 0);
    assert_int_equal (reload.rc, 0);
    assert_false (s_allowed (key));
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
        cmocka_unit_test_setup_teardown (test_a_key_that_is_a_fifo_is_no_key, setup, teardown),
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
        cmocka_unit_test_setup_teardown (test_a_file_that_is_no_key_is_not_read_again_for_each_peer,
                                         setup, teardown),
        cmocka_unit_test_setup_teardown (
            test_a_key_that_is_being_written_is_waited_for_at_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown (test_what_is_no_file_holds_nobody_up, setup, teardown),
        cmocka_unit_test_setup_teardown (
            test_a_slow_reload_does_not_bring_back_a_key_deleted_meanwhile, setup, teardown),
        cmocka_unit_test (test_only_loopback_and_ipc_are_local),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
