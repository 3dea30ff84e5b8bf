//  failpoint - named places where a test build can die or fail.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/failpoint.h"

#include "common/base/err.h"

#ifdef TRIAGE_FAILPOINTS

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

//  Every failpoint of the project.  To add one: a row "PROGRAM.MODULE.ACTION.before" (or .after) in
//  the block of its program, in the order in which they are passed, and one call of failpoint () or
//  failpoint_errno () with the same text.  The system test kills the program at each row that
//  TRIAGE_FAILPOINT=list prints, so a row that no run passes fails that test.
static const char *const s_names [] = {
    "broker.store.commit.before",
    "broker.store.commit.after",
    "broker.blob.write.before",
    "broker.blob.fsync.before",
    "broker.blob.rename.before",
    "broker.blob.rename.after",
    "broker.send.before",
    "broker.send.after",
    "broker.artifact.chunk.before",
    "broker.artifact.seal.before",
    "broker.artifact.seal.rename.before",
    "broker.artifact.seal.rename.after",
    "broker.artifact.sealed.sent",
    "broker.effect.before",
    "broker.effect.after",

    "worker.fetch.before",
    "worker.run.before",
    "worker.run.after",
    "worker.spool.fsync.before",
    "worker.spool.rename.before",
    "worker.spool.rename.after",
    "worker.put.before",
    "worker.seal.before",
    "worker.sealed.after",
    "worker.verdict.before",
    "worker.verdict.after",
    "worker.ack.before",
    "worker.ack.after",

    "publisher.id.write.before",
    "publisher.id.write.after",
    "publisher.event.before",
    "publisher.event.after",
    "publisher.ack.before",
    "publisher.ack.after",
    "publisher.id.write",
    "publisher.id.sync",
    "publisher.chunk.before",
    "publisher.seal.before",
    "publisher.finish.before",
    "publisher.finish.after",
};

enum { NAMES = sizeof (s_names) / sizeof (s_names [0]) };

static const char *s_armed;   //  row of s_names, NULL = none; set before threads start
static int s_errno;           //  0 = kill
static unsigned long s_nth;   //  fires at this passage, counted from 1
static atomic_ulong s_passed; //  passages of the armed one

static const char *
s_find (const char *name, size_t size)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (strlen (s_names [i]) == size && memcmp (s_names [i], name, size) == 0)
            return s_names [i];
    }
    return NULL;
}

static bool
s_is_of (const char *name, const char *program)
{
    size_t size = strlen (program);
    return strncmp (name, program, size) == 0 && name [size] == '.';
}

static _Noreturn void
s_refuse (const char *text)
{
    (void) fprintf (stderr,
                    "TRIAGE_FAILPOINT=%s: expected list, NAME:kill[:NTH] or "
                    "NAME:errno=E[:NTH] with a name of the list\n",
                    text);
    _exit (EXIT_USAGE);
}

static int
s_errno_of (const char *name, size_t size)
{
    for (int code = 1; code < 134; code++) {
        const char *other = strerrorname_np (code);
        if (other && strlen (other) == size && memcmp (other, name, size) == 0)
            return code;
    }
    return 0;
}

//  "kill[:NTH]" or "errno=E[:NTH]".

static bool
s_arm (const char *action)
{
    size_t size = strcspn (action, ":");
    unsigned long nth = 1;
    if (action [size]) {
        char *end = NULL;
        nth = strtoul (action + size + 1, &end, 10);
        if (*end || nth == 0)
            return false;
    }
    int code = 0;
    if (size > 6 && strncmp (action, "errno=", 6) == 0) {
        code = s_errno_of (action + 6, size - 6);
        if (code == 0)
            return false;
    }
    else if (size != 4 || strncmp (action, "kill", 4) != 0) {
        return false;
    }
    s_errno = code;
    s_nth = nth;
    return true;
}

void
failpoint_init (const char *program)
{
    //  Before threads start, and nothing here changes the environment.
    const char *text = getenv ("TRIAGE_FAILPOINT"); //  NOLINT(concurrency-mt-unsafe)
    s_armed = NULL;
    atomic_store (&s_passed, 0);
    if (!text || !*text)
        return;
    if (strcmp (text, "list") == 0) {
        for (size_t i = 0; i < NAMES; i++) {
            if (s_is_of (s_names [i], program))
                (void) printf ("%s\n", s_names [i]);
        }
        (void) fflush (stdout);
        _exit (0);
    }
    size_t size = strcspn (text, ":");
    const char *name = s_find (text, size);
    if (!name || !text [size] || !s_arm (text + size + 1))
        s_refuse (text);
    //  The failpoint of another program in a shared environment is none of ours.
    if (s_is_of (name, program))
        s_armed = name;
}

//  0 not now, 1 kill, negative errno.

static int
s_pass (const char *name)
{
    const char *known = s_find (name, strlen (name));
    if (!known) {
        (void) fprintf (stderr, "failpoint %s is not in the table of failpoint.c\n", name);
        abort ();
    }
    if (known != s_armed || atomic_fetch_add (&s_passed, 1) + 1 != s_nth)
        return 0;
    return s_errno ? -s_errno : 1;
}

static void
s_die (void)
{
    (void) raise (SIGKILL);
    abort ();
}

void
failpoint (const char *name)
{
    if (s_pass (name) == 1)
        s_die ();
}

int
failpoint_errno (const char *name)
{
    int rc = s_pass (name);
    if (rc == 1)
        s_die ();
    return rc;
}

#endif
