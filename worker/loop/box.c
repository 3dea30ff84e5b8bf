//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/box.h"

#include "common/base/ident.h"
#include "common/base/own.h"
#include "runner/sandbox/runtime.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/agent_user.h"
#include "worker/loop/network.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
s_kubeconfig (box_t *self, const box_spec_t *spec, kubeconfig_t *ret_copy, err_diag_t *diag)
{
    const char *list = settings_kubeconfig (spec->settings, spec->cluster);
    if (!*list)
        return 0;
    int rc = kubeconfig_load (list, ret_copy, diag);
    if (rc < 0)
        return rc;
    secrets_grant (ret_copy->doc, spec->granted);
    rc = kubeconfig_put (ret_copy, spec->workspace);
    if (rc < 0)
        err_diag (diag, "%s/" KUBECONFIG_COPY ": %s", spec->workspace, err_str (rc));
    else
        snprintf (self->kubeconfig, sizeof self->kubeconfig, "%s/" KUBECONFIG_COPY,
                  spec->workspace);
    return rc;
}

//  --- the gateway

//  Collect the API servers of the kubeconfig: those of this host are ports, all others are hosts.
static int
s_add_servers (const kubeconfig_t *copy, gateway_spec_t *gateway, char (*texts) [KUBECONFIG_HOST],
               err_diag_t *diag)
{
    for (size_t i = 0; i < copy->server_count; i++) {
        const kubeconfig_server_t *server = &copy->servers [i];
        if (server->loopback ? gateway->port_count == GATEWAY_PORTS
                             : gateway->host_count == GATEWAY_HOSTS) {
            err_diag (diag, "kubeconfig: too many API servers");
            return ERR_LIMIT;
        }
        if (server->loopback) {
            gateway->ports [gateway->port_count++] = (uint16_t) server->port;
            continue;
        }
        const bool six = strchr (server->host, ':') != NULL;
        snprintf (texts [i], sizeof texts [i], "%s%.240s%s:%d", six ? "[" : "", server->host,
                  six ? "]" : "", server->port);
        gateway->hosts [gateway->host_count++] = texts [i];
    }
    return 0;
}

//  Split agent_allowed_hosts.
static int
s_add_hosts (char *list, gateway_spec_t *gateway, err_diag_t *diag)
{
    char *rest = list;
    for (char *host; (host = strtok_r (rest, ", ", &rest));) {
        if (gateway->host_count == GATEWAY_HOSTS) {
            err_diag (diag, "agent_allowed_hosts: too many hosts");
            return ERR_LIMIT;
        }
        gateway->hosts [gateway->host_count++] = host;
    }
    return 0;
}

//  Is the tool in the list?  "Bash(kubectl get:*)" allows a part of one.
static bool
s_allows (const char *tools, const char *tool)
{
    const size_t size = strlen (tool);
    for (const char *at = tools + strspn (tools, ", "); *at; at += strspn (at, ", ")) {
        if (strncmp (at, tool, size) == 0 && (!at [size] || strchr (", (", at [size])))
            return true;
        at += strcspn (at, ", ");
    }
    return false;
}

static int
s_open_gateway (box_t *self, const box_spec_t *spec, const kubeconfig_t *copy, bool handed,
                err_diag_t *diag)
{
    own (own_mem) char *hosts = strdup (spec->settings->agent_allowed_hosts);
    char servers [KUBECONFIG_SERVERS][KUBECONFIG_HOST], folder [HOME_PATH];
    gateway_spec_t gateway = {.name = spec->incident, .token = self->pass};
    network_keys (spec->settings, spec->driver, self->token [0] == 0, &gateway);
    int rc = hosts ? s_add_servers (copy, &gateway, servers, diag) : -ENOMEM;
    if (rc == 0)
        rc = s_add_hosts (hosts, &gateway, diag);
    snprintf (folder, sizeof folder, "%s/run", spec->home->path);
    if (rc == 0 && handed && mkdir (folder, 0700) != 0 && errno != EEXIST)
        rc = -errno;
    gateway.reach = s_allows (spec->allowed_tools, "WebSearch");
    gateway.socket_dir = handed ? folder : NULL;
    if (rc == 0)
        rc = gateway_open (spec->gateway, &gateway, &self->run, diag);
    if (rc < 0)
        return rc;
    self->gateway = spec->gateway;
    self->port = gateway_port (self->run);
    if (handed)
        self->pass [0] = 0; //  nobody else can connect
    snprintf (self->socket, sizeof self->socket, "%s", gateway_socket (self->run));
    sandbox_spec_t *sandbox = &self->sandbox;
    sandbox->gateway = self->socket [0] ? self->socket : NULL;
    sandbox->gateway_port = handed ? 0 : self->port;
    for (size_t i = 0; i < gateway.port_count; i++)
        sandbox->listen [sandbox->listen_count++] = gateway.ports [i];
    return 0;
}

