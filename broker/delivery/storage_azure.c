//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_azure.h"

#include "broker/azure/azure_link.h"
#include "broker/base/settings_azure.h"
#include "broker/delivery/storage_azure_work.h"
#include "common/base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

//  Settings that no load has filled name no account.
static bool
s_chosen (const settings_t *settings)
{
    return settings->azure_storage_connection_string && settings_azure_chosen (settings);
}

//  Where the settings say that blobs go.  Err: as settings_azure.
static int
s_place (const storage_env_t *env, storage_call_place_t *ret_place, err_diag_t *diag)
{
    const settings_t *settings = env->settings;
    *ret_place = (storage_call_place_t){
        .http = env->http, .clk = env->clk, .link_expiry_ms = settings->azure_sas_expiry_ms};
    snprintf (ret_place->container, sizeof ret_place->container, "%s",
              settings->azure_storage_container);
    return settings_azure (settings, &ret_place->account, diag);
}

static void
s_save (storage_batch_t *batch)
{
    storage_call_place_t place;
    err_diag_t diag = {""};
    if (s_place (batch->env, &place, &diag) == 0) {
        storage_azure_save_begin (batch, &place);
        azure_account_wipe (&place.account);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->files [i].unreached = true;
        snprintf (batch->files [i].error, sizeof batch->files [i].error, "%s", diag.text);
    }
    batch->saved (batch);
}

static void
s_check (storage_check_t *check)
{
    storage_call_place_t place;
    err_diag_t diag = {""};
    if (s_place (check->env, &place, &diag) == 0) {
        storage_azure_check_begin (check, &place);
        azure_account_wipe (&place.account);
        return;
    }
    mail_storage_found (&check->found, "account", MAIL_STORAGE_BAD, "%s", diag.text);
    check->found.stops = true;
    check->checked (check);
}

static void
s_remove (storage_removal_t *removal)
{
    storage_call_place_t place;
    err_diag_t diag = {""};
    if (s_place (removal->env, &place, &diag) == 0) {
        storage_azure_remove_begin (removal, &place);
        azure_account_wipe (&place.account);
        return;
    }
    removal->end = (storage_file_t){.result = STEP_EFFECT_RETRY, .unreached = true};
    snprintf (removal->end.error, sizeof removal->end.error, "%s", diag.text);
    removal->removed (removal);
}

static void
s_go_on (void *work)
{
    storage_azure_work_t *self = work;
    self->go_on (self);
}

static void
s_cancel (void *work)
{
    storage_azure_work_t *self = work;
    self->cancel (self);
}

//  The place of blobs without a signature, for the log.
static int
s_place_text (const storage_call_place_t *place, const char *incident, storage_link_t *ret_link)
{
    const int size =
        snprintf (ret_link->text, sizeof ret_link->text, "%s/%s%s%s", place->account.endpoint,
                  place->container, *incident ? "/" : "", incident);
    ret_link->url = false;
    ret_link->expires_ms = 0;
    return size < (int) sizeof ret_link->text ? 0 : -ENAMETOOLONG;
}

static int
s_sign (const storage_call_place_t *place, const char *incident, const char *path,
        storage_link_t *ret_link)
{
    char blob [STORAGE_CALL_BLOB];
    own (buf_fini) buf_t url = buf_init (sizeof ret_link->text - 1);
    snprintf (blob, sizeof blob, "%s/%s", incident, path);
    const azure_link_t link = {.container = place->container,
                               .blob = blob,
                               .now_ms = clk_now (place->clk).wall_ms,
                               .expiry_ms = place->link_expiry_ms};
    int64_t expires_ms = 0;
    const int rc = azure_link_make (&place->account, &link, &url, &expires_ms);
    if (rc < 0)
        return rc == ERR_LIMIT ? -ENAMETOOLONG : rc;
    snprintf (ret_link->text, sizeof ret_link->text, "%s", url.data);
    ret_link->url = true;
    ret_link->expires_ms = expires_ms;
    return 0;
}

static int
s_link (const storage_env_t *env, const char *incident, const char *path, storage_link_t *ret_link)
{
    storage_call_place_t place;
    if (strncmp (path, "attempts/", 9) == 0 || s_place (env, &place, NULL) < 0)
        return ERR_NONE;
    const int rc = *path ? s_sign (&place, incident, path, ret_link)
                         : s_place_text (&place, incident, ret_link);
    azure_account_wipe (&place.account);
    return rc;
}

const storage_backend_t storage_azure = {.name = "azure",
                                         .chosen = s_chosen,
                                         .save = s_save,
                                         .check = s_check,
                                         .remove = s_remove,
                                         .go_on = s_go_on,
                                         .cancel = s_cancel,
                                         .link = s_link};
