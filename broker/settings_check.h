//  settings_check - checks what the broker's start needs beyond valid options, for --check-config.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"
#include "common/conf/conf_check.h"

//  Find an option with the same address as another one; NULL: there is none.  diag names both.
//  bind does not catch two equal ipc:// addresses: the second replaces the first silently.
const void *
settings_clash (const settings_t *settings, err_diag_t *diag);
//  The hook `check` of the program's conf_spec_t; main sets it.
void
settings_check (const conf_t *conf, conf_check_t *check);
