//  SPDX-License-Identifier: Apache-2.0
#include "worker/check_agent.h"

#include "common/base/folder.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/domain/failure.h"
#include "common/net/http.h"
#include "runner/cgroup.h"
#include "runner/sandbox/hole.h"
#include "tools/table.h"
#include "worker/gateway/provider.h"
#include "worker/keeper/redact.h"
#include "worker/loop/network.h"
#include "worker/loop/program.h"
#include "worker/loop/ready.h"
#include "worker/loop/runtimes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHECK_CALL_MS = 10000,
    CHECK_BODY_BYTES = 256 * 1024, //  a list of models
    CHECK_DEPTH = 64               //  of the folder in which runtimes are tried out
};

//  --- where

typedef struct {
    char program_dir [PATH_MAX], script [PATH_MAX], folder [PATH_MAX];
} place_t;

//  Own: a folder of its own; s_leave removes it.
static int
s_enter (const settings_t *settings, place_t *place)
{
    err_diag_t diag = {""};
    const char *tmp = getenv ("TMPDIR");
    snprintf (place->folder, sizeof place->folder, "%s/triage-check-XXXXXX",
              tmp && *tmp == '/' ? tmp : "/tmp");
    int rc = program_folder (place->program_dir, &diag);
    if (rc == 0)
        rc = program_script (settings, place->program_dir, place->script, &diag);
    if (rc == ERR_CONFIG)
        fprintf (stderr, "%s\n", diag.text);
    if (rc != ERR_CONFIG && (!mkdtemp (place->folder) || chmod (place->folder, 0711) != 0)) {
        fprintf (stderr, "%s: %s\n", place->folder, err_str (-errno));
        return -errno;
    }
    return rc == ERR_CONFIG ? rc : 0;
}

static void
s_leave (const place_t *place)
{
    if (folder_remove_path (place->folder, CHECK_DEPTH) < 0)
        fprintf (stderr, "%s: not removed\n", place->folder);
}

//  --- the call

typedef struct {
    bool ended;
    int status, rc;
    buf_t body;
    char reason [256];
} call_t;

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    ((call_t *) arg)->status = status;
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    (void) buf_append (&((call_t *) arg)->body, bytes, size);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    call_t *call = arg;
    call->ended = true;
    call->rc = rc;
    snprintf (call->reason, sizeof call->reason, "%s", reason ? reason : "");
}

//  The provider's own sentence in an error's body.  Some repeat the key in it.
static void
s_sentence (const call_t *call, const char *key, char *ret_text, size_t size)
{
    own (json_drop) json_t *doc = NULL;
    own (redact_fini) redact_t secret = {0};
    err_diag_t diag = {""};
    const int rc = json_parse (call->body.data, call->body.size, &doc, &diag);
    const json_t *error = rc == 0 ? json_object_get (doc, "error") : NULL;
    snprintf (ret_text, size, "%s", json_member_text (error, "message", ""));
    redact_add (&secret, key, strlen (key));
    if (redact (&secret, ret_text, strlen (ret_text), false) < 0)
        *ret_text = 0; //  out of memory
}

static int
s_perform (const char *url, const char *header, call_t *call)
{
    static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};
    const char *headers [] = {header, "anthropic-version: 2023-06-01"};
    const http_request_t request = {.method = "GET",
                                    .url = url,
                                    .headers = headers,
                                    .header_count = 2,
                                    .connect_ms = CHECK_CALL_MS,
                                    .total_ms = CHECK_CALL_MS,
                                    .response_max_bytes = CHECK_BODY_BYTES};
    own (http_destroy) http_t *http = http_new ();
    http_transfer_t *transfer = NULL;
    int rc = http ? http_start (http, &request, &hooks, call, &transfer) : -ENOMEM;
    while (rc == 0 && !call->ended)
        http_poll (http, -1, CHECK_CALL_MS);
    return rc ? rc : call->rc;
}

typedef enum { S_OK, S_FAILED, S_UNKNOWN } answer_t;

//  What an answer to the question for models says about key and address.  *ret_class: of a run
//  that gets it.
static answer_t
s_judge (const call_t *call, int rc, const char *url, const char *key, char *ret_text, size_t size,
         run_class_t *ret_class)
{
    char sentence [256];
    s_sentence (call, key, sentence, sizeof sentence);
    if (rc < 0) {
        snprintf (ret_text, size, "%s: %s", url, *call->reason ? call->reason : err_str (rc));
        return S_FAILED;
    }
    if (call->status == 404) {
        snprintf (
            ret_text, size,
            "%s: HTTP 404: the base URL is wrong, or this provider has no list of models; the "
            "first agent will show if the key is good",
            url);
        return S_UNKNOWN;
    }
    if (call->status >= 400)
        *ret_class = failure_class (call->status, sentence);
    const char *class = run_class_name (*ret_class);
    snprintf (ret_text, size, "%s: HTTP %d%s%s%s%s", url, call->status, *class ? " " : "", class,
              *sentence ? ": " : "", sentence);
    return call->status >= 200 && call->status < 300 ? S_OK : S_FAILED;
}

