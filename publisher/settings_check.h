//  settings_check - what a publisher's start needs besides the values of its options,
//  for --check-config.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf_check.h"

//  Hook `check` of the program's conf_spec_t, set by main.
void
settings_check (const conf_t *conf, conf_check_t *check);
