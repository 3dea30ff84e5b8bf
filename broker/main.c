//  main - wires the broker: configuration, keys, store, threads, loop.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin.h"
#include "broker/base/blob.h"
#include "broker/loop/loop.h"
#include "broker/settings_check.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"
#include "common/base/process.h"
#include "common/base/ready.h"
#include "common/base/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

//  artifact, delivery, intake, admin, store_check, zap, libzmq's two, the watchdog
enum { S_THREADS = 9 };

typedef struct {
    conf_t *conf;
    const settings_t *settings;
    int stop_ms; //  shutdown_timeout; a copy, because the watchdog outlives the settings
    int signal_fd, root_fd;
    curve_keys_t keys;
    curve_zap_t *zap;
    clk_t *clk;
    store_t *store;
    mailbox_t *inbox;
    snapshot_t *snapshot;
    loop_t *loop;
    loop_threads_t threads;
    admin_t *admin;
} broker_t;

//  Raise the soft limit of descriptors: a peer uses two sockets, and LIMIT_WORKERS peers exceed the
//  usual 1024, which exists for select(2) only.
static void
s_descriptors (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit (RLIMIT_NOFILE, &limit); //  process_max_fds shows the result
}

//  Load the keys.  Without keys no peer is authenticated, so all endpoints must be local.
static int
s_keys (broker_t *self)
{
    const settings_t *settings = self->settings;
    const char *const endpoints [] = {settings->work_endpoint, settings->stream_endpoint,
                                      settings->ingest_endpoint, settings->files_endpoint};
    err_diag_t diag = {{0}};
    if (curve_load_broker (settings->keys_dir, &self->keys, &diag) < 0) {
        log_error ("keys cannot be loaded", kv ("keys_dir", settings->keys_dir),
                   kv ("error", diag.text));
        return EXIT_CONFIG;
    }
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints [0]; i++) {
        if (curve_endpoint_check (endpoints [i], &self->keys, &diag) == 0)
            continue;
        log_error ("endpoint cannot be used", kv ("keys_dir", settings->keys_dir),
                   kv ("error", diag.text));
        return EXIT_CONFIG;
    }
    if (settings_clash (settings, &diag)) {
        log_error ("two endpoints are one", kv ("error", diag.text));
        return EXIT_CONFIG;
    }
    if (!self->keys.enabled)
        return 0;
    self->zap = curve_zap_new (settings->keys_dir, self->clk, &diag);
    if (!self->zap)
        log_error ("key check cannot start", kv ("error", diag.text));
    return self->zap ? 0 : EXIT_CONFIG;
}

//  Make workspace_root and lock it.  The lock keeps out a second broker and worker scratch folders.
static int
s_root (broker_t *self)
{
    char path [4096], absolute [PATH_MAX];
    const char *root = self->settings->workspace_root;
    int rc = blob_make_dir (root);
    const int size = snprintf (path, sizeof path, "%s/.broker.lock", root);
    if (rc == 0 && (size_t) size >= sizeof path)
        rc = -ENAMETOOLONG;
    if (rc == 0)
        self->root_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (rc < 0 || self->root_fd < 0) {
        rc = rc < 0 ? rc : -errno;
        log_error ("workspace_root cannot be used",
                   kv ("workspace_root", path_absolute (root, absolute)),
                   kv ("error", err_str (rc)));
        return err_exit_path (rc);
    }
    if (flock (self->root_fd, LOCK_EX | LOCK_NB) < 0) {
        log_error ("another broker holds workspace_root; stop it, or give this one its own",
                   kv ("workspace_root", path_absolute (root, absolute)));
        return EXIT_SECOND;
    }
    return 0;
}

static int
s_prompt (broker_t *self)
{
    own (buf_fini) buf_t prompt = {0};
    err_diag_t diag = {{0}};
    if (settings_prompt (self->settings, &prompt, &diag) == 0)
        return 0;
    log_error ("system prompt cannot be read", kv ("error", diag.text));
    return EXIT_CONFIG;
}

//  Log an absolute path: a start from another folder resolves relative paths elsewhere, and the
//  data seem to be lost.
static void
s_where (const char *option, const char *path, const char *what)
{
    char absolute [PATH_MAX];
    log_info (what, kv (option, path_absolute (path, absolute)));
}

static int
s_store (broker_t *self)
{
    char absolute [PATH_MAX];
    err_diag_t diag = {{0}};
    const bool fresh = access (self->settings->state_path, F_OK) != 0;
    const int rc = store_open (self->settings->state_path, &self->store, &diag);
    if (rc == 0) {
        s_where ("state_path", self->settings->state_path, fresh ? "new store" : "store");
        s_where ("workspace_root", self->settings->workspace_root, "artifacts");
        return 0;
    }
    log_error ("store cannot be opened",
               kv ("state_path", path_absolute (self->settings->state_path, absolute)),
               kv ("error", diag.text));
    if (rc == -EWOULDBLOCK)
        return EXIT_SECOND;
    if (rc == -EBADMSG)
        return EXIT_CORRUPT;
    const int path = store_look (self->settings->state_path, NULL); //  is the path at fault?
    return path < 0 ? err_exit_path (path) : EXIT_STORE;
}

static int
s_loop (broker_t *self)
{
    err_diag_t diag = {{0}};
    self->inbox = mailbox_new (LIMIT_MAILBOX, mail_item_destroy);
    self->snapshot = snapshot_new ();
    if (!self->inbox || !self->snapshot)
        return EXIT_RUNTIME;
    const loop_args_t args = {
        .conf = self->conf,
        .keys = &self->keys,
        .zap = self->zap,
        .clk = self->clk,
        .store = self->store,
        .inbox = self->inbox,
        .snapshot = self->snapshot,
        .signal_fd = self->signal_fd,
    };
    self->loop = loop_new (&args, &diag);
    if (!self->loop)
        log_error ("loop cannot start", kv ("error", diag.text));
    if (self->loop)
        return 0;
    return store_exit (self->store) == EXIT_CORRUPT ? EXIT_CORRUPT : EXIT_RUNTIME;
}

