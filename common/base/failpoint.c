//  failpoint - named places where a test build can die or fail.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/failpoint.h"

#include "common/base/err.h"

#ifdef TRIAGE_FAILPOINTS

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

//  Every action that has failpoints.  To add one: add a row "PROGRAM.PLACE.ACTION" here, and use
//  its place and action in the call.
//  The system test kills the program before and after each row.  A row that no run passes fails
//  that test.
static const char *const s_names [] = {
    "broker.retire.blobs",     "broker.retire.folder",

    "broker.event.read",       "broker.answer.read",       "broker.report.read",
    "broker.open.commit",      "broker.ready.rename",      "broker.store.commit",
    "broker.store.checkpoint", "broker.close.checkpoint",  "broker.send.WELCOME",
    "broker.send.ASSIGN",      "broker.send.LEASE",        "broker.send.VERDICT_ACK",
    "broker.send.CANCEL",      "broker.send.PONG",         "broker.send.BYE",
    "broker.send.ERROR",       "broker.send.EVENT_ACK",    "broker.send.EVENT_NACK",
    "broker.send.GO",          "broker.send.SEALED",       "broker.send.DATA",
    "broker.send.GO_EVENT",    "broker.send.RECORD",       "broker.mkdir.folder",
    "broker.render.rename",    "broker.trial.sync",        "broker.staged.sync",
    "broker.staged.folder",    "broker.manifest.sync",     "broker.manifest.rename",
    "broker.manifest.folder",  "broker.seal.rename",       "broker.seal.folder",
    "broker.webhook.post",     "broker.effect.run",        "broker.slack.post",
    "broker.promote.rename",   "broker.promote.folder",    "broker.save.sync",
    "broker.save.rename",      "broker.save.folder",       "broker.event.sync",
    "broker.event.rename",     "broker.event.folder",      "broker.body.sync",
    "broker.body.rename",      "broker.body.folder",       "broker.session.sync",
    "broker.session.rename",   "broker.session.folder",    "broker.send.PING",
    "broker.copy.fill",        "broker.copy.sync",         "broker.copy.rename",
    "broker.copy.folder",      "broker.bot.history",       "broker.bot.post",
    "broker.bot.update",       "broker.bot.replies",       "broker.bot.detail",
    "broker.bot.url",          "broker.bot.upload",        "broker.bot.share",
    "broker.migrate.step",     "broker.migrate.commit",    "broker.migrate.checkpoint",
    "broker.page.make",        "broker.blob.write",

    "worker.id.sync",          "worker.id.rename",         "worker.id.folder",
    "worker.ready.rename",     "worker.send.HELLO",        "worker.send.CREDIT",
    "worker.send.ACCEPT",      "worker.send.STARTED",      "worker.send.PROGRESS",
    "worker.send.VERDICT",     "worker.send.RELEASE",      "worker.send.PING",
    "worker.send.BYE",         "worker.send.GET",          "worker.send.PUT",
    "worker.send.SEAL",        "worker.run.start",         "worker.collect.sync",
    "worker.collect.folder",   "worker.verdict.sync",      "worker.verdict.rename",
    "worker.verdict.folder",   "worker.spool.rename",      "worker.spool.folder",
    "worker.redact.sync",      "worker.redact.rename",     "worker.redact.folder",
    "worker.discard.rename",   "worker.sweep.rename",      "worker.send.PONG",
    "worker.prompt.rename",    "worker.resume.rename",

    "run.result.sync",         "run.result.rename",        "run.result.folder",
    "run.resume.rename",

    "publisher.ready.rename",  "publisher.ids.folder",     "publisher.ids.sync",
    "publisher.send.EVENT",    "publisher.send.PUT_EVENT", "publisher.send.SEAL_EVENT",
    "publisher.ack.log",       "publisher.finish.unlink",  "publisher.finish.folder",
};

enum { NAMES = sizeof (s_names) / sizeof (s_names [0]), NAME_BYTES = 64 };

