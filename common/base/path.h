//  path - a path as it is told to people, who stand in another folder than the program.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits.h>

//  Absolute: its links resolved where it exists, else below the current folder.  Returns ret_path;
//  where neither can be had (no current folder, too long), the path as it was given.
//  Own: path stays the caller's.
const char *
path_absolute (const char *path, char ret_path [PATH_MAX]);
