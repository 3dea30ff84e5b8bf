//  intake_config - the configuration of one event source.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"

typedef struct {
    char *name, *url, *token_file; //  owned; name and token_file may be ""
    const char *mode, *type;       //  static; of the subscription; type "" = all events
    bool triage_enabled;
} intake_config_t;

//  Fill from the settings of one cluster.  False: out of memory.
//  Own: embedded; call intake_config_fini also on failure.
bool
intake_config_init (intake_config_t *config, const settings_cluster_t *cluster,
                    const settings_t *settings) must_check;
//  Copy `from`.  Own and result: as intake_config_init.
bool
intake_config_copy (intake_config_t *ret_copy, const intake_config_t *from) must_check;
void
intake_config_fini (intake_config_t *config);
//  Can a session of configuration a go on under configuration b?
bool
intake_config_same_session (const intake_config_t *a, const intake_config_t *b);
