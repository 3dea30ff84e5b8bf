//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/ready.h"

#include "common/base/actor.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/sandbox/runtime.h"
#include "worker/base/kubeconfig.h"
#include "worker/loop/network.h"
#include "worker/loop/read_paths.h"
#include "worker/loop/runtimes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_MAILS = 4 };

struct ready {
    ready_spec_t spec; //  its settings are those of conf
    conf_t *conf;      //  the last one.  Own: a share
    actor_t *actor;    //  gets configurations to look with
    mailbox_t *done;   //  reports for the loop
    buf_t told;        //  what was logged of the last reload
};

//  --- what is missing

//  class: of a run that lacks it.
__attribute__ ((format (printf, 3, 4))) static void
s_missing (ready_report_t *report, run_class_t class, const char *format, ...)
{
    char text [sizeof report->why];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    const size_t size = strlen (report->why);
    snprintf (report->why + size, sizeof report->why - size, "%s%s", size ? "; " : "", text);
    if (report->good)
        report->class = class;
    report->good = false;
}

static void
s_look_driver (const ready_spec_t *spec, ready_report_t *report)
{
    err_diag_t diag = {""};
    const driver_ask_t ask = {.settings = spec->settings,
                              .script = spec->script,
                              .program_dir = spec->program_dir,
                              .runtime = runtime_find (report->runtime),
                              .home = spec->home};
    int rc = driver_describe (&ask, &report->driver, &diag);
    const bool here = !ask.runtime || !ask.runtime->image || !report->driver.ours;
    if (rc < 0 && here && access (spec->script, X_OK) != 0)
        s_missing (report, RUN_CLASS_INFRA, "agent_script_path %s: %s: name the agent's script",
                   spec->script, err_str (-errno));
    else if (rc == -ENOENT && ask.runtime && ask.runtime->image)
        s_missing (report, RUN_CLASS_INFRA,
                   "agent_image %s: %s: choose another image, or another agent_cli",
                   spec->settings->agent_image, diag.text);
    else if (rc == -ENOENT)
        s_missing (report, RUN_CLASS_INFRA, "%s: install it, or choose another agent_cli",
                   diag.text);
    else if (rc < 0 || driver_try (&ask, &report->driver, &diag) < 0)
        s_missing (report, RUN_CLASS_INFRA, "%s", diag.text);
}

static void
s_look_network (const ready_spec_t *spec, ready_report_t *report)
{
    err_diag_t diag = {""};
    if (network_check_key (spec->settings, &report->driver, &diag) < 0)
        s_missing (report, RUN_CLASS_AUTH, "%s", diag.text);
    int rc = network_check_hosts (spec->settings, &diag);
    if (rc < 0)
        s_missing (report, RUN_CLASS_CONFIG, "agent_allowed_hosts %s",
                   rc == -ENOMEM ? err_str (rc) : diag.text);
}

static void
s_look_kubeconfig (ready_report_t *report, const char *list)
{
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    err_diag_t diag = {""};
    if (kubeconfig_load (list, &copy, &diag) < 0)
        s_missing (report, RUN_CLASS_CONFIG, "kubeconfig %s", diag.text);
}

static void
s_look_kubeconfigs (const ready_spec_t *spec, ready_report_t *report)
{
    const settings_cluster_t *clusters = spec->settings->clusters.items;
    s_look_kubeconfig (report, spec->settings->kubeconfig);
    for (size_t i = 0; i < spec->settings->clusters.count; i++)
        s_look_kubeconfig (report, clusters [i].kubeconfig);
}

static void
s_look_paths (const ready_spec_t *spec, ready_report_t *report)
{
    for (size_t i = 0; i < READ_PATHS_OPTIONS; i++) {
        read_paths_option_t option;
        err_diag_t diag = {""};
        if (read_paths_look (spec->settings, i, &option, &diag) < 0)
            s_missing (report, RUN_CLASS_CONFIG, "%s %s", option.name, diag.text);
    }
}

static void
s_look_runtime (const ready_spec_t *spec, ready_report_t *report)
{
    const runtimes_ask_t ask = {
        .settings = spec->settings, .program_dir = spec->program_dir, .home = spec->home};
    err_diag_t diag = {""};
    if (runtimes_choose (&ask, report->runtime, &diag) < 0)
        s_missing (report, RUN_CLASS_INFRA, "%s", diag.text);
}

void
ready_look (const ready_spec_t *spec, ready_report_t *ret_report)
{
    *ret_report = (ready_report_t){.good = true};
    s_look_runtime (spec, ret_report);
    s_look_driver (spec, ret_report);
    s_look_network (spec, ret_report);
    s_look_kubeconfigs (spec, ret_report);
    s_look_paths (spec, ret_report);
}

//  --- warnings

