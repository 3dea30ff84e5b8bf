//  supervise - one poll loop: signals, control, two captures, a deadline.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/supervise.h"

#include "common/base/clk.h"
#include "common/base/durable.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "runner/capture.h"
#include "runner/cgroup.h"
#include "runner/run_result.h"
#include "runner/spawn.h"
#include "runner/status.h"
#include "runner/tree.h"
#include "runner/watch.h"
#include "runner/wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SUPERVISE_POLL_MS = 20,     //  between two looks at a tree that is ending
    SUPERVISE_LOOK_MS = 1000,   //  longest wait: poll stops while the host is suspended
    SUPERVISE_LINGER_MS = 2000, //  grace for daemons of a script that ended by itself
    //  KILL is sent this long before the end of the grace, at most a quarter of it.
    SUPERVISE_MARGIN_MS = 1000,
    SUPERVISE_TURN_NS = 1000000, //  of the CPU; the kernel's usual is about 3 ms
    SUPERVISE_NICE = -5,
    SUPERVISE_FDS = 4
};

typedef enum { PHASE_RUN, PHASE_TERM, PHASE_KILL, PHASE_DONE } phase_t;

typedef struct {
    const supervise_spec_t *spec;
    clk_t *clk;
    capture_t out, err;
    wrap_t wrap;
    cgroup_t *cgroup;                //  NULL = none was asked for
    cgroup_by_t held [CGROUP_PARTS]; //  who holds each part
    watch_t *watch;
    watch_limit_t limit; //  what the run used up
    int64_t watch_us;    //  what watching has cost
    int signal_fd;
    int control_fd; //  -1 once closed
    pid_t pid;      //  the script
    phase_t phase;
    bool exited;    //  the script has been reaped
    bool none_left; //  no child is left, so nothing of the tree is
    bool timed_out, stopped;
    int exit_code, signal;
    int left; //  descendants that survived KILL
    err_diag_t start_error;
    clk_now_t started, now;
    int64_t phase_until_ms;
    int64_t completed_ms;
} supervise_t;

//  Reap every dead child; orphans of the whole tree become ours, the subreaper's.
static void
s_reap (supervise_t *self)
{
    while (true) {
        int status = 0;
        pid_t pid = waitpid (-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0) {
            self->none_left = pid < 0;
            return;
        }
        if (pid != self->pid)
            continue;
        self->exited = true;
        self->completed_ms = clk_now (self->clk).wall_ms;
        self->signal = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
        self->exit_code = WIFSIGNALED (status) ? 128 + self->signal : WEXITSTATUS (status);
    }
}

static void
s_kill (supervise_t *self)
{
    if (self->cgroup)
        cgroup_kill (self->cgroup);
    //  Its own group at once: to look for the rest of the tree takes milliseconds.
    if (self->pid > 0 && !self->exited)
        (void) kill (-self->pid, SIGKILL);
    self->phase = PHASE_KILL;
    self->phase_until_ms = self->now.boot_ms + LIMIT_KILL_MS;
}

static void
s_term (supervise_t *self, int64_t grace_ms)
{
    int64_t margin_ms = grace_ms / 4 < SUPERVISE_MARGIN_MS ? grace_ms / 4 : SUPERVISE_MARGIN_MS;
    self->phase = PHASE_TERM;
    self->phase_until_ms = self->now.boot_ms + grace_ms - margin_ms;
    tree_signal (getpid (), SIGTERM);
    tree_signal (getpid (), SIGCONT); //  a stopped process cannot handle TERM
}

static void
s_advance_run (supervise_t *self)
{
    int64_t grace_ms = self->spec->grace_ms;
    if (self->exited && self->none_left)
        self->phase = PHASE_DONE;
    else if (self->exited)
        s_term (self, grace_ms < SUPERVISE_LINGER_MS ? grace_ms : SUPERVISE_LINGER_MS);
    else if (self->now.boot_ms >= self->started.boot_ms + self->spec->timeout_ms) {
        self->timed_out = true;
        s_term (self, grace_ms);
    }
    else if (self->stopped)
        s_term (self, grace_ms);
}

//  A run that goes over a limit is killed at once: any grace would let it go further.
static void
s_watch (supervise_t *self)
{
    if (self->phase != PHASE_RUN && self->phase != PHASE_TERM)
        return;
    self->limit = watch_look (self->watch);
    if (self->limit != WATCH_FINE)
        s_kill (self);
}

static void
s_advance (supervise_t *self)
{
    self->now = clk_now (self->clk);
    s_watch (self);
    if (self->phase == PHASE_RUN)
        s_advance_run (self);
    if (self->phase == PHASE_TERM && self->now.boot_ms >= self->phase_until_ms)
        s_kill (self);
    if (self->phase == PHASE_RUN || self->phase == PHASE_DONE)
        return;
    if (self->none_left) {
        self->left = 0;
        self->phase = PHASE_DONE;
    }
    else if (self->phase == PHASE_KILL) {
        if (self->cgroup)
            cgroup_kill (self->cgroup);
        self->left = tree_signal (getpid (), SIGKILL);
        if (self->now.boot_ms >= self->phase_until_ms)
            //  Even KILL does not end a process that waits for a dead disk.
            self->phase = PHASE_DONE;
    }
}

