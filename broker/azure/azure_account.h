//  azure_account - a storage account of Azure: its address, and the proof that it is ours.  Pure.
//
//  Read from a connection string, or from a name and a key.  Each error is a sentence for an
//  operator: what is wrong, where, what to do.  No sentence holds a key or a signature, or any
//  part of a text that may be one.
//  Src: learn.microsoft.com, "Configure Azure Storage connection strings"; the keys and their
//  reading as in Azure's SDKs: any case, known keys of other services do nothing.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AZURE_ACCOUNT_NAME = 65,      //  with the NUL; Azure has 24 characters, an emulator more
    AZURE_ACCOUNT_KEY = 256,      //  Azure's keys have 64 bytes
    AZURE_ACCOUNT_SAS = 2048,     //  with the NUL; a signature with all its fields has about 300
    AZURE_ACCOUNT_ENDPOINT = 512, //  with the NUL
    AZURE_ACCOUNT_HOST = 256
};

typedef struct {
    char name [AZURE_ACCOUNT_NAME]; //  "" = unknown: sas alone proves who we are
    uint8_t key [AZURE_ACCOUNT_KEY];
    size_t key_size;                        //  0 = none
    char sas [AZURE_ACCOUNT_SAS];           //  a query without "?"; "" = none, or a key is there
    char endpoint [AZURE_ACCOUNT_ENDPOINT]; //  "https://a.blob.core.windows.net", no "/" at the end
    char host [AZURE_ACCOUNT_HOST];         //  of the endpoint, without the port
    bool https;
} azure_account_t;

//  Read a connection string.
//  Err: ERR_CONFIG; diag says why, *ret_account is untouched.
int
azure_account_parse (const char *text, azure_account_t *ret_account, err_diag_t *diag) must_check;
//  An account of Azure's public cloud, by its name and its key in base64.  Err: as above.
int
azure_account_named (const char *name, const char *key, azure_account_t *ret_account,
                     err_diag_t *diag) must_check;
//  May a container have this name?  Err: ERR_CONFIG; diag says why not.
int
azure_account_container (const char *name, err_diag_t *diag) must_check;
//  Can links be signed?  A SharedAccessSignature cannot sign another.
bool
azure_account_signs (const azure_account_t *self);
//  Overwrite the secrets.
void
azure_account_wipe (azure_account_t *self);
