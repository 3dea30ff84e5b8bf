//  plan - the settings of a run of the simulator.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"

enum { PLAN_QUEUE = 24 }; //  of all clusters
#define PLAN_BOT "team"   //  the receiver that is a bot
#define PLAN_ENDS "ends"  //  a signed webhook: it gets a message at each end

//  The number in an environment variable, or `otherwise` when it is unset.
uint64_t
plan_number (const char *name, uint64_t otherwise);
//  The core's settings; some depend on the seed.
step_settings_t
plan_settings (uint64_t seed);
