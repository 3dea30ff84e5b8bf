//  run - pipes to and from triage-run; the only place that starts a process.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/run.h"

#include "common/base/json.h"
#include "common/base/own.h"
#include "worker/run_env.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int
s_spawn (run_t *self, const run_words_t *argv, const run_words_t *envp, int control, int status)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init (&actions) != 0 || posix_spawnattr_init (&attributes) != 0)
        return -ENOMEM;
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    int rc = posix_spawn_file_actions_adddup2 (&actions, control, STDIN_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2 (&actions, status, STDOUT_FILENO);
    rc = rc ? rc : posix_spawnattr_setsigmask (&attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault (&attributes, &all);
    rc = rc ? rc : posix_spawnattr_setpgroup (&attributes, 0);
    rc = rc ? rc
            : posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                                         | POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc
            : posix_spawn (&self->pid, argv->items [0], &actions, &attributes, argv->items,
                           envp->items);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    return -rc;
}

int
run_start (run_t *self, const run_spec_t *spec)
{
    *self = (run_t){.control_fd = -1, .status_fd = -1};
    own (run_words_fini) run_words_t argv = {0};
    own (run_words_fini) run_words_t envp = {0};
    run_arguments (spec, &argv);
    run_environment (spec, &envp);
    if (argv.failed || envp.failed)
        return argv.failed ? argv.failed : envp.failed;

    int control [2] = {-1, -1}, status [2] = {-1, -1};
    int rc = pipe2 (control, O_CLOEXEC) == 0 ? 0 : -errno;
    if (rc == 0 && pipe2 (status, O_CLOEXEC) != 0)
        rc = -errno;
    if (rc == 0 && fcntl (status [0], F_SETFL, O_NONBLOCK) != 0)
        rc = -errno;
    self->control_fd = control [1];
    self->status_fd = status [0];
    if (rc == 0)
        rc = s_spawn (self, &argv, &envp, control [0], status [1]);
    own_fd (&control [0]);
    own_fd (&status [1]);
    if (rc < 0) {
        self->pid = 0;
        run_fini (self);
    }
    return rc;
}

static void
s_on_result (run_t *self, const char *text)
{
    own (json_drop) json_t *doc = NULL;
    if (json_parse (text, strlen (text), &doc, NULL) < 0)
        return;
    run_result_t *result = &self->result;
    result->valid = true;
    result->exit_code = (int) json_member_int (doc, "exit_code", -1);
    result->timed_out = json_is_true (json_object_get (doc, "timed_out"));
    result->stopped = json_is_true (json_object_get (doc, "stopped"));
    result->started_ms = json_member_int (doc, "started_ms", 0);
    result->completed_ms = json_member_int (doc, "completed_ms", 0);
    snprintf (result->start_error, sizeof result->start_error, "%s",
              json_member_text (doc, "start_error", ""));
}

static void
s_on_line (run_t *self)
{
    if (strcmp (self->line, "started") == 0)
        self->started = true;
    else if (strncmp (self->line, "output ", 7) == 0)
        self->output_bytes = strtoll (self->line + 7, NULL, 10);
    else if (strncmp (self->line, "result ", 7) == 0)
        s_on_result (self, self->line + 7);
}

static void
s_take (run_t *self, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes [i] == '\n') {
            self->line [self->line_size] = 0;
            s_on_line (self);
            self->line_size = 0;
        }
        else if (self->line_size + 1 < sizeof self->line)
            self->line [self->line_size++] = bytes [i];
    }
}

int
run_read (run_t *self)
{
    int news = RUN_NONE;
    while (self->status_fd >= 0) {
        char bytes [1024];
        ssize_t got = read (self->status_fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return news;
        if (got <= 0) {
            own_fd (&self->status_fd);
            break;
        }
        s_take (self, bytes, (size_t) got);
        news = RUN_NEWS;
    }
    //  The stream ended: the supervisor is exiting this moment, or the next tick finds it gone.
    int status = 0;
    if (self->pid > 0 && waitpid (self->pid, &status, WNOHANG) == 0)
        return news;
    self->pid = 0;
    return RUN_ENDED;
}

void
run_stop (run_t *self, bool now)
{
    if (now && self->control_fd >= 0 && write (self->control_fd, "K", 1) < 0)
        kill (self->pid, SIGTERM);
    own_fd (&self->control_fd);
}

void
run_fini (run_t *self)
{
    own_fd (&self->control_fd);
    own_fd (&self->status_fd);
}
