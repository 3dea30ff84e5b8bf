//  intake_token - the bearer token of an MCP server.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  Make the header that carries the token in this file.  NULL when the file has no token or is not
//  readable; that is logged with the cluster.
//  Own: fresh, a secret; free it with intake_token_drop.
char *
intake_token_header (const char *path, const char *cluster);
//  Check that this file holds a token.  Err: -errno, ERR_LIMIT, ERR_NONE: it is empty; diag says
//  what is wrong.
int
intake_token_check (const char *path, err_diag_t *diag) must_check;
//  Wipe and free a header; *header_p may be NULL.
void
intake_token_drop (char **header_p);
//  Overwrite the header's token in a text of the server, which may quote it.
void
intake_token_hide (const char *header, char *text);
