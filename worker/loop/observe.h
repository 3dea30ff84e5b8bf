//  observe - what the gateway saw of a run, as facts for its judgement.
//
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/gateway.h"
#include "worker/keeper/findings.h"
#include "worker/loop/driver.h"

//  Fill `observed` and `seen`.  Without a call of a provider no usage was seen.
void
observe_report (const gateway_report_t *report, const char *agent, const driver_t *driver,
                facts_t *facts);
