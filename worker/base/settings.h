//  settings - the worker's option table and the struct that it fills.
//
//  The texts and tables of a settings_t belong to its conf_t.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

#include <limits.h>

//  Default of agent_script_path.
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
    const char *agent_cli;   //  "" = claude if its key is set, else playbook
    const char *agent_model; //  "" = that of the assignment
    const char *agent_image;
    const char *agent_runtime;        //  auto, or the name of a runtime
    const char *agent_network;        //  gateway, proxy or host
    int64_t agent_memory, agent_disk; //  bytes of one agent
    int64_t agent_cpus;               //  millionths of a CPU
    int64_t agent_pids, agent_files;
    const char *agent_user;          //  "" = nobody where the worker is root, else its own user
    const char *agent_read_paths;    //  separated by colons
    const char *agent_allowed_hosts; //  HOST or HOST:PORT, separated by commas
    int64_t agent_max_turns;         //  0 = no limit
    int64_t agent_max_budget_usd;    //  millionths of a dollar; 0 = no limit
    const char *agent_args;          //  separated by blanks
    const char *agent_mcp_config, *agent_skills_dir, *agent_drivers_dir; //  "" = none
    int64_t agent_timeout_ms; //  0 = that of the assignment
    int64_t max_concurrent_agents;
    const char *agent_env; //  variables passed on to the agent, separated by commas
    int64_t agent_kill_grace_ms;
    int64_t agent_start_interval_ms; //  between two starts
    conf_table_t clusters;           //  settings_cluster_t
    const char *kubeconfig;          //  for all clusters, or for those in `clusters` without one
    //  See settings_next_key.
    const char *anthropic_api_key, *openai_api_key, *gemini_api_key, *google_api_key;
    //  "" = the provider's own.
    const char *anthropic_base_url, *openai_base_url, *gemini_base_url;
    int64_t shutdown_timeout_ms;
} settings_t;

extern const conf_spec_t settings_spec;

//  Variables of the worker's environment that every agent gets; NULL ends the list.  Secrets in
//  their values are removed from agents' files.
extern const char *const settings_inherited [];

//  The option after `key` that holds a provider's key, or the first one for NULL; NULL at the end.
//  These are the options with CONF_SECRET, all texts.  `env` is the variable that carries the key,
//  `owner` the agents that get it, separated by commas; each row has both.  Every key is removed
//  from agents' files.
const conf_option_t *
settings_next_key (const conf_option_t *key);
//  The value of such an option; "" = unset.  Own: borrowed from self.
const char *const *
settings_key_at (const settings_t *self, const conf_option_t *key);

//  Do both hold the same keys?
bool
settings_same_keys (const settings_t *a, const settings_t *b);

//  Is it the key of this agent?
bool
settings_key_of (const conf_option_t *key, const char *agent);

//  The agent in force: agent_cli, or one chosen by the keys that are set.
const char *
settings_agent (const settings_t *self);
//  Is it the script of this project, by its name?
bool
settings_is_ours (const char *script);
//  The author of reports: settings_agent, but "custom" for another script than ours, unless
//  agent_cli calls it playbook.
const char *
settings_author (const settings_t *self);
//  Take the next path from a list separated by colons.  False: the list is at its end.
bool
settings_next_path (const char **at_p, char ret_path [PATH_MAX]);
//  The kubeconfig of a cluster.  "" = none: nothing is set, or `clusters` does not list it.
const char *
settings_kubeconfig (const settings_t *self, const char *cluster);
