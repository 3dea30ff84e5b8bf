//  ready - the file by which a program reports that it is ready, and its addresses.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  Replace the file at path by these lines ("name=endpoint\n"), whole or not at all; path "": do
//  nothing.  Everybody may read it.  A symbolic link of that name is replaced.
//  Err: -errno, ERR_LIMIT; the former file stays.
int
ready_write (const char *path, const char *lines) must_check;
