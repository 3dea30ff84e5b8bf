//  admin_agents - the metrics of workers, of the attempts that they run, and of what agents use.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_part.h"
#include "common/base/buf.h"

//  Append them as Prometheus text.
void
admin_agents_metrics (const admin_view_t *view, buf_t *out);
