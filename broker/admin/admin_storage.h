//  admin_storage - what the broker keeps of incidents, how long, and what it will remove.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/admin/admin_part.h"
#include "common/base/buf.h"
#include "common/base/json.h"

//  The answer to GET /api/v1/storage/retention; also a part of /api/v1/status.  Own: fresh.
json_t *
admin_storage_retention_json (const admin_view_t *view);
//  Append the metrics of the retention as Prometheus text.
void
admin_storage_metrics (const admin_view_t *view, buf_t *out);
