//  system - paths of the host that programs need; every box may read them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

//  Folders with programs and libraries; each may be a symbolic link or missing.  NULL ends a list.
extern const char *const system_folders [];
//  Of /etc only what programs look up; each may be missing.
extern const char *const system_etc [];
