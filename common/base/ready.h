//  ready - the file by which a program says that it is ready, and at which addresses.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

//  Make the file at path these lines ("name=endpoint\n"), whole or not at all; "": do nothing.
//  Everybody may read it.  A symbolic link of that name is replaced.
//  Err: -errno, ERR_LIMIT; what was there before stays.
int
ready_write (const char *path, const char *lines) must_check;
