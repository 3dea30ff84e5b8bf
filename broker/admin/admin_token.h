//  admin_token - the secret that a command must carry: who can read its file is an operator.
//
//  Made at the first start.  It is read for each command, so that a new one counts at once
//  and an old one no more.
//  Src: RFC 6750 (bearer tokens).  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"

#include <limits.h>
#include <stdbool.h>

typedef struct {
    char path [PATH_MAX]; //  absolute
} admin_token_t;

//  Find the file: admin_token_file, else admin.token beside state_path; make it where there
//  is none (0600, 32 random bytes as hexadecimal digits).  Err: ERR_CONFIG the file is none
//  that may be used, -EWOULDBLOCK another program has held its lock for two seconds,
//  other -errno; diag says why.
int
admin_token_open (admin_token_t *self, const settings_t *settings, err_diag_t *diag) must_check;
//  Would admin_token_open find it or make it?  Nothing is made.  Err: as above.
int
admin_token_look (const settings_t *settings, err_diag_t *diag) must_check;
//  Is this header, "Bearer TOKEN", by somebody who knows it?  Takes equally long wherever
//  they differ.  Err: as above,
//  *ret_good is false.
int
admin_token_check (const admin_token_t *self, const char *authorization, bool *ret_good,
                   err_diag_t *diag) must_check;
