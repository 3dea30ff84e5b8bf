//  settings_azure - the storage account that the settings name, and whether they fit together.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"
#include "broker/base/settings.h"
#include "common/conf/conf_check.h"

#define SETTINGS_AZURE_EXPIRY "168h" //  azure_sas_expiry: also what 0 means

//  Do the settings name an account?  Else incidents stay in workspace_root alone.
bool
settings_azure_chosen (const settings_t *self);
//  The account of azure_storage_connection_string, else of azure_storage_account and its key.
//  Err: ERR_NONE: none is named; ERR_CONFIG: not after a load, whose hook `fit` has refused it;
//  diag says why.  ret_account is then untouched.
int
settings_azure (const settings_t *self, azure_account_t *ret_account, err_diag_t *diag) must_check;
//  For the hook `fit`: refuse an account that cannot be used; 0 becomes the default expiry.
void
settings_azure_fit (settings_t *self, conf_check_t *check);
