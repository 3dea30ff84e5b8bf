//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/settings_azure.h"

#include "common/base/own.h"

#include <string.h>

enum { S_EXPIRY_MS = 168 * 3600 * 1000 }; //  SETTINGS_AZURE_EXPIRY

bool
settings_azure_chosen (const settings_t *self)
{
    return *self->azure_storage_connection_string || *self->azure_storage_account;
}

int
settings_azure (const settings_t *self, azure_account_t *ret_account, err_diag_t *diag)
{
    if (*self->azure_storage_connection_string)
        return azure_account_parse (self->azure_storage_connection_string, ret_account, diag);
    if (*self->azure_storage_account)
        return azure_account_named (self->azure_storage_account, self->azure_storage_key,
                                    ret_account, diag);
    return ERR_NONE;
}

//  Refuse an account that no connection string names.
static void
s_fit_named (const settings_t *self, conf_check_t *check)
{
    own (azure_account_wipe) azure_account_t account = {0};
    err_diag_t diag = {""};
    if (!*self->azure_storage_account && *self->azure_storage_key)
        conf_check_error (check, &self->azure_storage_key,
                          "is set, and azure_storage_account is not: set both, or neither");
    else if (*self->azure_storage_account && !*self->azure_storage_key)
        conf_check_error (check, &self->azure_storage_account,
                          "is set, and azure_storage_key is not: set both, or neither");
    else
        conf_check_result (
            check, &self->azure_storage_account,
            *self->azure_storage_account ? settings_azure (self, &account, &diag) : 0, &diag);
}

void
settings_azure_fit (settings_t *self, conf_check_t *check)
{
    own (azure_account_wipe) azure_account_t account = {0};
    err_diag_t diag = {""};
    const char *container = self->azure_storage_container;
    if (self->azure_sas_expiry_ms == 0)
        self->azure_sas_expiry_ms = S_EXPIRY_MS;
    if (*self->azure_storage_connection_string) {
        const char *const *at = &self->azure_storage_connection_string;
        const int rc = settings_azure (self, &account, &diag);
        conf_check_result (check, at, rc, &diag);
        if (rc == 0 && !azure_account_signs (&account))
            conf_check_warn (check, at,
                             "has a SharedAccessSignature and no AccountKey, so no link can be "
                             "signed: messages show paths");
        if (rc == 0 && *self->azure_storage_account
            && strcmp (self->azure_storage_account, account.name) != 0)
            conf_check_error (check, at,
                              "is for another account than azure_storage_account: unset "
                              "one of them");
    }
    else
        s_fit_named (self, check);
    if (!settings_azure_chosen (self))
        return;
    diag = (err_diag_t){""};
    if (*container)
        conf_check_result (check, &self->azure_storage_container,
                           azure_account_container (container, &diag), &diag);
    else
        conf_check_error (check, &self->azure_storage_container,
                          "must name the container for the incidents when Azure is used");
}
