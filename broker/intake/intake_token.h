//  intake_token - the bearer token of an MCP server.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  The header that carries the token in this file; NULL when there is none, which is logged
//  under the cluster's name.
//  Own: fresh, a secret; free it with intake_token_drop.
char *
intake_token_header (const char *path, const char *cluster);
//  Does this file hold a token?  Err: -errno, ERR_LIMIT, ERR_NONE; diag says what is wrong.
int
intake_token_check (const char *path, err_diag_t *diag) must_check;
//  Wipe and free it.
void
intake_token_drop (char **header_p);
//  A server's own words may quote the token that it was given: overwrite it.
void
intake_token_hide (const char *header, char *text);
