//  enter_part - the steps of enter; each returns 0, or -1 after it has written the fault.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/enter/enter.h"
#include "runner/enter/enter_fault.h"

//  Listen on the ports of spec and hand the sockets over.
int
enter_listen (const enter_spec_t *spec, enter_fault_t *fault) must_check;
//  Limits, user, capabilities, no_new_privs.
int
enter_user (const enter_spec_t *spec, enter_fault_t *fault) must_check;
//  Bind the Landlock rules that `rules_fd` holds.
int
enter_landlock_bind (int rules_fd, enter_fault_t *fault) must_check;
//  Prepare Landlock rules while paths can still be opened.  *ret_rules_fd: -1 without rules.
int
enter_landlock_new (const enter_spec_t *spec, int *ret_rules_fd, enter_fault_t *fault) must_check;
//  Load the filter of system calls.
int
enter_seccomp (const enter_spec_t *spec, enter_fault_t *fault) must_check;
//  Try what must not work, and what must.
int
enter_test (const enter_spec_t *spec, enter_fault_t *fault) must_check;
