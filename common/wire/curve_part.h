//  curve_part - what the files of curve share.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/curve.h"

enum { CURVE_PATH = 4096 };

//  dir/name into ret_path (CURVE_PATH bytes); false when it is too long, with a diag.
bool
curve_path (char *ret_path, const char *dir, const char *name, err_diag_t *diag);
