//  builtin - the system prompt that the broker has with it:
//  configs/triage-system-prompt.md when it was built.
//
//  builtin.c is made by the build (broker/base/builtin.c.in).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

//  Where the prompt is looked for unless told otherwise;
//  where there is none the built-in one is used.
#define BUILTIN_PROMPT_PATH "./configs/triage-system-prompt.md"

extern const unsigned char builtin_prompt [];
extern const size_t builtin_prompt_size; //  bytes
