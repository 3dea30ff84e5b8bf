//  ctl_table - triagectl's commands: parsing, --help and completion come from this table.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl_command.h"

//  Ends with a row without a noun.
extern const ctl_command_t ctl_table [];
