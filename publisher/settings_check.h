//  settings_check - --check-config of the publisher: what its start needs besides option values.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf_check.h"

//  Hook `check` of the program's conf_spec_t, set by main.
void
settings_check (const conf_t *conf, conf_check_t *check);
