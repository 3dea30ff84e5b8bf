//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/probe.h"

#include "common/base/clk.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_STEP_MS = 20 };

//  One stream of the program.
typedef struct {
    int fd;
    char *text;
    size_t size, max; //  max: with the NUL
} stream_t;

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
        const int count = poll (items, 2, ended ? 0 : PROBE_STEP_MS);
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
probe_ask (const words_t *argv, const words_t *envp, int64_t wait_ms, probe_t *ret_said)
{
    int out [2] = {-1, -1}, err [2] = {-1, -1}, status = 0;
    pid_t pid = 0;
    *ret_said = (probe_t){.code = -1};
    own (own_fd) int null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0)
        return -errno;
    int rc = pipe2 (out, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -errno;
    if (rc == 0 && pipe2 (err, O_CLOEXEC | O_NONBLOCK) != 0)
        rc = -errno;
    if (rc == 0)
        rc = words_start (argv, envp, (const int [3]){null_fd, out [1], err [1]}, &pid);
    own_fd (&out [1]);
    own_fd (&err [1]);
    if (rc == 0) {
        stream_t streams [2] = {{out [0], ret_said->out, 0, PROBE_OUT_BYTES},
                                {err [0], ret_said->err, 0, PROBE_ERR_BYTES}};
        const bool ended = s_wait (pid, streams, wait_ms, &status);
        (void) kill (-pid, SIGKILL); //  what it has left behind, or itself
        if (!ended)
            (void) waitpid (pid, &status, 0);
        out [0] = streams [0].fd;
        err [0] = streams [1].fd;
        rc = ended ? 0 : -ETIMEDOUT;
        ret_said->code = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
    }
    own_fd (&out [0]);
    own_fd (&err [0]);
    return rc;
}

const char *
probe_last_line (probe_t *said)
{
    size_t size = strlen (said->err);
    while (size > 0 && said->err [size - 1] == '\n')
        size--;
    said->err [size] = 0;
    const char *line = strrchr (said->err, '\n');
    return line ? line + 1 : said->err;
}

static int
s_judge (const probe_spec_t *spec, int rc, probe_t *said, err_diag_t *diag)
{
    if (rc == -ETIMEDOUT)
        err_diag (diag, "it did not end within %d s", spec->limit_ms / 1000);
    else if (rc < 0)
        err_diag (diag, "%s: %s", spec->words->count > 0 ? spec->words->items [0] : "no program",
                  err_str (rc));
    if (rc < 0 || said->code == 0)
        return rc;
    const char *line = probe_last_line (said);
    err_diag (diag, "%s", *line ? line : "it failed and said nothing");
    return ERR_CONFIG;
}

int
probe_run (const probe_spec_t *spec, err_diag_t *diag)
{
    own (words_fini) words_t envp = {0};
    words_add (&envp, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    for (size_t i = 0; spec->environment && i < spec->environment->count; i++)
        words_add (&envp, "%s", spec->environment->items [i]);
    own (own_mem) probe_t *said = calloc (1, sizeof *said);
    if (!said)
        return -ENOMEM;
    const int rc = probe_ask (spec->words, &envp, spec->limit_ms, said);
    if (spec->answer)
        snprintf (spec->answer, spec->answer_size, "%s", said->out);
    return s_judge (spec, rc, said, diag);
}
