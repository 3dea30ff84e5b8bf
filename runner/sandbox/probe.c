//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/probe.h"

#include "common/base/clk.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROBE_BYTES = 4096 };

typedef struct {
    char text [PROBE_BYTES];
    size_t size;
} said_t;

static int
s_environment (const probe_spec_t *spec, words_t *ret_words)
{
    words_add (ret_words, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    for (size_t i = 0; spec->environment && i < spec->environment->count; i++)
        words_add (ret_words, "%s", spec->environment->items [i]);
    return ret_words->failed;
}

static int
s_spawn (const probe_spec_t *spec, int answer_fd, int error_fd, pid_t *ret_pid)
{
    const words_t *words = spec->words;
    own (words_fini) words_t environment = {0};
    int failed = s_environment (spec, &environment);
    if (failed < 0)
        return failed;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init (&actions) != 0 || posix_spawnattr_init (&attributes) != 0)
        return -ENOMEM;
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    int rc = posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2 (&actions, answer_fd, STDOUT_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2 (&actions, error_fd, STDERR_FILENO);
    rc = rc ? rc : posix_spawnattr_setsigmask (&attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault (&attributes, &all);
    rc = rc ? rc : posix_spawnattr_setpgroup (&attributes, 0);
    rc = rc ? rc
            : posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                                         | POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc
            : posix_spawn (ret_pid, words->items [0], &actions, &attributes, words->items,
                           environment.items);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    return -rc;
}

//  Read until the end of the stream or the deadline.  False: the deadline.
static bool
s_read (int fd, int limit_ms, said_t *said)
{
    own (clk_destroy) clk_t *clk = clk_new ();
    const int64_t until_ms = clk ? clk_now (clk).boot_ms + limit_ms : 0;
    while (clk) {
        const int64_t left_ms = until_ms - clk_now (clk).boot_ms;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0)
            return false;
        if (poll (&item, 1, (int) left_ms) <= 0)
            continue;
        char bytes [512];
        ssize_t got = read (fd, bytes, sizeof bytes);
        if (got <= 0)
            return true;
        size_t room = sizeof said->text - 1 - said->size;
        size_t size = (size_t) got < room ? (size_t) got : room;
        memcpy (said->text + said->size, bytes, size);
        said->size += size;
    }
    return false;
}

static const char *
s_last_line (said_t *said)
{
    while (said->size > 0 && said->text [said->size - 1] == '\n')
        said->size--;
    said->text [said->size] = 0;
    const char *line = strrchr (said->text, '\n');
    return line ? line + 1 : said->text;
}

//  The command has ended: what it wrote to its output.
static void
s_answer (const probe_spec_t *spec, int fd)
{
    if (!spec->answer)
        return;
    ssize_t size = pread (fd, spec->answer, spec->answer_size - 1, 0);
    spec->answer [size > 0 ? size : 0] = 0;
}

static int
s_judge (const probe_spec_t *spec, bool ended, int status, said_t *said, err_diag_t *diag)
{
    if (!ended) {
        err_diag (diag, "it did not end within %d s", spec->limit_ms / 1000);
        return -ETIMEDOUT;
    }
    if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
        return 0;
    err_diag (diag, "%s", said->size > 0 ? s_last_line (said) : "it failed and said nothing");
    return ERR_CONFIG;
}

int
probe_run (const probe_spec_t *spec, err_diag_t *diag)
{
    int ends [2];
    if (spec->words->failed || pipe2 (ends, O_CLOEXEC) != 0)
        return spec->words->failed ? spec->words->failed : -errno;
    own (own_fd) int read_fd = ends [0];
    own (own_fd) int write_fd = ends [1];
    own (own_fd) int answer_fd = memfd_create ("answer", MFD_CLOEXEC);
    pid_t pid = 0;
    int rc = answer_fd < 0 ? -errno : s_spawn (spec, answer_fd, write_fd, &pid);
    own_fd (&write_fd);
    if (rc < 0) {
        err_diag (diag, "%s: %s", spec->words->items [0], err_str (rc));
        return rc;
    }
    said_t said = {.size = 0};
    const bool ended = s_read (read_fd, spec->limit_ms, &said);
    if (!ended)
        (void) kill (-pid, SIGKILL);
    int status = -1;
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        ;
    s_answer (spec, answer_fd);
    return s_judge (spec, ended, status, &said, diag);
}
