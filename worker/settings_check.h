//  settings_check - what a worker's start needs besides the values of its options, for --check-config.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/conf_check.h"

//  Hook of settings_spec.
void
settings_check (const conf_t *conf, conf_check_t *check);