//  Append what to do.
static void
s_advise (const settings_t *settings, const driver_t *driver, run_class_t class, char *text,
          size_t size)
{
    char advice [512] = "";
    const char *mend = run_class_rule (class)->mend;
    if (class == RUN_CLASS_AUTH)
        network_advice (settings, driver, advice, sizeof advice);
    else if (mend)
        snprintf (advice, sizeof advice, "%s", mend);
    const size_t used = strlen (text);
    if (*advice)
        snprintf (text + used, size - used, "; %s", advice);
}

//  Ask the provider for its models: that costs nothing, and needs a good key.
static answer_t
s_call (const settings_t *settings, const driver_t *driver, char *ret_text, size_t size)
{
    gateway_spec_t gateway = {0};
    network_keys (settings, driver, false, &gateway);
    const provider_t *provider = provider_find (driver->provider);
    const char *key = gateway.key_count > 0 ? gateway.keys [0].key : "";
    if (provider && !*key && network_of (settings, driver) != SANDBOX_GATEWAY) {
        snprintf (ret_text, size, "the agent logs in by itself: its first run will show if it can");
        return S_UNKNOWN;
    }
    if (!provider || !*key) {
        const bool known = !driver->ours || driver->program [0];
        snprintf (ret_text, size, "%s",
                  provider ? "no key is set"
                  : known  ? "it needs none"
                           : "which one it needs is not known");
        return provider ? S_FAILED : known ? S_OK : S_UNKNOWN;
    }
    own (buf_fini) buf_t url = buf_init (4096), header = buf_init (LIMIT_SECRET_BYTES + 64);
    const char *base = gateway.keys [0].base_url;
    provider_models_url (provider, base, &url);
    if (provider_key_header (provider, key, &header) < 0 || url.failed) {
        snprintf (ret_text, size, "the key or its address cannot be sent");
        return S_FAILED;
    }
    call_t call = {.body = buf_init (CHECK_BODY_BYTES)};
    const int rc = s_perform (url.data, header.data, &call);
    explicit_bzero (header.data, header.size);
    run_class_t class = RUN_CLASS_NONE;
    const answer_t answer = s_judge (&call, rc, url.data, key, ret_text, size, &class);
    s_advise (settings, driver, class, ret_text, size);
    buf_fini (&call.body);
    return answer;
}

//  --- the tables

static void
s_line (table_t *table, const char *what, const char *result, const char *detail)
{
    table_line (table);
    table_text (table, what, NULL);
    table_text (table, result, NULL);
    table_text (table, detail, NULL);
}

//  Which clusters agents can ask.
static void
s_kubeconfig (table_t *table, const settings_t *settings)
{
    char text [PATH_MAX + 64] = "";
    const settings_cluster_t *clusters = settings->clusters.items;
    size_t with = 0;
    for (size_t i = 0; i < settings->clusters.count; i++)
        with += *settings_kubeconfig (settings, clusters [i].name) != 0;
    if (settings->clusters.count > 0)
        snprintf (text, sizeof text, "of %zu clusters; %zu are listed", with,
                  settings->clusters.count);
    else
        snprintf (text, sizeof text, "%s", settings->kubeconfig);
    const bool any = with > 0 || (settings->clusters.count == 0 && *settings->kubeconfig);
    s_line (table, "kubeconfig", any ? "set" : "none",
            any ? text : "agents cannot ask any cluster: set KUBECONFIG");
}

