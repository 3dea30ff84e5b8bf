//  accounts - the accounts of the tests: an emulator's, one of Azure's cloud, one with a SAS only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/azure/azure_account.h"

#include <assert.h>
#include <string.h>

#define ACCOUNTS_NOW_MS 1796072706000 //  2026-11-30T21:05:06Z
#define ACCOUNTS_KEY                                                                               \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#define ACCOUNTS_OTHER_KEY                                                                         \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

//  name: "path", "host" or "sas".
static inline azure_account_t
accounts_get (const char *name)
{
    static const char path [] =
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=" ACCOUNTS_KEY
        ";BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;";
    static const char sas [] = "BlobEndpoint=https://sasaccount.blob.core.windows.net/;"
                               "SharedAccessSignature=sv=2021-08-06&sp=rcwdl&sig=a%2Bb%3D";
    azure_account_t account;
    err_diag_t diag = {""};
    int rc = 0;
    if (strcmp (name, "host") == 0)
        rc = azure_account_named ("myaccount", ACCOUNTS_OTHER_KEY, &account, &diag);
    else
        rc = azure_account_parse (strcmp (name, "sas") == 0 ? sas : path, &account, &diag);
    assert (rc == 0);
    (void) rc;
    return account;
}