static void
s_warn_helper (const char *list)
{
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    if (kubeconfig_load (list, &copy, NULL) == 0 && copy.helper)
        log_warn ("kubeconfig logs in by a program, which agents do not have: give them a token or "
                  "a certificate",
                  kv ("kubeconfig", list), kv ("by", copy.helper));
}

void
ready_warn (const ready_spec_t *spec, const ready_report_t *report)
{
    const settings_t *settings = spec->settings;
    const settings_cluster_t *clusters = settings->clusters.items;
    s_warn_helper (settings->kubeconfig);
    for (size_t i = 0; i < settings->clusters.count; i++)
        s_warn_helper (clusters [i].kubeconfig);
    const driver_t *driver = &report->driver;
    if (driver->provider [0] && !driver->tools [0])
        log_warn ("the agent's CLI has no list of allowed tools: agent_allowed_tools does not hold "
                  "it",
                  kv ("agent", settings_agent (settings)));
    if (strcmp (settings->agent_network, "gateway") == 0
        && network_of (settings, driver) == SANDBOX_PROXY)
        log_warn ("this agent is not one of ours: its keys are in its environment, and it can show "
                  "them",
                  kv ("agent", settings_agent (settings)), kv ("script", spec->script));
    if (strcmp (report->runtime, "none") != 0
        || strcmp (settings_agent (settings), "playbook") == 0)
        return;
    log_warn ("agents run without a sandbox: they can do all that this worker's user can",
              kv ("runtime", "none"));
    if (geteuid () == 0)
        log_warn ("running as root: agents can read the keys of all providers, and whatever else "
                  "is on this host");
}

//  --- the thread

//  A look is asked for.
typedef struct {
    conf_t *conf; //  NULL = with the last one.  Own: a share
} mail_t;

static void
s_mail_destroy (void *mail_pp)
{
    mail_t **mail_p = mail_pp;
    if (*mail_p)
        conf_destroy (&(*mail_p)->conf);
    own_mem (mail_p);
}

static void
s_report_destroy (void *report_p)
{
    ready_report_destroy (report_p);
}

void
ready_report_destroy (ready_report_t **report_p)
{
    if (*report_p)
        conf_destroy (&(*report_p)->conf);
    own_mem (report_p);
}

//  Own: takes *conf_p.
static void
s_take (ready_t *self, conf_t **conf_p)
{
    conf_destroy (&self->conf);
    self->conf = own_take (*conf_p);
    self->spec.settings = conf_settings (self->conf);
    buf_reset (&self->told);
}

//  Take what was sent, or a key whose file has changed.  Is there a reason to look?
static bool
s_news (ready_t *self)
{
    own (s_mail_destroy) mail_t *mail = actor_recv (self->actor);
    conf_t *fresh = mail ? own_take (mail->conf) : NULL;
    if (!fresh && conf_secrets_changed (self->conf)
        && conf_reload (self->conf, &self->told, &fresh) == 0)
        log_info ("a key has changed in its file: it is used from the next run on");
    const bool news = mail || fresh;
    if (fresh)
        s_take (self, &fresh);
    return news;
}

static void
s_run (void *arg)
{
    ready_t *self = arg;
    bool good = false;
    do {
        if (!actor_flush (self->actor))
            continue;
        if (s_news (self))
            good = false;
        ready_report_t *report = good ? NULL : malloc (sizeof *report);
        if (!report)
            continue;
        ready_look (&self->spec, report);
        report->conf = conf_share (self->conf);
        good = report->good;
        actor_post (self->actor, &report);
    } while (actor_wait (self->actor, LIMIT_READY_MS));
}

ready_t *
ready_new (const ready_spec_t *spec, conf_t *conf)
{
    ready_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->spec = *spec;
    self->conf = conf_share (conf);
    self->told = buf_init (LIMIT_CONFIG_BYTES);
    self->done = mailbox_new (READY_MAILS, s_report_destroy);
    if (self->done)
        self->actor = actor_new (READY_MAILS, s_mail_destroy, self->done);
    if (!self->actor || actor_start (self->actor, s_run, self) < 0)
        ready_destroy (&self);
    return self;
}

void
ready_destroy (ready_t **self_p)
{
    ready_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    mailbox_destroy (&self->done);
    conf_destroy (&self->conf);
    buf_fini (&self->told);
    free (self);
    *self_p = NULL;
}

void
ready_ask (ready_t *self, conf_t *conf)
{
    own (s_mail_destroy) mail_t *mail = malloc (sizeof *mail);
    if (mail)
        mail->conf = conf ? conf_share (conf) : NULL;
    if (!mail || mailbox_send (actor_inbox (self->actor), &mail) < 0)
        log_warn ("agents are not looked at: too many looks are asked for");
}

int
ready_fd (const ready_t *self)
{
    return mailbox_fd (self->done);
}

ready_report_t *
ready_take (ready_t *self)
{
    return mailbox_recv (self->done);
}
