//  admin_token - the secret that a command must carry.  Only operators can read its file.
//
//  The first start makes the file.  It is read for each command, so a new token replaces the old
//  one at once.
//  Src: RFC 6750 (bearer tokens).  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"

#include <limits.h>
#include <stdbool.h>

typedef struct {
    char path [PATH_MAX]; //  absolute
} admin_token_t;

//  Find the file: admin_token_file, or else admin.token beside state_path.
//  A missing file is made: mode 0600, 32 random bytes as hexadecimal digits.
//  Err: ERR_CONFIG: the file is not usable; -EWOULDBLOCK: another program has held its lock for
//  two seconds; other -errno.  diag says why.
int
admin_token_open (admin_token_t *self, const settings_t *settings, err_diag_t *diag) must_check;
//  Would admin_token_open find or make the file?  Makes nothing.  Err: as admin_token_open.
int
admin_token_look (const settings_t *settings, err_diag_t *diag) must_check;
//  Compare an Authorization header, "Bearer TOKEN", with the token, in constant time.
//  Err: ERR_CONFIG, -errno: the file is not readable; *ret_good is false.
int
admin_token_check (const admin_token_t *self, const char *authorization, bool *ret_good,
                   err_diag_t *diag) must_check;
