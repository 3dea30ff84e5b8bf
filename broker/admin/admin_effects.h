//  admin_effects - the effects and their channels in JSON.
//
//  Private to admin*.c.  Own: each returns a fresh value; NULL when out of memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_part.h"
#include "common/base/json.h"

//  The part "effects" of the status: counts, and what each channel waits for.
json_t *
admin_effects_status (const admin_view_t *view);
//  One effect.
json_t *
admin_effects_row (const row_effect_t *row);
