//  step_part - what the two files of step share.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  Forget everything durable; sessions stay.
void
step_clear (step_t *self);