//  stopped is set when the order came while it ran, whatever happens later.
static void
s_stop (supervise_t *self)
{
    self->stopped = self->stopped || !self->exited;
}

static void
s_on_control (supervise_t *self)
{
    char order = 0;
    ssize_t got = read (self->control_fd, &order, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    s_stop (self);
    if (got == 1 && order == STATUS_KILL && self->phase != PHASE_DONE) {
        self->now = clk_now (self->clk);
        s_kill (self);
    }
    if (got <= 0)
        self->control_fd = -1;
}

static void
s_on_signal (supervise_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signal_fd, &info, sizeof info) == (ssize_t) sizeof info)
        if (info.ssi_signo != SIGCHLD)
            s_stop (self);
}

static int
s_timeout_ms (const supervise_t *self)
{
    if (self->phase != PHASE_RUN)
        return SUPERVISE_POLL_MS;
    int64_t left_ms = self->started.boot_ms + self->spec->timeout_ms - clk_now (self->clk).boot_ms;
    const int look_ms = watch_wait_ms (self->watch);
    if (left_ms > SUPERVISE_LOOK_MS)
        left_ms = SUPERVISE_LOOK_MS;
    if (left_ms > look_ms)
        left_ms = look_ms;
    return left_ms > 0 ? (int) left_ms : 0;
}

static void
s_turn (supervise_t *self)
{
    struct pollfd fds [SUPERVISE_FDS] = {
        {.fd = self->signal_fd, .events = POLLIN},
        {.fd = self->control_fd, .events = POLLIN},
        {.fd = self->out.pipe_fd, .events = POLLIN},
        {.fd = self->err.pipe_fd, .events = POLLIN},
    };
    if (poll (fds, SUPERVISE_FDS, s_timeout_ms (self)) < 0)
        return;
    if (fds [0].revents)
        s_on_signal (self);
    if (fds [1].revents)
        s_on_control (self);
    if (fds [2].revents)
        capture_read (&self->out);
    if (fds [3].revents)
        capture_read (&self->err);
    s_reap (self);
    s_advance (self);
}

static run_result_t
s_result (const supervise_t *self, bool started)
{
    run_result_t result = {.exit_code = started && self->exited ? self->exit_code : -1,
                           .signal = self->signal,
                           .timed_out = self->timed_out,
                           .stopped = self->stopped,
                           .left = self->left,
                           .timeout_ms = self->spec->timeout_ms,
                           .started_ms = self->started.wall_ms,
                           .completed_ms = self->completed_ms,
                           .stdout_bytes = self->out.total,
                           .stderr_bytes = self->err.total};
    snprintf (result.start_error, sizeof result.start_error, "%.*s",
              (int) sizeof result.start_error - 1, self->start_error.text);
    utf8_clean (result.start_error); //  it may be cut
    snprintf (result.limit, sizeof result.limit, "%s", watch_word (self->limit));
    memcpy (result.held, self->held, sizeof result.held);
    result.watch_us = self->watch_us;
    return result;
}

//  Replace whatever the agent left under this name; never follow it.
static int
s_write_result (const char *path, const char *text)
{
    char folder [4096];
    const char *slash = strrchr (path, '/');
    if (!slash
        || snprintf (folder, sizeof folder, "%.*s", (int) (slash - path), path)
               >= (int) sizeof folder)
        return -EINVAL;
    own (own_fd) int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : durable_write (fd, slash + 1, text, strlen (text), "result");
}

//  Was it ended by RLIMIT_FSIZE, which stands just above the limit of the disk?  A file without a
//  name is gone by now, so counting does not find it.
static bool
s_wrote_too_much (const supervise_t *self)
{
    return self->spec->disk > 0 && self->exit_code == 128 + SIGXFSZ;
}

//  What was refused counts only for a run that failed: others did without.
static void
s_note_limit (supervise_t *self)
{
    const bool failed = !self->exited || self->exit_code != 0 || self->timed_out;
    int left = 0;
    if (wrap_end (&self->wrap, &left) && self->limit == WATCH_FINE && failed)
        self->limit = WATCH_MEMORY;
    self->left += left;
    if (self->watch && self->limit == WATCH_FINE && failed && !self->stopped)
        self->limit = s_wrote_too_much (self) ? WATCH_DISK : watch_end (self->watch);
}

//  A run that was ended on its way into the box was not the box's fault.
static bool
s_executed (supervise_t *self)
{
    const bool ended = self->timed_out || self->stopped || self->limit != WATCH_FINE;
    return ended || wrap_stood (&self->wrap, self->exit_code, &self->start_error);
}

