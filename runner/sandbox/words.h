//  words - a list of words that ends with NULL: the arguments or the environment of a program.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <sys/types.h>

enum { WORDS_COUNT = 512 }; //  most words of one list

//  Own: the words are on the heap; words_fini wipes and frees them.  Init: {0}.
typedef struct {
    char *items [WORDS_COUNT + 1];
    size_t count;
    int failed; //  0; -ENOMEM, ERR_LIMIT: the list is not complete
} words_t;

void
words_fini (words_t *self);
//  Add one word.  On failure `failed` is set and the list stays as it is: check it at the end.
void
words_add (words_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
//  Add a flag and its value.
void
words_flag (words_t *self, const char *flag, const char *value);
//  Add a flag and a number.
void
words_number (words_t *self, const char *flag, long long value);
//  Start a program in a process group of its own, all signals at their defaults and none blocked.
//  fds: its input, output and error output; -1 = ours.  Err: -errno, ERR_LIMIT: a list is not
//  complete; nothing was started.
int
words_start (const words_t *argv, const words_t *envp, const int fds [3],
             pid_t *ret_pid) must_check;
