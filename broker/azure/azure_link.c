//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_link.h"

#include "broker/azure/azure_sign.h"
#include "broker/azure/azure_url.h"
#include "common/base/base64.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { S_TEXT_BYTES = LIMIT_KIB (8), S_TIME = 40, S_SKEW_S = 15 * 60 };

static void
s_time (int64_t seconds, char ret_text [S_TIME])
{
    const time_t time = (time_t) seconds;
    struct tm tm = {0};
    gmtime_r (&time, &tm);
    snprintf (ret_text, S_TIME, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
              tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

//  The text that is signed: 16 fields, in this order.
static void
s_text_to_sign (const azure_account_t *account, const azure_link_t *link, const char *start,
                const char *end, buf_t *out)
{
    buf_printf (out, "r\n%s\n%s\n", start, end); //  permissions, start, expiry
    buf_printf (out, "/blob/%s/%s/%s\n", account->name, link->container, link->blob);
    buf_printf (out, "\n\n%s\n", account->https ? "https" : ""); //  policy, addresses, protocol
    buf_text (out, AZURE_SIGN_VERSION "\nb\n\n\n\n");            //  resource, snapshot, scope, rscc
    buf_printf (out, "%s\n\n\n%s", link->disposition ? link->disposition : "",
                link->type ? link->type : ""); //  rscd, rsce, rscl, rsct
}

static void
s_field (buf_t *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_printf (out, "%s=", name);
    azure_url_encode (out, value, true);
}

int
azure_link_make (const azure_account_t *account, const azure_link_t *link, buf_t *ret_url,
                 int64_t *ret_expires_ms)
{
    char start [S_TIME], end [S_TIME];
    uint8_t hash [DIGEST_BYTES];
    own (buf_fini) buf_t text = buf_init (S_TEXT_BYTES), signature = buf_init (S_TEXT_BYTES);
    if (!azure_account_signs (account))
        return ERR_NONE;
    const int64_t expires = (link->now_ms + link->expiry_ms) / 1000;
    s_time (link->now_ms / 1000 - S_SKEW_S, start);
    s_time (expires, end);
    s_text_to_sign (account, link, start, end, &text);
    if (text.failed)
        return text.failed;
    digest_hmac (account->key, account->key_size, text.data, text.size, hash);
    base64_encode (&signature, hash, sizeof hash);
    const int rc = azure_url_blob (account, link->container, link->blob, ret_url);
    if (rc < 0)
        return rc;
    buf_text (ret_url, "?"); //  in the order of Azure's SDKs
    s_field (ret_url, "st", start);
    s_field (ret_url, "&se", end);
    buf_text (ret_url, "&sp=r");
    s_field (ret_url, "&spr", account->https ? "https" : "");
    buf_text (ret_url, "&sv=" AZURE_SIGN_VERSION "&sr=b");
    s_field (ret_url, "&rscd", link->disposition);
    s_field (ret_url, "&rsct", link->type);
    s_field (ret_url, "&sig", signature.data);
    *ret_expires_ms = expires * 1000;
    return ret_url->failed ? ret_url->failed : signature.failed;
}