static int
s_finish (supervise_t *self, bool started)
{
    s_note_limit (self);
    started = started && s_executed (self);
    wrap_close (&self->wrap);
    cgroup_destroy (&self->cgroup);
    self->watch_us = self->watch ? watch_cost_us (self->watch) : 0;
    watch_destroy (&self->watch);
    capture_fini (&self->out);
    capture_fini (&self->err);
    if (started && self->left == 0)
        status_tell (self->spec->status_fd, STATUS_ENDED, NULL);
    if (!self->completed_ms)
        self->completed_ms = clk_now (self->clk).wall_ms;

    const run_result_t result = s_result (self, started);
    own (json_drop) json_t *doc = run_result_json (&result);
    own (own_mem) char *text = doc ? json_text (doc) : NULL;
    own (own_mem) char *line = doc ? json_line (doc) : NULL;
    if (!text || !line)
        return -ENOMEM;
    int rc = s_write_result (self->spec->result_path, text);
    status_tell (self->spec->status_fd, STATUS_RESULT, line);
    return rc;
}

//  Ask for short turns on the CPU.  Linux 6.12 and newer then let us in at once when we wake, also
//  while agents compute; earlier ones do so anyway.  Come first, where our user may.
static void
s_be_prompt (void)
{
    struct sched_attr attributes = {.size = sizeof attributes,
                                    .sched_policy = SCHED_NORMAL,
                                    .sched_flags = SCHED_FLAG_RESET_ON_FORK,
                                    .sched_nice = SUPERVISE_NICE,
                                    .sched_runtime = SUPERVISE_TURN_NS};
    if (syscall (SYS_sched_setattr, 0, &attributes, 0) == 0)
        return;
    attributes.sched_nice = getpriority (PRIO_PROCESS, 0);
    (void) syscall (SYS_sched_setattr, 0, &attributes, 0);
}

static int
s_prepare (supervise_t *self)
{
    s_be_prompt ();
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGCHLD);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGHUP);
    if (sigprocmask (SIG_BLOCK, &set, NULL) != 0 || prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return -errno;
    signal (SIGPIPE, SIG_IGN);
    self->signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd < 0)
        return -errno;
    if (self->spec->status_fd >= 0)
        (void) fcntl (self->spec->status_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

//  Make what holds the run: its cgroup, and the watch over the rest.
static int
s_hold (supervise_t *self)
{
    const supervise_spec_t *spec = self->spec;
    const cgroup_limits_t limits = {spec->memory, spec->cpus_milli, spec->pids};
    const watch_spec_t watched = {spec->workspace, spec->disk, spec->files, spec->memory,
                                  spec->pids};
    int rc = spec->cgroup ? cgroup_new (spec->cgroup, &limits, &self->cgroup) : 0;
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++)
        self->held [part] = cgroup_by (self->cgroup, part);
    return rc < 0 ? rc : watch_new (&watched, self->cgroup, &self->watch);
}

//  Open the logs and start the script.  Err: why it does not run.
static int
s_start (supervise_t *self)
{
    own (own_fd) int out_fd = -1;
    own (own_fd) int err_fd = -1;
    //  The logs come after the workspace has changed hands: they stay ours.
    int rc = wrap_open (&self->wrap, self->spec->box, self->spec->argv, &self->start_error);
    if (rc == 0)
        rc = capture_init (&self->out, self->spec->stdout_path, &out_fd);
    if (rc == 0)
        rc = capture_init (&self->err, self->spec->stderr_path, &err_fd);
    if (rc == 0)
        rc = s_hold (self);
    const spawn_spec_t spawn = {.workspace = self->spec->workspace,
                                .argv = self->wrap.words.items,
                                .envp = self->spec->envp,
                                .out_fd = out_fd,
                                .err_fd = err_fd,
                                .gateway_fd = self->wrap.gateway_fd,
                                .report_fd = self->wrap.report_fd,
                                .shielded = self->wrap.shielded,
                                .cgroup = self->cgroup};
    rc = rc < 0 ? rc : spawn_start (&spawn, &self->pid);
    wrap_started (&self->wrap);
    return rc;
}

int
supervise_run (const supervise_spec_t *spec)
{
    own (clk_destroy) clk_t *clk = clk_new ();
    if (!clk)
        return -ENOMEM;
    supervise_t self = {.spec = spec,
                        .clk = clk,
                        .out = {.pipe_fd = -1, .file_fd = -1},
                        .err = {.pipe_fd = -1, .file_fd = -1},
                        .wrap = {.gateway_fd = -1, .report_fd = -1, .reading_fd = -1},
                        .signal_fd = -1,
                        .control_fd = spec->control_fd,
                        .exit_code = -1};
    int rc = s_prepare (&self);
    if (rc < 0)
        return rc;

    self.started = self.now = clk_now (clk);
    //  Sent before the start: the agent might kill us at once.
    status_tell (spec->status_fd, STATUS_STARTING, NULL);
    rc = s_start (&self);
    bool started = rc == 0;
    if (started)
        status_tell (spec->status_fd, STATUS_STARTED, NULL);
    else if (!*self.start_error.text)
        err_diag (&self.start_error, "%.100s: %s", spec->argv [0], err_str (rc));

    while (started && self.phase != PHASE_DONE)
        s_turn (&self);
    rc = s_finish (&self, started);
    close (self.signal_fd);
    return rc;
}
