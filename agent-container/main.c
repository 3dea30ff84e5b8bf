//  triage-playbook - the rule-based agent: reads a workspace, writes output/investigation.md.
//  SPDX-License-Identifier: Apache-2.0
#include "agent-container/playbook.h"
#include "common/base/clk.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { KUBECTL_MS = 8000, FACTS_BYTES = 32768, EX_INPUT = 64 };

extern char **environ;

//  Start argv in a process group of its own, its output on a pipe.  Returns the read end.
static int
s_spawn (char *const *argv, pid_t *ret_pid)
{
    int ends [2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return -errno;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init (&actions);
    posix_spawnattr_init (&attr);
    posix_spawn_file_actions_addopen (&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2 (&actions, ends [1], 1);
    posix_spawn_file_actions_adddup2 (&actions, ends [1], 2);
    posix_spawnattr_setflags (&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup (&attr, 0);
    int rc = posix_spawnp (ret_pid, argv [0], &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attr);
    close (ends [1]);
    if (rc != 0) {
        close (ends [0]);
        return -rc;
    }
    return ends [0];
}

//  Append a command's output until it ends, the deadline passes or out is full.
static int
s_capture (char *const *argv, int64_t deadline_ms, const clk_t *clk, buf_t *out)
{
    pid_t pid = -1;
    own (own_fd) int fd = s_spawn (argv, &pid);
    if (fd < 0)
        return fd;
    bool open = true;
    while (open && !out->failed) {
        int64_t left_ms = deadline_ms - clk_now (clk).boot_ms;
        struct pollfd item = {.fd = fd, .events = POLLIN};
        char chunk [4096];
        ssize_t count = 0;
        if (left_ms > 0 && poll (&item, 1, (int) left_ms) > 0)
            count = read (fd, chunk, sizeof (chunk));
        open = count > 0;
        if (open)
            buf_append (out, chunk, (size_t) count);
    }
    //  It has finished or run out of time: end everything it started.
    kill (-pid, SIGKILL);
    int status = 0;
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

//  Query kubectl about the resource, read-only.
static void
s_cluster (const char *event, size_t size, buf_t *facts, playbook_cluster_t *ret_cluster)
{
    const char *kubeconfig = getenv ("KUBECONFIG");
    if (!kubeconfig || !*kubeconfig) {
        ret_cluster->why = "no kubeconfig was given, so there was no cluster access";
        return;
    }
    fault_t fault;
    fault_read (event, size, "", &fault);
    if (!*fault.kind || !*fault.name) {
        ret_cluster->why = "the event names no resource to ask the cluster about";
        return;
    }
    char space [96];
    snprintf (space, sizeof (space), "--namespace=%s", fault.namespace_);
    char kubectl [] = "kubectl", get [] = "get", describe [] = "describe", end [] = "--";
    char wide [] = "--output=wide", limit [] = "--request-timeout=3s";
    char *const first [] = {kubectl, get, wide, limit, space, end, fault.kind, fault.name, NULL};
    char *const second [] = {kubectl, describe, limit, space, end, fault.kind, fault.name, NULL};
    own (clk_destroy) clk_t *clk = clk_new ();
    int64_t deadline_ms = clk ? clk_now (clk).boot_ms + KUBECTL_MS : 0;
    int rc = clk ? s_capture (first, deadline_ms, clk, facts) : -ENOMEM;
    if (rc == 0)
        rc = s_capture (second, deadline_ms, clk, facts);
    if (rc == 0 && facts->size > 0)
        ret_cluster->text = facts->data;
    else
        ret_cluster->why = rc == -ENOENT ? "kubectl is not on PATH, so there was no cluster access"
                                         : "kubectl gave no answer in time";
}

static int
s_write (const char *dir, const buf_t *report)
{
    char path [4096];
    int count = snprintf (path, sizeof (path), "%s/output", dir);
    if (count < 0 || (size_t) count >= sizeof (path) - 32)
        return -ENAMETOOLONG;
    if (mkdir (path, 0700) != 0 && errno != EEXIST)
        return -errno;
    snprintf (path, sizeof (path), "%s/output/investigation.md", dir);
    own (own_fd) int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    for (size_t at = 0; at < report->size;) {
        ssize_t done = write (fd, report->data + at, report->size - at);
        if (done < 0)
            return -errno;
        at += (size_t) done;
    }
    return 0;
}

static int
s_run (const char *dir)
{
    char path [4096];
    own (buf_fini) buf_t event = buf_init (LIMIT_EVENT_BYTES + LIMIT_MIB (1));
    snprintf (path, sizeof (path), "%s/event.json", dir);
    int rc = buf_read_file (&event, path);
    if (rc < 0) {
        fprintf (stderr, "triage-playbook: %s: %s\n", path, err_str (rc));
        return EX_INPUT;
    }
    own (buf_fini) buf_t incident = buf_init (LIMIT_MIB (1));
    own (json_drop) json_t *doc = NULL;
    snprintf (path, sizeof (path), "%s/incident.json", dir);
    rc = buf_read_file (&incident, path);
    if (rc == 0)
        rc = json_parse (incident.data, incident.size, &doc, NULL);
    const char *id = rc == 0 ? json_member_text (doc, "incidentId", "unknown") : "unknown";

    own (buf_fini) buf_t facts = buf_init (FACTS_BYTES);
    own (buf_fini) buf_t report = buf_init (LIMIT_MIB (2));
    playbook_cluster_t cluster = {0};
    s_cluster (event.data, event.size, &facts, &cluster);
    rc = playbook_report (id, event.data, event.size, &cluster, &report);
    if (rc == 0)
        rc = s_write (dir, &report);
    if (rc < 0) {
        fprintf (stderr, "triage-playbook: report cannot be written: %s\n", err_str (rc));
        return EXIT_RUNTIME;
    }
    printf ("triage-playbook: wrote output/investigation.md (%zu bytes)\n", report.size);
    return 0;
}

static void
s_usage (FILE *out)
{
    fputs ("usage: triage-playbook WORKSPACE\n\n"
           "Read event.json in WORKSPACE, and the cluster through "
           "kubectl where KUBECONFIG is set, and\n"
           "write output/investigation.md there by fixed rules; no model is asked.\n",
           out);
}

int
main (int argc, char **argv)
{
    if (argc == 2 && (strcmp (argv [1], "--help") == 0 || strcmp (argv [1], "-h") == 0)) {
        s_usage (stdout);
        return 0;
    }
    if (argc != 2 || argv [1][0] == '-' || strlen (argv [1]) > 3900) {
        s_usage (stderr);
        return EX_INPUT;
    }
    return s_run (argv [1]);
}
