//  pack - an incident's row as it is held in memory: without its zeros.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

void
pack_row (const entry_t *entry, row_incident_t *ret_row);
//  Keep the row in place of the entry's former one, with what is looked at often beside it.
//  False: no memory, and nothing has changed.
bool
pack_keep (entry_t *entry, const row_incident_t *row);
