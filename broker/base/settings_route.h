//  settings_route - the options receivers and routes: their rows, and the table that the core asks.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"
#include "common/conf/conf_check.h"

//  The rows of one receiver and of one route.
extern const conf_option_t settings_route_receiver_rows [];
extern const conf_option_t settings_route_rows [];

//  Check that receivers and routes fit together, and derive settings->routing from them, in the
//  memory of conf.  Part of the hook `fit` of conf_spec_t.
void
settings_route_fit (conf_t *conf, settings_t *settings, conf_check_t *check);
