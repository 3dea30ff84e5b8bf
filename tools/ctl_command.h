//  ctl_command - a command of triagectl, and the search in a table of them.
//
//  A table ends with a row without a noun.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  What the arguments of a command are.
typedef enum { CTL_NO_ARGS, CTL_INCIDENTS, CTL_WORKERS, CTL_EFFECTS, CTL_WORDS } ctl_args_t;

struct ctl_command {
    const char *noun, *verb; //  verb NULL: none; "list" may be left out
    const char *usage;       //  of the arguments, for --help
    ctl_args_t args;
    size_t least, most;  //  how many
    const char *options; //  keys of the rows that belong to it, "|" on both sides of each
    int (*run) (const ctl_t *self);
    const char *help;
};

//  The command that words begin with; a noun may be singular.  NULL = none.
//  *ret_words: how many of the words name it.
const ctl_command_t *
ctl_command_find (const ctl_command_t *table, const char *const *words, size_t count,
                  size_t *ret_words);
//  Append what is wrong with words that name no command, and which one they may mean.
void
ctl_command_unknown (const ctl_command_t *table, const char *const *words, size_t count,
                     buf_t *text);
//  Does the word mean this noun?  "incident" is as good as "incidents".
bool
ctl_command_noun_is (const char *word, const char *noun);
//  Is this option of some commands only?
bool
ctl_command_owned (const ctl_command_t *table, const char *key);
//  Append one line a command, for --help.
void
ctl_command_help (const ctl_command_t *table, buf_t *text);
