//  threads - can this process start as many as it needs?
//
//  Some libraries abort when they cannot (libzmq); so it is asked before the first of them is used,
//  and a program that cannot ends with EXIT_RUNTIME, for its supervisor to start it again.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  Start so many at once and end them.  Logs why it cannot be done.  Err: -errno.
int
threads_check (int count) must_check;
