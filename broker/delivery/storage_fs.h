//  storage_fs - the filesystem as a storage backend: a record stays in its folder on this host.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

//  Its name is "filesystem"; it is always chosen.  A link is an absolute path.
extern const storage_backend_t storage_fs;
