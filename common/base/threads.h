//  threads - can this process start as many threads as it needs?
//
//  Some libraries (libzmq) abort when a thread cannot start.  So this is checked before they are
//  used; on failure a program ends with EXIT_RUNTIME and its supervisor restarts it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  Start `count` threads at once and end them.  Logs a failure.  Err: -errno.
int
threads_check (int count) must_check;
