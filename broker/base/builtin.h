//  builtin - the built-in system prompt: a copy of configs/triage-system-prompt.md.
//
//  The build makes builtin.c from broker/base/builtin.c.in.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

//  Default of agent_system_prompt_file.  If this file is missing, the built-in prompt is used.
#define BUILTIN_PROMPT_PATH "./configs/triage-system-prompt.md"

extern const unsigned char builtin_prompt [];
extern const size_t builtin_prompt_size; //  bytes
