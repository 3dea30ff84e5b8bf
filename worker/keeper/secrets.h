//  secrets - what an agent may know that must not travel in its files.
//
//  These are: the keys of all providers; of what agent_env and the worker's environment pass
//  on, whatever has a name of a secret (KEY, TOKEN, SECRET, PASS, CRED in it; PAT, PW, PWD, DSN
//  or CONNECTION_STRING as a part), the user:password of each URL, and each KEY=VALUE in a value
//  whose KEY is such a name; and the tokens, passwords, keys and certificates in kubeconfig files
//  and in the files these name, as they are and decoded from base64.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/base/settings.h"
#include "worker/keeper/redact.h"

enum { SECRETS_NAME = 128 }; //  of a variable, with its NUL

//  The next name of agent_env, between commas; false at the end.  Longer ones than any
//  variable has are passed over.
bool
secrets_next_name (const char **at_p, char ret_name [SECRETS_NAME]);
//  Is this the name of a secret?
bool
secrets_is_name (const char *name, size_t size);
//  A variable of the worker's environment, a secret without the blanks around it; *ret_size is its
//  length.  Own: borrowed from the environment.  NULL = unset.
const char *
secrets_variable (const char *name, size_t *ret_size);
//  All there are, as the files are now.  Own: fresh; redact_fini.
redact_t
secrets_read (const settings_t *settings);
//  Tell each secret that is too short to be redacted: the setting it comes from,
//  its name and bytes.
typedef void (secrets_short_fn) (void *ctx, const void *at, const char *name, size_t size);
void
secrets_short (const settings_t *settings, void *ctx, secrets_short_fn *tell);
//  Log the name of each secret that is too short to be redacted.
void
secrets_warn (const settings_t *settings);