static const char *s_program; //  NULL = no failpoint does anything
static const char *s_armed;   //  row of s_names, NULL = none; set before threads start
static bool s_armed_after;
static int s_errno;           //  0 = kill
static int s_slow_ms;         //  0 = kill or errno
static unsigned long s_nth;   //  fires at this passage, counted from 1
static atomic_ulong s_passed; //  passages of the armed failpoint so far

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
                    "TRIAGE_FAILPOINT=%s: expected list, NAME:kill[:NTH], NAME:slow=MS[:NTH] or "
                    "NAME:errno=E[:NTH] with a name of the list (errno: .before only)\n",
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

//  Parse "kill", "errno=E" or "slow=MS".

static bool
s_arm_action (const char *action, size_t size)
{
    if (size == 4 && strncmp (action, "kill", 4) == 0)
        return true;
    if (size > 6 && strncmp (action, "errno=", 6) == 0) {
        s_errno = s_errno_of (action + 6, size - 6);
        return s_errno != 0;
    }
    if (size <= 5 || size > 11 || strncmp (action, "slow=", 5) != 0
        || strspn (action + 5, "0123456789") != size - 5)
        return false;
    s_slow_ms = (int) strtol (action + 5, NULL, 10);
    return s_slow_ms > 0;
}

//  Parse an action and, after a colon, its passage.

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
    s_errno = s_slow_ms = 0;
    s_nth = nth;
    return s_arm_action (action, size);
}

//  Find "NAME.before" or "NAME.after" in the table.

static const char *
s_point (const char *text, size_t size, bool *ret_after)
{
    static const char *const suffixes [] = {".before", ".after"};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen (suffixes [i]);
        *ret_after = i == 1;
        if (size > length && memcmp (text + size - length, suffixes [i], length) == 0)
            return s_find (text, size - length);
    }
    return NULL;
}

void
failpoint_init (const char *program)
{
    //  Runs before threads start, and nothing here changes the environment.
    const char *text = getenv ("TRIAGE_FAILPOINT"); //  NOLINT(concurrency-mt-unsafe)
    s_program = program;
    s_armed = NULL;
    atomic_store (&s_passed, 0);
    if (!text || !*text)
        return;
    if (strcmp (text, "list") == 0) {
        for (size_t i = 0; i < NAMES; i++) {
            if (s_is_of (s_names [i], program))
                (void) printf ("%s.before\n%s.after\n", s_names [i], s_names [i]);
        }
        (void) fflush (stdout);
        _exit (0);
    }
    size_t size = strcspn (text, ":");
    const char *name = s_point (text, size, &s_armed_after);
    if (!name || !text [size] || !s_arm (text + size + 1) || (s_errno && s_armed_after))
        s_refuse (text);
    //  Ignore another program's failpoint in a shared environment.
    if (s_is_of (name, program))
        s_armed = name;
}

//  One write (2), so that the last words of this process stay whole while other threads log.

static _Noreturn void
s_die (void)
{
    char line [NAME_BYTES + 32];
    int size = snprintf (line, sizeof line, "failpoint %s.%s\n", s_armed,
                         s_armed_after ? "after" : "before");
    if (write (STDERR_FILENO, line, (size_t) size) == size)
        (void) raise (SIGKILL);
    abort ();
}

//  Returns 0 or a negative errno; may kill the process.

static int
s_pass (const char *place, const char *action, bool after)
{
    if (!s_program)
        return 0;
    char name [NAME_BYTES];
    int size = snprintf (name, sizeof name, "%s.%s.%s", s_program, place, action);
    const char *known = size < NAME_BYTES ? s_find (name, (size_t) size) : NULL;
    if (!known) {
        (void) fprintf (stderr, "failpoint %s is not in the table of failpoint.c\n", name);
        abort ();
    }
    if (known != s_armed || after != s_armed_after || atomic_fetch_add (&s_passed, 1) + 1 != s_nth)
        return 0;
    if (!s_errno && !s_slow_ms)
        s_die ();
    if (s_slow_ms)
        (void) poll (NULL, 0, s_slow_ms);
    return -s_errno;
}

int
failpoint_before (const char *place, const char *action)
{
    return s_pass (place, action, false);
}

void
failpoint_after (const char *place, const char *action)
{
    (void) s_pass (place, action, true);
}

int64_t
failpoint_number (const char *name, int64_t limit)
{
    const char *text = getenv (name);
    char *end = NULL;
    const long long number = text ? strtoll (text, &end, 10) : 0;
    return text && *text && !*end && number >= 0 ? number : limit;
}

#endif
