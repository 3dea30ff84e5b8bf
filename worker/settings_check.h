//  settings_check - checks what the worker's start needs beyond valid options, for --check-config.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf_check.h"

//  The hook `check` of the program's conf_spec_t; main sets it.
void
settings_check (const conf_t *conf, conf_check_t *check);
