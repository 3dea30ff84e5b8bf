//  plan - what a run of the simulator is set to.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"

enum { PLAN_QUEUE = 24 }; //  of all clusters

//  A number of the environment.
uint64_t
plan_number (const char *name, uint64_t otherwise);
//  The core's settings; some go by the seed.
step_settings_t
plan_settings (uint64_t seed);
