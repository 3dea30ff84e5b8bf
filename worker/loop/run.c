//  The only file of the worker that starts a process.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/run.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/cgroup.h"
#include "runner/tree.h"
#include "worker/loop/run_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

//  Most reads of the status stream in one turn: the agent may find a way to write to it.
enum { RUN_READS = 64 };

int
run_start (run_t *self, const run_spec_t *spec)
{
    *self = (run_t){.control_fd = -1, .status_fd = -1};
    snprintf (self->cgroup, sizeof self->cgroup, "%s", spec->box->cgroup);
    own (words_fini) words_t argv = {0};
    own (words_fini) words_t envp = {0};
    run_arguments (spec, &argv);
    run_environment (spec, &envp);

    int control [2] = {-1, -1}, status [2] = {-1, -1};
    int rc = pipe2 (control, O_CLOEXEC) == 0 ? 0 : -errno;
    if (rc == 0 && pipe2 (status, O_CLOEXEC) != 0)
        rc = -errno;
    if (rc == 0 && fcntl (status [0], F_SETFL, O_NONBLOCK) != 0)
        rc = -errno;
    self->control_fd = control [1];
    self->status_fd = status [0];
    if (rc == 0)
        rc = words_start (&argv, &envp, (const int [3]){control [0], status [1], -1}, &self->pid);
    own_fd (&control [0]);
    own_fd (&status [1]);
    if (rc < 0) {
        self->pid = 0;
        run_fini (self);
    }
    return rc;
}

bool
run_killed_under_agent (const run_t *self)
{
    return self->starting && !self->ended && self->signal != 0;
}

static void
s_on_line (run_t *self)
{
    const char *text;
    switch (status_read (self->line, &text)) {
        case STATUS_STARTING: self->starting = true; break;
        case STATUS_STARTED: self->started = true; break;
        case STATUS_ENDED: self->ended = true; break;
        case STATUS_RESULT: (void) run_result_parse (text, strlen (text), &self->result); break;
        case STATUS_WORDS: break;
    }
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

//  Read the lines that the supervisor has written so far.
static int
s_drain (run_t *self)
{
    int news = RUN_NONE;
    for (int reads = 0; self->status_fd >= 0 && reads < RUN_READS; reads++) {
        char bytes [1024];
        ssize_t got = read (self->status_fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return news;
        if (got <= 0) {
            own_fd (&self->status_fd);
            return news;
        }
        s_take (self, bytes, (size_t) got);
        news = RUN_NEWS;
    }
    return news;
}

int
run_read (run_t *self)
{
    int news = s_drain (self);
    int status = 0;
    const pid_t reaped = self->pid > 0 ? waitpid (self->pid, &status, WNOHANG) : -1;
    if (reaped == 0)
        return news;
    self->signal = reaped > 0 && WIFSIGNALED (status) ? WTERMSIG (status) : 0;
    self->pid = 0;
    if (self->signal && *self->cgroup)
        cgroup_remove (self->cgroup); //  a killed supervisor leaves it
    s_drain (self);                   //  its last lines
    run_fini (self);
    return RUN_ENDED;
}

void
run_stop (run_t *self, bool now)
{
    const char order = now ? STATUS_KILL : STATUS_STOP;
    if (self->control_fd >= 0 && write (self->control_fd, &order, 1) < 0)
        own_fd (&self->control_fd); //  triage-run has ended
}

void
run_kill (run_t *self)
{
    if (self->pid <= 0)
        return;
    (void) tree_signal (self->pid, SIGKILL);
    kill (self->pid, SIGKILL);
}

void
run_fini (run_t *self)
{
    own_fd (&self->control_fd);
    own_fd (&self->status_fd);
}