//  --- the sandbox

static int
s_sandbox (box_t *self, const box_spec_t *spec, const runtime_t *runtime, err_diag_t *diag)
{
    const settings_t *settings = spec->settings;
    sandbox_spec_t *sandbox = &self->sandbox;
    snprintf (self->name, sizeof self->name, "triage-agent-%.63s-%" PRId64, spec->incident,
              spec->attempt);
    sandbox->runtime = runtime->name;
    sandbox->memory = settings->agent_memory;
    sandbox->cpus_milli = settings->agent_cpus / 1000;
    sandbox->pids = settings->agent_pids;
    sandbox->disk = settings->agent_disk;
    sandbox->files = settings->agent_files;
    home_cgroup (spec->home, spec->incident, spec->attempt, self->cgroup);
    sandbox->cgroup = self->cgroup;
    sandbox->name = self->name;
    sandbox->image = settings->agent_image;
    if (runtime->image) {
        self->engine = true;
        home_cgroup (spec->home, NULL, 0, self->owner);
        sandbox->owner = self->owner;
        home_mark_engine (spec->home, runtime->name);
    }
    int rc = read_paths_find (settings, spec->driver, spec->script, spec->program_dir,
                              runtime->image, &self->read);
    if (rc < 0) {
        err_diag (diag, "agent_read_paths, PATH: %s", err_str (rc));
        return rc;
    }
    read_paths_give (&self->read, sandbox);
    return strcmp (runtime->name, "none") == 0
               ? 0
               : agent_user_give (settings->agent_user, sandbox, diag);
}

int
box_open (box_t *self, const box_spec_t *spec, err_diag_t *diag)
{
    *self = (box_t){.sandbox = {.workspace = spec->workspace, .program_dir = spec->program_dir}};
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    const runtime_t *runtime = runtime_find (spec->runtime);
    if (!runtime) {
        err_diag (diag, "agent_runtime: no such runtime: %s", spec->runtime);
        return ERR_CONFIG;
    }
    snprintf (self->runtime, sizeof self->runtime, "%s", spec->runtime);
    int rc = s_kubeconfig (self, spec, &copy, diag);
    if (rc == 0)
        rc = s_sandbox (self, spec, runtime, diag);
    const sandbox_network_t network = network_of (spec->settings, spec->driver);
    self->sandbox.network = network;
    snprintf (self->key_env, sizeof self->key_env, "%s", spec->driver->key_env);
    snprintf (self->base_url_env, sizeof self->base_url_env, "%s", spec->driver->base_url_env);
    snprintf (self->pass, sizeof self->pass, "run-%016" PRIx64 "%016" PRIx64, ident_random64 (),
              ident_random64 ());
    if (network == SANDBOX_GATEWAY && self->key_env [0])
        snprintf (self->token, sizeof self->token, "%s", self->pass);
    if (rc == 0 && network != SANDBOX_HOST)
        rc = s_open_gateway (self, spec, &copy, runtime->network, diag);
    if (rc < 0 && diag && !diag->text [0])
        err_diag (diag, "%s", err_str (rc));
    return rc;
}

void
box_close (box_t *self, gateway_report_t *ret_report)
{
    if (ret_report)
        *ret_report = (gateway_report_t){0};
    if (self->run)
        gateway_close (self->gateway, &self->run, ret_report);
    read_paths_fini (&self->read);
    explicit_bzero (self->token, sizeof self->token);
    explicit_bzero (self->pass, sizeof self->pass);
    self->runtime [0] = 0;
}
