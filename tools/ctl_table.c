//  ctl_table - triagectl's commands.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_table.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_change.h"
#include "tools/ctl_complete.h"
#include "tools/ctl_local.h"
#include "tools/ctl_show.h"
#include "tools/ctl_stream.h"

#include <stdio.h>
#include <string.h>

const ctl_command_t ctl_table [] = {
    {.noun = "status", .run = ctl_show_status, .help = "what the broker is doing"},
    {.noun = "incidents",
     .verb = "list",
     .options = "|state|reason|limit|",
     .run = ctl_show_incidents,
     .help = "newest first; --state and --reason choose"},
    {.noun = "incidents",
     .verb = "show",
     .usage = "ID",
     .args = CTL_INCIDENTS,
     .least = 1,
     .most = 1,
     .run = ctl_show_incident,
     .help = "everything about one, by its number or id"},
    {.noun = "incidents",
     .verb = "retry",
     .usage = "[ID...]",
     .args = CTL_INCIDENTS,
     .most = LIMIT_CTL_ROWS,
     .options = "|state|reason|limit|",
     .run = ctl_change_incident_retry,
     .help = "investigate again: by id, --state or --reason"},
    {.noun = "incidents",
     .verb = "cancel",
     .usage = "ID...",
     .args = CTL_INCIDENTS,
     .least = 1,
     .most = LIMIT_CTL_ROWS,
     .run = ctl_change_incident_cancel,
     .help = "end without a report; a running agent is stopped"},
    {.noun = "workers", .verb = "list", .run = ctl_show_workers, .help = "state and slots of each"},
    {.noun = "workers",
     .verb = "drain",
     .usage = "NAME...",
     .args = CTL_WORKERS,
     .least = 1,
     .most = LIMIT_CTL_ROWS,
     .run = ctl_change_worker_drain,
     .help = "give it no more work; it finishes what it has"},
    {.noun = "workers",
     .verb = "resume",
     .usage = "NAME...",
     .args = CTL_WORKERS,
     .least = 1,
     .most = LIMIT_CTL_ROWS,
     .run = ctl_change_worker_resume,
     .help = "end a drain"},
    {.noun = "clusters",
     .verb = "list",
     .run = ctl_show_clusters,
     .help = "connection of each, and counts since the start"},
    {.noun = "effects",
     .verb = "list",
     .options = "|state|limit|",
     .run = ctl_show_effects,
     .help = "what waits to be stored or sent, or failed (dead)"},
    {.noun = "effects",
     .verb = "retry",
     .usage = "[ID...]",
     .args = CTL_EFFECTS,
     .most = LIMIT_CTL_ROWS,
     .options = "|all|",
     .run = ctl_change_effect_retry,
     .help = "try again: any by id, or --all that are dead"},
    {.noun = "effects",
     .verb = "cancel",
     .usage = "[ID...]",
     .args = CTL_EFFECTS,
     .most = LIMIT_CTL_ROWS,
     .options = "|all|",
     .run = ctl_change_effect_cancel,
     .help = "give up: any by id, or --all that are dead"},
    {.noun = "stream",
     .verb = "replay",
     .options = "|after|limit|",
     .run = ctl_stream_replay,
     .help = "the records of the event stream after --after"},
    {.noun = "key",
     .verb = "new",
     .options = "|keys_dir|role|name|out|",
     .run = ctl_local_key_new,
     .help = "make keys of a worker, publisher or tap"},
    {.noun = "states", .run = ctl_local_states, .help = "print docs/states.md"},
    {.noun = "protocol", .run = ctl_local_protocol, .help = "print the tables of docs/protocol.md"},
    {.noun = "complete",
     .usage = "-- WORD...",
     .args = CTL_WORDS,
     .most = LIMIT_CTL_ROWS,
     .run = ctl_complete,
     .help = "what the last word may become, for shells"},
    {.noun = NULL},
};

bool
ctl_table_noun_is (const char *word, const char *noun)
{
    size_t length = strlen (noun);
    return strcmp (word, noun) == 0
           || (noun [length - 1] == 's' && strcmp (noun, "status") != 0
               && strlen (word) == length - 1 && strncmp (word, noun, length - 1) == 0);
}

const ctl_command_t *
ctl_table_find (const char *const *words, size_t count, size_t *ret_words)
{
    for (const ctl_command_t *command = ctl_table; count > 0 && command->noun; command++) {
        if (!ctl_table_noun_is (words [0], command->noun))
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

//  --- what names no command

//  Append the commands of one noun (verb NULL), or those with this verb (noun NULL).
//  Returns how many.
static int
s_each_of (const char *noun, const char *verb, buf_t *text)
{
    int count = 0;
    for (const ctl_command_t *command = ctl_table; command->noun; command++) {
        if ((noun && strcmp (command->noun, noun) != 0)
            || (verb && (!command->verb || strcmp (command->verb, verb) != 0)))
            continue;
        buf_printf (text, "%s%s%s%s", count++ ? ", " : "", command->noun, command->verb ? " " : "",
                    command->verb ? command->verb : "");
    }
    return count;
}

//  The noun that is meant by the word; NULL = it is like none.
static const char *
s_nearest_noun (const char *word)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const ctl_command_t *command = ctl_table; command->noun; command++) {
        if (ctl_table_noun_is (word, command->noun))
            return command->noun;
        conf_nearest (word, command->noun, &best, &distance);
    }
    return best;
}

static const char *
s_nearest_verb (const char *noun, const char *word)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const ctl_command_t *command = ctl_table; command->noun; command++)
        if (command->verb && strcmp (command->noun, noun) == 0)
            conf_nearest (word, command->verb, &best, &distance);
    return best;
}

void
ctl_table_unknown (const char *const *words, size_t count, buf_t *text)
{
    own (buf_fini) buf_t others = buf_init (LIMIT_KIB (4));
    const char *noun = count ? s_nearest_noun (words [0]) : NULL;
    const bool known = noun && ctl_table_noun_is (words [0], noun);
    const char *verb = noun && count > 1 ? s_nearest_verb (noun, words [1]) : NULL;
    if (count == 0)
        buf_text (text, "no command");
    else if (known && count == 1)
        buf_printf (text, "%.60s needs a second word", words [0]);
    else
        buf_printf (text, "unknown command \"%.60s%s%.60s\"", words [0], known ? " " : "",
                    known ? words [1] : "");
    if (noun && (verb || !known))
        buf_printf (text, ", did you mean \"%s%s%s\"?", noun, verb ? " " : "", verb ? verb : "");
    else if (count && s_each_of (noun, noun ? NULL : words [0], &others))
        buf_printf (text, ": %s", others.data);
}

bool
ctl_table_owned (const char *key)
{
    char framed [64];
    snprintf (framed, sizeof (framed), "|%s|", key);
    for (const ctl_command_t *command = ctl_table; command->noun; command++)
        if (command->options && strstr (command->options, framed))
            return true;
    return false;
}

void
ctl_table_help (buf_t *text)
{
    for (const ctl_command_t *command = ctl_table; command->noun; command++) {
        char words [64];
        snprintf (words, sizeof (words), "%s%s%s%s%s", command->noun, command->verb ? " " : "",
                  command->verb ? command->verb : "", command->usage ? " " : "",
                  command->usage ? command->usage : "");
        buf_printf (text, "%-24s  %s\n", words, command->help);
    }
}
