//  pack - the row of an incident without its zeros, as it is held in memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  Unpack the row.
void
pack_row (const entry_t *entry, row_incident_t *ret_row);
//  Replace the row, and the copies of fields that are read often.
//  False: no memory; nothing has changed.
bool
pack_keep (entry_t *entry, const row_incident_t *row);
