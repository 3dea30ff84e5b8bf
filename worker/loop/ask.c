//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/ask.h"

#include "common/base/clk.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASK_STEP_MS = 20 };

//  One stream of the program.
typedef struct {
    int fd;
    char *text;
    size_t size, max; //  max: with the NUL
} stream_t;

static int
s_spawn (const words_t *argv, const words_t *envp, int out, int err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init (&actions) != 0 || posix_spawnattr_init (&attributes) != 0)
        return -ENOMEM;
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    int rc = posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2 (&actions, out, STDOUT_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2 (&actions, err, STDERR_FILENO);
    rc = rc ? rc : posix_spawnattr_setsigmask (&attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault (&attributes, &all);
    rc = rc ? rc : posix_spawnattr_setpgroup (&attributes, 0);
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    rc = rc ? rc : posix_spawnattr_setflags (&attributes, flags);
    rc = rc ? rc
            : posix_spawn (ret_pid, argv->items [0], &actions, &attributes, argv->items,
                           envp->items);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    return -rc;
}

static void
s_read (stream_t *stream)
{
    char rest [4096];
    const size_t room = stream->max - 1 - stream->size;
    const ssize_t got = room > 0 ? read (stream->fd, stream->text + stream->size, room)
                                 : read (stream->fd, rest, sizeof rest);
    if (got > 0 && room > 0)
        stream->size += (size_t) got;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        own_fd (&stream->fd);
    stream->text [stream->size] = 0;
}

//  Read until the program has ended.  False: it has not, after wait_ms.
static bool
s_wait (pid_t pid, stream_t streams [2], int64_t wait_ms, int *ret_status)
{
    own (clk_destroy) clk_t *clk = clk_new ();
    const int64_t until_ms = clk ? clk_now (clk).boot_ms + wait_ms : 0;
    *ret_status = 0;
    for (bool ended = false;; ended = ended || waitpid (pid, ret_status, WNOHANG) != 0) {
        struct pollfd items [2] = {{streams [0].fd, POLLIN, 0}, {streams [1].fd, POLLIN, 0}};
        const int count = poll (items, 2, ended ? 0 : ASK_STEP_MS);
        for (int i = 0; i < 2; i++)
            if (items [i].revents)
                s_read (&streams [i]);
        if (ended && count <= 0)
            return true;
        if (!clk || clk_now (clk).boot_ms >= until_ms)
            return ended;
    }
}

int
ask_run (const words_t *argv, const words_t *envp, int64_t wait_ms, ask_t *ret_answer)
{
    int out [2] = {-1, -1}, err [2] = {-1, -1}, status = 0;
    pid_t pid = 0;
    *ret_answer = (ask_t){.code = -1};
    if (argv->failed || envp->failed)
        return argv->failed ? argv->failed : envp->failed;
    int rc = pipe2 (out, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
    if (rc == 0 && pipe2 (err, O_CLOEXEC | O_NONBLOCK) != 0)
        rc = -errno;
    if (rc == 0)
        rc = s_spawn (argv, envp, out [1], err [1], &pid);
    own_fd (&out [1]);
    own_fd (&err [1]);
    if (rc == 0) {
        stream_t streams [2] = {{out [0], ret_answer->out, 0, ASK_OUT_BYTES},
                                {err [0], ret_answer->err, 0, ASK_ERR_BYTES}};
        const bool ended = s_wait (pid, streams, wait_ms, &status);
        (void) kill (-pid, SIGKILL); //  what it has left behind, or itself
        if (!ended)
            (void) waitpid (pid, &status, 0);
        out [0] = streams [0].fd;
        err [0] = streams [1].fd;
        rc = ended ? 0 : -ETIMEDOUT;
        ret_answer->code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
    }
    own_fd (&out [0]);
    own_fd (&err [0]);
    return rc;
}
