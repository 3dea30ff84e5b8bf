//  conf_check - findings of --check-config beyond the values: errors, warnings, and what cannot be
//  checked.
//
//  A program's hook (conf_spec_t) checks all that its start needs, with the functions that the
//  start calls, and reports its findings here.  It changes nothing: it makes no file, folder or
//  key, takes no lasting lock and sends nothing.
//  `at` is the address of the setting to blame, in the settings or in an item of a table; the
//  report names where it was set.  NULL: an argument that is not a flag.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

//  The start would fail, or would run without something it was configured to use: exit EXIT_CONFIG.
void
conf_check_error (conf_check_t *self, const void *at, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
//  Prints "warning: ..." on stderr; the exit code is unchanged.
void
conf_check_warn (conf_check_t *self, const void *at, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
//  Prints "not checked: ..." on stdout, after the passed checks.
void
conf_check_skip (conf_check_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
//  As conf_check_skip, for an address that is not contacted: "WHAT ADDRESS: nothing is sent to the
//  network".  A password in it is masked.
void
conf_check_network (conf_check_t *self, const char *what, const char *address);

//  Report `rc` as an error if it is one (below 0): the diag's sentence, or else err_str.
void
conf_check_result (conf_check_t *self, const void *at, int rc, const err_diag_t *diag);
