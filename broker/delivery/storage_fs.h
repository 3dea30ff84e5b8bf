//  storage_fs - the filesystem as storage: a record stays in its folder on this host.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

//  "filesystem"; always chosen.  A link is the absolute path.
extern const storage_backend_t storage_fs;
