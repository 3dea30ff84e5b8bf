//  ctl_command - finds a command by its words, or reports what is wrong with them.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_command.h"

#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>

bool
ctl_command_noun_is (const char *word, const char *noun)
{
    size_t length = strlen (noun);
    return strcmp (word, noun) == 0
           || (noun [length - 1] == 's' && strcmp (noun, "status") != 0
               && strlen (word) == length - 1 && strncmp (word, noun, length - 1) == 0);
}

const ctl_command_t *
ctl_command_find (const ctl_command_t *table, const char *const *words, size_t count,
                  size_t *ret_words)
{
    for (const ctl_command_t *command = table; count > 0 && command->noun; command++) {
        if (!ctl_command_noun_is (words [0], command->noun))
            continue;
        bool named = command->verb && count > 1 && strcmp (words [1], command->verb) == 0;
        bool implied = !command->verb || (count == 1 && strcmp (command->verb, "list") == 0);
        if (!named && !implied)
            continue;
        *ret_words = named ? 2 : 1;
        return command;
    }
    return NULL;
}

//  --- unknown words

//  Append the commands of one noun (verb NULL), or those with this verb (noun NULL).  Returns how
//  many.
static int
s_each_of (const ctl_command_t *table, const char *noun, const char *verb, buf_t *text)
{
    int count = 0;
    for (const ctl_command_t *command = table; command->noun; command++) {
        if ((noun && strcmp (command->noun, noun) != 0)
            || (verb && (!command->verb || strcmp (command->verb, verb) != 0)))
            continue;
        buf_printf (text, "%s%s%s%s", count++ ? ", " : "", command->noun, command->verb ? " " : "",
                    command->verb ? command->verb : "");
    }
    return count;
}

//  The noun that the word is most like; NULL = none.
static const char *
s_nearest_noun (const ctl_command_t *table, const char *word)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const ctl_command_t *command = table; command->noun; command++) {
        if (ctl_command_noun_is (word, command->noun))
            return command->noun;
        conf_nearest (word, command->noun, &best, &distance);
    }
    return best;
}

static const char *
s_nearest_verb (const ctl_command_t *table, const char *noun, const char *word)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const ctl_command_t *command = table; command->noun; command++)
        if (command->verb && strcmp (command->noun, noun) == 0)
            conf_nearest (word, command->verb, &best, &distance);
    return best;
}

void
ctl_command_unknown (const ctl_command_t *table, const char *const *words, size_t count,
                     buf_t *text)
{
    own (buf_fini) buf_t others = buf_init (LIMIT_KIB (4));
    const char *noun = count ? s_nearest_noun (table, words [0]) : NULL;
    const bool known = noun && ctl_command_noun_is (words [0], noun);
    const char *verb = noun && count > 1 ? s_nearest_verb (table, noun, words [1]) : NULL;
    if (count == 0)
        buf_text (text, "no command");
    else if (known && count == 1)
        buf_printf (text, "%.60s needs a second word", words [0]);
    else
        buf_printf (text, "unknown command \"%.60s%s%.60s\"", words [0], known ? " " : "",
                    known ? words [1] : "");
    if (noun && (verb || !known))
        buf_printf (text, ", did you mean \"%s%s%s\"?", noun, verb ? " " : "", verb ? verb : "");
    else if (count && s_each_of (table, noun, noun ? NULL : words [0], &others))
        buf_printf (text, ": %s", others.data);
}

bool
ctl_command_owned (const ctl_command_t *table, const char *key)
{
    char framed [64];
    snprintf (framed, sizeof (framed), "|%s|", key);
    for (const ctl_command_t *command = table; command->noun; command++)
        if (command->options && strstr (command->options, framed))
            return true;
    return false;
}

void
ctl_command_help (const ctl_command_t *table, buf_t *text)
{
    for (const ctl_command_t *command = table; command->noun; command++) {
        char words [64];
        snprintf (words, sizeof (words), "%s%s%s%s%s", command->noun, command->verb ? " " : "",
                  command->verb ? command->verb : "", command->usage ? " " : "",
                  command->usage ? command->usage : "");
        buf_printf (text, "%-24s  %s\n", words, command->help);
    }
}
