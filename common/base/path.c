//  SPDX-License-Identifier: Apache-2.0
#include "common/base/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *
path_absolute (const char *path, char ret_path [PATH_MAX])
{
    char cwd [PATH_MAX];
    if (realpath (path, ret_path))
        return ret_path;
    const char *plain = strncmp (path, "./", 2) == 0 ? path + 2 : path;
    if (path [0] != '/' && getcwd (cwd, sizeof cwd)
        && snprintf (ret_path, PATH_MAX, "%s/%s", cwd, plain) < PATH_MAX)
        return ret_path;
    snprintf (ret_path, PATH_MAX, "%s", path);
    return ret_path;
}
