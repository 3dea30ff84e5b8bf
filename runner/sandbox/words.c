//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/words.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
words_fini (words_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        explicit_bzero (self->items [i], strlen (self->items [i]));
        free (self->items [i]);
    }
    *self = (words_t){0};
}

void
words_add (words_t *self, const char *format, ...)
{
    if (self->count >= WORDS_COUNT) {
        self->failed = ERR_LIMIT;
        return;
    }
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int size = vasprintf (&text, format, args);
    va_end (args);
    if (size < 0) {
        self->failed = -ENOMEM;
        return;
    }
    self->items [self->count++] = text;
}

void
words_flag (words_t *self, const char *flag, const char *value)
{
    words_add (self, "%s", flag);
    words_add (self, "%s", value);
}

void
words_number (words_t *self, const char *flag, long long value)
{
    words_add (self, "%s", flag);
    words_add (self, "%lld", value);
}

static int
s_attributes (posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int rc = posix_spawnattr_setsigmask (attributes, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault (attributes, &all);
    rc = rc ? rc : posix_spawnattr_setpgroup (attributes, 0);
    return rc ? rc : posix_spawnattr_setflags (attributes, flags);
}

int
words_start (const words_t *argv, const words_t *envp, const int fds [3], pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (argv->failed || envp->failed)
        return argv->failed ? argv->failed : envp->failed;
    if (posix_spawn_file_actions_init (&actions) != 0 || posix_spawnattr_init (&attributes) != 0)
        return -ENOMEM;
    int rc = s_attributes (&attributes);
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = fds [i] < 0 ? 0 : posix_spawn_file_actions_adddup2 (&actions, fds [i], i);
    if (rc == 0)
        rc =
            posix_spawn (ret_pid, argv->items [0], &actions, &attributes, argv->items, envp->items);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    return -rc;
}
