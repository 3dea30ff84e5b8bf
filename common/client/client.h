//  client - shared by the programs that connect to a broker.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf_check.h"
#include "common/wire/curve.h"

#include <stddef.h>

//  For --check-config of such a program: check its keys and each endpoint.
//  keys_dir, endpoints: where the settings hold them.
void
client_check (conf_check_t *check, const char *const *keys_dir, curve_role_t role,
              const char *const *const *endpoints, size_t count);
