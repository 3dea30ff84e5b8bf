//  provider - what is known of each provider of models: one row each.
//
//  Which paths an agent may call, how the key travels, what a refusal of ours looks like.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

//  What a path does; it says where the figures of its answer stand.
typedef enum {
    PROVIDER_FREE,      //  lists of models, counting of tokens: costs nothing
    PROVIDER_MESSAGES,  //  Anthropic messages
    PROVIDER_RESPONSES, //  OpenAI responses
    PROVIDER_CHAT,      //  OpenAI chat completions
    PROVIDER_GENERATE   //  Gemini generateContent and streamGenerateContent
} provider_call_t;

typedef struct provider provider_t;

//  The row of a provider, NULL: there is none of this name.
const provider_t *
provider_find (const char *name);
const char *
provider_name (const provider_t *self);
//  Where calls go by default.
const char *
provider_base_url (const provider_t *self);
//  May an agent call this?  path: as received, without the query.  *ret_rest: what follows the base
//  URL, a part of path.
bool
provider_allows (const provider_t *self, const char *method, const char *path,
                 provider_call_t *ret_call, const char **ret_rest);
//  The address of the list of models, for a base URL ("" = the provider's own).
void
provider_models_url (const provider_t *self, const char *base_url, buf_t *ret_url);
//  The header that carries the key, "Name: key".  Err: the buffer's.
int
provider_key_header (const provider_t *self, const char *key, buf_t *ret_line) must_check;
//  A refusal in the provider's own form, as JSON.  self NULL: a plain form.  Nothing is appended
//  when there is no memory.
void
provider_refusal (const provider_t *self, int status, const char *sentence, buf_t *ret_body);
