//  settings - the worker's option table and the struct it fills.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

#include <limits.h>

//  Where the script is looked for unless told otherwise.
#define SETTINGS_SCRIPT "./agent-container/run-agent.sh"

typedef struct {
    const char *name;
    const char *kubeconfig;
} settings_cluster_t;

typedef struct {
    conf_common_t common;
    const char *broker_endpoint, *broker_files_endpoint;
    const char *worker_name; //  "" = host name
    const char *keys_dir, *workspace_root;
    const char *agent_script_path;
    const char *agent_cli;   //  "" = claude when its key is set, else playbook
    const char *agent_model; //  "" = the assignment's
    const char *agent_image;
    int64_t agent_timeout_ms; //  0 = the assignment's
    int64_t max_concurrent_agents;
    const char *agent_env; //  names of variables passed on to the agent, commas between them
    int64_t agent_kill_grace_ms;
    int64_t agent_start_interval_ms; //  between two starts
    conf_table_t clusters;           //  settings_cluster_t
    const char *kubeconfig;          //  for all clusters, or for those listed without their own
    //  See settings_next_key.
    const char *anthropic_api_key, *openai_api_key, *gemini_api_key, *google_api_key;
    int64_t shutdown_timeout_ms;
} settings_t;

extern const conf_spec_t settings_spec;

//  Variables of the worker's own environment that each agent gets; ended by NULL.  What is secret
//  in their values is removed from what agents write.
extern const char *const settings_inherited [];

//  The keys of providers are the options with CONF_SECRET, all of them texts.  `env` of such a row
//  is the variable that an agent finds the key in, `owner` the agent that gets it.  Every key
//  is removed from what agents write.
//  Returns the row behind `key`, or the first one for NULL; NULL at the end.
const conf_option_t *
settings_next_key (const conf_option_t *key);
//  Where the key's value stands; "" = unset.  Own: borrowed from self.
const char *const *
settings_key_at (const settings_t *self, const conf_option_t *key);

//  The CLI in force: agent_cli, or by the keys that are set.
const char *
settings_agent (const settings_t *self);
//  The next path of a list with colons between them; false at its end.
bool
settings_next_path (const char **at_p, char ret_path [PATH_MAX]);
//  kubeconfig of a cluster; "" = none: clusters are listed, and it is not among
//  them, or nothing is set.
const char *
settings_kubeconfig (const settings_t *self, const char *cluster);
