//  secrets - finds the secrets that an agent may know and that must not leave in its files.
//
//  These are secrets:
//   - the keys of all providers;
//   - of the variables passed to agents: each value whose name is that of a secret, each
//     KEY=VALUE inside a value whose KEY is such a name, and user:password of each URL;
//   - the tokens, passwords, keys and certificates in kubeconfig files and in the files that these
//     name, both as written and decoded from base64.
//  The name of a secret contains KEY, TOKEN, SECRET, PASS or CRED, or has PAT, PW, PWD, DSN or
//  CONNECTION_STRING as a part.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"
#include "worker/base/settings.h"
#include "worker/keeper/redact.h"

enum { SECRETS_NAME = 128 }; //  of a variable, with its NUL

//  Take the next name from agent_env, a list separated by commas.  False: the list is at its end.
//  Names over SECRETS_NAME are skipped.
bool
secrets_next_name (const char **at_p, char ret_name [SECRETS_NAME]);
//  Is this the name of a secret?
bool
secrets_is_name (const char *name, size_t size);
//  The value of a variable of the worker's environment; NULL = unset.  A secret loses the blanks
//  around it.  *ret_size is its length.  Own: borrowed from the environment, not cut at *ret_size.
const char *
secrets_variable (const char *name, size_t *ret_size);
//  Add all secrets, from the files as they are now.
void
secrets_read (const settings_t *settings, redact_t *secrets);
//  Add those of the copy of a kubeconfig that an agent gets.  Its files may hold others when the
//  agent ends: tokens are renewed.
void
secrets_grant (json_t *kubeconfig, redact_t *secrets);
//  Call tell for each secret that is too short to be redacted.
//  at: the setting that it comes from; size: its bytes.
typedef void (secrets_short_fn) (void *ctx, const void *at, const char *name, size_t size);
void
secrets_short (const settings_t *settings, void *ctx, secrets_short_fn *tell);
//  Log the name of each secret that is too short to be redacted.
void
secrets_warn (const settings_t *settings);
