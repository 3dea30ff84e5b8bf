//  intake_token - the bearer token of an MCP server.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

//  The header that carries the token in this file; NULL when there is none, which is logged under the cluster's name.
//  Own: fresh, a secret; free it with intake_token_drop.
char *
intake_token_header (const char *path, const char *cluster);
//  Wipe and free it.
void
intake_token_drop (char **header_p);
//  A server's own words may quote the token that it was given: overwrite it.
void
intake_token_hide (const char *header, char *text);
