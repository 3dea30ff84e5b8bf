//  curve_part - shared by the files of curve.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/curve.h"

enum { CURVE_PATH = 4096 };

//  Write dir/name to ret_path (CURVE_PATH bytes).  False, with a diag, when it is too long.
bool
curve_path (char *ret_path, const char *dir, const char *name, err_diag_t *diag);
