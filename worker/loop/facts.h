//  facts - adds what the gateway saw of a run to the facts by which it is judged.
//
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/gateway.h"
#include "worker/keeper/findings.h"
#include "worker/loop/driver.h"

//  Fill `observed` and `seen`.  Without a call of a provider no usage was seen.
void
facts_observe (const gateway_report_t *report, const char *agent, const driver_t *driver,
               facts_t *facts);
