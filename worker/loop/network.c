//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/network.h"

#include "common/base/own.h"
#include "worker/gateway/hosts.h"
#include "worker/keeper/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *env; //  variable of a key
    const char *provider;
    size_t base_url; //  offset of the setting
} row_t;

static const row_t s_rows [] = {
    {"ANTHROPIC_API_KEY", "anthropic", offsetof (settings_t, anthropic_base_url)},
    {"OPENAI_API_KEY", "openai", offsetof (settings_t, openai_base_url)},
    {"GEMINI_API_KEY", "gemini", offsetof (settings_t, gemini_base_url)},
    {"GOOGLE_API_KEY", "gemini", offsetof (settings_t, gemini_base_url)}};

static const char *
s_base_url (const settings_t *settings, const row_t *row)
{
    return *(const char *const *) (const void *) ((const char *) settings + row->base_url);
}

//  The row of a provider.  NULL: it is none that we know.
static const row_t *
s_provider (const char *name)
{
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++)
        if (strcmp (s_rows [i].provider, name) == 0)
            return &s_rows [i];
    return NULL;
}

sandbox_network_t
network_of (const settings_t *settings, const driver_t *driver)
{
    sandbox_network_t network = SANDBOX_GATEWAY;
    if (sandbox_network_parse (settings->agent_network, &network) < 0)
        return SANDBOX_GATEWAY; //  cannot be: the option has choices
    const bool own = !driver->ours || strcmp (settings_agent (settings), "custom") == 0;
    return network == SANDBOX_GATEWAY && own ? SANDBOX_PROXY : network;
}

//  Is it the key of this agent?
static bool
s_is_key (const settings_t *settings, const driver_t *driver, const conf_option_t *key)
{
    return strcmp (key->env, driver->key_env) == 0
           || settings_key_of (key, settings_agent (settings));
}

const char *
network_key (const settings_t *settings, const driver_t *driver)
{
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key))
        if (s_is_key (settings, driver, key) && **settings_key_at (settings, key))
            return *settings_key_at (settings, key);
    return "";
}

void
network_advice (const settings_t *settings, const driver_t *driver, char *ret_text, size_t size)
{
    const row_t *row = s_provider (driver->provider);
    *ret_text = 0;
    for (const conf_option_t *key = settings_next_key (NULL); key && row;
         key = settings_next_key (key))
        if (s_is_key (settings, driver, key) && **settings_key_at (settings, key)) {
            const char *url = s_base_url (settings, row);
            snprintf (ret_text, size,
                      "correct %s and restart the worker, or %s_file, which is read again within "
                      "30 s; the key goes to %s (%s_base_url)",
                      key->key, key->key, *url ? url : "the provider itself", row->provider);
            return;
        }
}

//  Is a variable the key of one of our options?
static bool
s_is_option (const char *variable)
{
    const conf_option_t *key = settings_next_key (NULL);
    while (key && strcmp (key->env, variable) != 0)
        key = settings_next_key (key);
    return key;
}

int
network_check_key (const settings_t *settings, const driver_t *driver, err_diag_t *diag)
{
    if (network_of (settings, driver) != SANDBOX_GATEWAY || !driver->key_env [0]
        || *network_key (settings, driver))
        return 0;
    if (s_is_option (driver->key_env))
        err_diag (diag,
                  "agent '%s' needs %s, which is not set; set it, or agent_network: proxy where "
                  "the agent logs in by itself",
                  settings_agent (settings), driver->key_env);
    else
        err_diag (diag,
                  "agent '%s' needs %s, which the gateway cannot add: name it in agent_env, and "
                  "set agent_network: proxy",
                  settings_agent (settings), driver->key_env);
    return ERR_CONFIG;
}

int
network_check_hosts (const settings_t *settings, err_diag_t *diag)
{
    sandbox_network_t network;
    if (sandbox_network_parse (settings->agent_network, &network) == 0 && network == SANDBOX_HOST)
        return 0;
    hosts_t hosts = {.count = 0};
    own (own_mem) char *list = strdup (settings->agent_allowed_hosts);
    char *rest = list;
    int rc = list ? 0 : -ENOMEM;
    for (char *host; rc == 0 && (host = strtok_r (rest, ", ", &rest));)
        rc = hosts_add (&hosts, host, diag);
    return rc;
}

//  Does agent_env pass the variable on?
static bool
s_passed_on (const settings_t *settings, const char *variable)
{
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (strcmp (name, variable) == 0)
            return true;
    return false;
}

static void
s_add (gateway_spec_t *gateway, const row_t *row, const settings_t *settings, const char *key)
{
    for (size_t i = 0; i < gateway->key_count; i++)
        if (strcmp (gateway->keys [i].provider, row->provider) == 0)
            return;
    if (gateway->key_count < GATEWAY_KEYS)
        gateway->keys [gateway->key_count++] =
            (gateway_key_t){row->provider, s_base_url (settings, row), key};
}

void
network_keys (const settings_t *settings, const driver_t *driver, bool proxy,
              gateway_spec_t *gateway)
{
    gateway->proxy = proxy;
    gateway->budget_micro_usd = settings->agent_max_budget_usd;
    const row_t *own = s_provider (driver->provider);
    if (own)
        s_add (gateway, own, settings, network_key (settings, driver));
    if (!proxy)
        return;
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key))
        for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++)
            if (strcmp (s_rows [i].env, key->env) == 0
                && (s_is_key (settings, driver, key) || s_passed_on (settings, key->env))
                && **settings_key_at (settings, key))
                s_add (gateway, &s_rows [i], settings, *settings_key_at (settings, key));
}
