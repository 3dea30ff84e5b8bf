//  settings_check - what a broker's start needs besides the values of its options,
//  for --check-config.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"
#include "common/conf/conf_check.h"

//  The option that is given the address of another one, NULL = none; diag says which.  One unix
//  socket would take the other's place without a word.
const void *
settings_clash (const settings_t *settings, err_diag_t *diag);
//  Hook `check` of the program's conf_spec_t, set by main.
void
settings_check (const conf_t *conf, conf_check_t *check);
