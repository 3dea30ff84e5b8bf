//  storage_azure - Azure's Blob Storage as a storage backend.
//
//  An incident's files are block blobs, "<incident>/output/investigation.md" and so on, in the
//  container of the settings.  A link is signed for one blob, for azure_sas_expiry.
//  Src: learn.microsoft.com, "Blob service REST API".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage.h"

//  Its name is "azure"; it is chosen by a connection string or an account.
extern const storage_backend_t storage_azure;