static int
s_threads (broker_t *self)
{
    err_diag_t diag = {{0}};
    loop_threads_t *threads = &self->threads;
    threads->artifact = artifact_new (self->settings, &self->keys, self->zap, self->inbox, &diag);
    if (threads->artifact)
        threads->delivery = delivery_new (self->settings, self->inbox, &diag);
    if (threads->delivery)
        threads->intake = intake_new (self->settings, self->inbox, &diag);
    if (threads->intake && store_unchecked (self->store)
        && store_check_new (self->settings->state_path, &threads->check, &diag) < 0)
        intake_destroy (&threads->intake);
    if (!threads->intake) {
        log_error ("thread cannot start", kv ("error", diag.text));
        return EXIT_RUNTIME;
    }
    const int rc = admin_new (self->settings, self->snapshot, self->inbox, &self->admin, &diag);
    if (rc == 0)
        return 0;
    log_error ("admin cannot start", kv ("listen", self->settings->admin_listen),
               kv ("error", diag.text));
    return rc == ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
}

static int
s_ready (broker_t *self)
{
    char lines [1024];
    snprintf (lines, sizeof lines, "%sfiles=%s\nadmin=%s\n", loop_endpoints (self->loop),
              artifact_endpoint (self->threads.artifact), admin_address (self->admin));
    settings_cluster_t first;
    if (settings_clusters (self->settings, &first, 1) == 0)
        log_warn ("no MCP endpoint: waiting for events on ingest",
                  kv ("ingest_endpoint", self->settings->ingest_endpoint));
    const int rc = ready_write (self->settings->common.ready_file, lines);
    if (rc < 0) {
        log_error ("ready file cannot be written",
                   kv ("ready_file", self->settings->common.ready_file),
                   kv ("error", err_str (rc)));
        return err_exit_path (rc);
    }
    log_info ("broker ready", kv ("curve", self->keys.enabled),
              kv ("admin", admin_address (self->admin)));
    return 0;
}

static int
s_start (broker_t *self)
{
    typedef int (start_fn) (broker_t * self);
    static start_fn *const steps [] = {s_keys, s_root,    s_prompt, s_store,
                                       s_loop, s_threads, s_ready};
    self->clk = clk_new ();
    int rc = self->clk && threads_check (S_THREADS) == 0 ? 0 : EXIT_RUNTIME;
    s_descriptors ();
    for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps [0]; i++)
        rc = steps [i](self);
    return rc;
}

//  During the stop: end the program at once on a second signal or after shutdown_timeout.
static void *
s_watchdog (void *ctx)
{
    const broker_t *self = ctx;
    struct pollfd item = {.fd = self->signal_fd, .events = POLLIN};
    const int rc = poll (&item, 1, self->stop_ms);
    log_error (rc > 0 ? "second signal, stopping now" : "shutdown_timeout passed, stopping now");
    _exit (EXIT_RUNTIME);
}

static void
s_watch (broker_t *self)
{
    pthread_t thread;
    const settings_t *settings = self->loop ? loop_settings (self->loop) : self->settings;
    self->stop_ms = (int) settings->shutdown_timeout_ms;
    if (pthread_create (&thread, NULL, s_watchdog, self) == 0)
        pthread_detach (thread);
}

//  Threads first: mail that they still send to the loop is freed with its mailbox.
static void
s_stop (broker_t *self)
{
    admin_destroy (&self->admin);
    intake_destroy (&self->threads.intake);
    delivery_destroy (&self->threads.delivery);
    artifact_destroy (&self->threads.artifact);
    store_check_destroy (&self->threads.check);
    loop_destroy (&self->loop);
    store_destroy (&self->store);
    curve_zap_destroy (&self->zap);
    mailbox_destroy (&self->inbox);
    snapshot_destroy (&self->snapshot);
    clk_destroy (&self->clk);
    curve_wipe (&self->keys);
    own_fd (&self->root_fd);
}

int
main (int argc, char **argv)
{
    static broker_t self = {.signal_fd = -1, .root_fd = -1}; //  the watchdog outlives main
    process_hide ();
    failpoint_init ("broker");
    umask (0077);
    self.signal_fd = process_signals (true); //  first: a signal may arrive during the start
    signal (SIGXFSZ, SIG_IGN); //  a file at its size limit then fails like a full disk
    if (self.signal_fd < 0)
        return EXIT_RUNTIME;
    conf_spec_t spec = settings_spec;
    spec.check = settings_check;
    const int loaded = conf_load (&spec, argc, argv, environ, &self.conf);
    if (loaded != 0)
        return loaded > 0 ? 0 : loaded == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    conf_hide_secrets (self.conf, environ);
    self.settings = conf_settings (self.conf);
    log_set_level ((enum log_level) self.settings->common.log_level);
    log_set_format ((enum log_format) self.settings->common.log_format);
    conf_warn (self.conf);
    int rc = s_start (&self);
    if (rc == 0)
        rc = loop_run (self.loop, &self.threads);
    if (rc == EXIT_STORE || rc == EXIT_CORRUPT)
        _exit (rc); //  after a store failure nothing may be sent or synced
    s_watch (&self);
    s_stop (&self);
    log_info ("broker stopped", kv ("exit_code", rc));
    conf_destroy (&self.conf);
    return rc;
}
