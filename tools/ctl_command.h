//  ctl_command - a command of triagectl, and the search in a table of them.
//
//  A table ends with a row without a noun.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

//  Kind of a command's arguments.
typedef enum { CTL_NO_ARGS, CTL_INCIDENTS, CTL_WORKERS, CTL_EFFECTS, CTL_WORDS } ctl_args_t;

struct ctl_command {
    const char *noun, *verb; //  verb NULL: none; "list" may be omitted
    const char *usage;       //  the arguments, for --help
    ctl_args_t args;
    size_t least, most; //  number of arguments
    //  Keys of the option rows that belong to it, "|" on both sides of each.
    const char *options;
    int (*run) (const ctl_t *self);
    const char *help;
};

//  The command at the start of words; a noun may be singular.  NULL = none.  *ret_words: how many
//  of the words name it.
const ctl_command_t *
ctl_command_find (const ctl_command_t *table, const char *const *words, size_t count,
                  size_t *ret_words);
//  Append an error for words that name no command, with the commands they may mean.
void
ctl_command_unknown (const ctl_command_t *table, const char *const *words, size_t count,
                     buf_t *text);
//  Does the word mean this noun?  "incident" also means "incidents".
bool
ctl_command_noun_is (const char *word, const char *noun);
//  Does this option belong to certain commands only?
bool
ctl_command_owned (const ctl_command_t *table, const char *key);
//  Append one line per command, for --help.
void
ctl_command_help (const ctl_command_t *table, buf_t *text);
