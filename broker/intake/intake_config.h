//  intake_config - what is configured for one event source.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"

typedef struct {
    char *name, *url, *token_file; //  owned; name and token_file may be ""
    const char *mode, *type;       //  static: what is subscribed to; type "" = all
    bool triage_enabled;
} intake_config_t;

//  Own: embedded, fini it on failure too.  False: out of memory.
bool
intake_config_init (intake_config_t *config, const settings_cluster_t *cluster,
                    const settings_t *settings) must_check;
bool
intake_config_copy (intake_config_t *ret_copy, const intake_config_t *from) must_check;
void
intake_config_fini (intake_config_t *config);
//  May the session of one go on for the other?
bool
intake_config_same_session (const intake_config_t *a, const intake_config_t *b);
