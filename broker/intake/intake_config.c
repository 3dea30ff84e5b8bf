//  SPDX-License-Identifier: Apache-2.0

#include "broker/intake/intake_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
intake_config_fini (intake_config_t *config)
{
    free (config->name);
    free (config->url);
    free (config->token_file);
    *config = (intake_config_t){0};
}

//  The URL of the server; a bare http://host:8080 gets the path /mcp.  Own: fresh.
static char *
s_url (const char *endpoint)
{
    const char *host = strstr (endpoint, "://");
    const char *path = host ? strchr (host + 3, '/') : NULL;
    char *url = NULL;
    if (!path && asprintf (&url, "%s/mcp", endpoint) < 0)
        return NULL;
    if (path && !path [1] && asprintf (&url, "%smcp", endpoint) < 0)
        return NULL;
    return url ? url : strdup (endpoint);
}

bool
intake_config_init (intake_config_t *config, const settings_cluster_t *cluster,
                    const settings_t *settings)
{
    const int mode = cluster->mcp_mode ? cluster->mcp_mode - 1 : settings->subscribe_mode;
    const bool warnings = mode == 1 && settings_threshold (settings) > FAULT_INFO;
    *config = (intake_config_t){
        .name = strdup (cluster->name ? cluster->name : ""),
        .url = s_url (cluster->mcp_endpoint),
        .token_file = strdup (cluster->mcp_token_file ? cluster->mcp_token_file : ""),
        .mode = mode == 1 ? "events" : "faults",
        .type = warnings ? "Warning" : "", //  Normal events are below the threshold
        .triage_enabled = cluster->triage_enabled,
    };
    return config->name && config->url && config->token_file;
}

bool
intake_config_same_session (const intake_config_t *a, const intake_config_t *b)
{
    return strcmp (a->name, b->name) == 0 && strcmp (a->url, b->url) == 0
           && strcmp (a->token_file, b->token_file) == 0 && strcmp (a->mode, b->mode) == 0
           && strcmp (a->type, b->type) == 0;
}

bool
intake_config_copy (intake_config_t *ret_copy, const intake_config_t *from)
{
    *ret_copy = *from;
    ret_copy->name = strdup (from->name);
    ret_copy->url = strdup (from->url);
    ret_copy->token_file = strdup (from->token_file);
    return ret_copy->name && ret_copy->url && ret_copy->token_file;
}
