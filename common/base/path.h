//  path - a path as shown to people, whose current folder is not the program's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits.h>

//  Makes a path absolute: links are resolved if it exists, else it is taken below the current
//  folder.  Returns ret_path, or path itself when neither works (no current folder, too long).
//  Own: borrows path.
const char *
path_absolute (const char *path, char ret_path [PATH_MAX]);
