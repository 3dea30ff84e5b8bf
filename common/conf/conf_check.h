//  conf_check - what --check-config finds beyond the values: errors, warnings,
//  and what it cannot know.
//
//  A program's hook (conf_spec_t) looks at all that its start needs, through the functions that
//  the start calls, and tells what it finds here.  It changes nothing: it makes no file, folder
//  or key, takes no lock that lasts, sends nothing.  `at` is the address of the setting that
//  is to blame, in the settings or in an item of a table: it names the place where that was set;
//  NULL: an argument that is no flag.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"

//  The start would refuse it, or it would run without something it was told to use:
//  exit EXIT_CONFIG.
void
conf_check_error (conf_check_t *self, const void *at, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
//  "warning: ..." on stderr, the exit code stays.
void
conf_check_warn (conf_check_t *self, const void *at, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
//  "not checked: ..." on stdout, below what was found good.
void
conf_check_skip (conf_check_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
//  The same of what would be asked: "WHAT ADDRESS: nothing is sent to the network";
//  a password in it is masked.
void
conf_check_network (conf_check_t *self, const char *what, const char *address);

//  An error of `rc`, if it is one (below 0): the diag's sentence, or else err_str.
void
conf_check_result (conf_check_t *self, const void *at, int rc, const err_diag_t *diag);
