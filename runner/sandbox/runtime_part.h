//  runtime_part - the rows of runtime.c.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/runtime.h"

extern const runtime_t runtime_none;
