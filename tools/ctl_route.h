//  ctl_route - who gets the messages about an incident: the routes, and a test of them.
//
//  Each returns an exit code.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"

int
ctl_route_list (const ctl_t *self);
int
ctl_route_test (const ctl_t *self);