int
check_agent (const settings_t *settings)
{
    static const table_column_t columns [] = {{"CHECK", 0}, {"RESULT", 0}, {"DETAIL", TABLE_WRAP}};
    place_t place;
    if (s_enter (settings, &place) < 0)
        return EXIT_CONFIG;
    own (own_mem) ready_report_t *report = calloc (1, sizeof *report);
    own (table_destroy) table_t *table = table_new (columns, 3, true, false);
    if (!report || !table)
        return EXIT_RUNTIME;
    const ready_spec_t spec = {.settings = settings,
                               .script = place.script,
                               .program_dir = place.program_dir,
                               .home = place.folder};
    ready_look (&spec, report);
    s_leave (&place);
    char text [1024];
    const driver_t *driver = &report->driver;
    s_line (table, "agent", settings_agent (settings), place.script);
    s_line (table, "program", driver->path [0] ? "found" : "-", driver->path);
    s_line (table, "version", driver->version, "");
    s_line (table, "runtime", report->runtime, "");
    const sandbox_network_t network = network_of (settings, driver);
    s_line (table, "network", sandbox_network_name (network), "");
    s_kubeconfig (table, settings);
    s_line (table, "ready", report->good ? "yes" : "NO", report->why);
    static const char *const answers [] = {"ok", "FAILED", "unknown"};
    const answer_t answer = s_call (settings, driver, text, sizeof text);
    s_line (table, "provider", answers [answer], text);
    const int rc = table_print (table);
    return rc == 0 && report->good && answer != S_FAILED ? 0 : EXIT_RUNTIME;
}

static void
s_holes (unsigned holes, char *ret_text, size_t size)
{
    size_t used = 0;
    ret_text [0] = 0;
    for (unsigned hole = 1; hole < HOLE_END; hole <<= 1)
        if (holes & hole && used < size) {
            const int added = snprintf (ret_text + used, size - used, "%s%s: %s", used ? "; " : "",
                                        hole_name ((hole_t) hole), hole_text ((hole_t) hole));
            used += added > 0 ? (size_t) added : 0;
        }
}

//  Who holds the limits of runs on this host?
static int
s_limits (void)
{
    static const table_column_t columns [] = {{"LIMIT", 0}, {"HELD BY", 0}};
    static const char *const holders [] = {[CGROUP_POLLED] = "triage-run, which looks",
                                           [CGROUP_V1] = "the kernel, by cgroup v1",
                                           [CGROUP_V2] = "the kernel, by cgroup v2"};
    static const char *const names [] = {"memory", "processes", "CPU", "the end of a run"};
    own (table_destroy) table_t *table = table_new (columns, 2, true, false);
    cgroup_by_t by [CGROUP_PARTS];
    cgroup_probe (by);
    for (cgroup_part_t part = CGROUP_MEMORY; table && part < CGROUP_PARTS; part++) {
        const bool nobody = part == CGROUP_CPU && by [part] == CGROUP_POLLED;
        table_line (table);
        table_text (table, names [part], NULL);
        table_text (table, nobody ? "nobody" : holders [by [part]], NULL);
    }
    if (table) {
        table_line (table);
        table_text (table, "disk and files", NULL);
        table_text (table, holders [CGROUP_POLLED], NULL);
    }
    return table ? table_print (table) : -ENOMEM;
}

//  One line: what it holds and what not, or why it does not work.  Returns if it works.
static bool
s_runtime (const runtimes_ask_t *ask, const runtime_t *runtime, table_t *table)
{
    err_diag_t diag = {""};
    char holes [2048], text [2304];
    const bool good = runtimes_probe (ask, runtime, &diag) == 0;
    s_holes (runtimes_holes (ask, runtime), holes, sizeof holes);
    snprintf (text, sizeof text, "holds %s%s%s", runtime->holds, *holes ? "; does not hold " : "",
              holes);
    s_line (table, runtime->name, good ? "yes" : "no", good ? text : diag.text);
    return good;
}

int
check_agent_runtimes (const settings_t *settings)
{
    static const table_column_t columns [] = {{"RUNTIME", 0}, {"WORKS", 0}, {"DETAIL", TABLE_WRAP}};
    place_t place;
    if (s_enter (settings, &place) < 0)
        return EXIT_CONFIG;
    own (table_destroy) table_t *table = table_new (columns, 3, true, false);
    const runtimes_ask_t ask = {
        .settings = settings, .program_dir = place.program_dir, .home = place.folder};
    const runtime_t *runtime;
    const char *first = NULL; //  that agent_runtime auto takes
    for (size_t i = 0; table && (runtime = runtime_at (i)); i++) {
        const bool good = s_runtime (&ask, runtime, table);
        if (good && !first && strcmp (runtime->name, "none") != 0)
            first = runtime->name;
    }
    s_leave (&place);
    int rc = table ? table_print (table) : -ENOMEM;
    if (rc == 0)
        rc = printf ("\nagent_runtime auto takes %s.\n\n",
                     first ? first : "none of them; only with playbook the worker takes work")
                     < 0
                 ? -EIO
                 : s_limits ();
    return rc == 0 ? 0 : EXIT_RUNTIME;
}
