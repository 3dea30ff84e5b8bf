//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_sign.h"

#include "broker/azure/azure_url.h"
#include "common/base/base64.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { S_URL_BYTES = LIMIT_KIB (8), S_TEXT_BYTES = LIMIT_KIB (16), S_DATE = 40 };

//  "Mon, 30 Nov 2026 21:00:00 GMT", whatever the locale.
static void
s_date (int64_t now_ms, char ret_text [S_DATE])
{
    static const char days [] = "SunMonTueWedThuFriSat";
    static const char months [] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const time_t now = (time_t) (now_ms / 1000);
    struct tm tm = {0};
    gmtime_r (&now, &tm);
    snprintf (ret_text, S_DATE, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday,
              tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
              tm.tm_sec);
}

static int
s_by_name (const void *one, const void *other)
{
    const azure_pair_t *a = one, *b = other;
    return strcasecmp (a->name, b->name);
}

static void
s_lower (buf_t *out, const char *text)
{
    for (; *text; text++) {
        const char byte = (char) (*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
        buf_append (out, &byte, 1);
    }
}


//  --- the text that is signed

//  The headers that stand in it by their place; "" = by its own rule, or never sent by us.
static void
s_standard (const azure_pair_t *headers, size_t count, size_t body_size, buf_t *out)
{
    static const char *const names [] = {"Content-Encoding",
                                         "Content-Language",
                                         "Content-Length",
                                         "Content-MD5",
                                         "Content-Type",
                                         "Date",
                                         "If-Modified-Since",
                                         "If-Match",
                                         "If-None-Match",
                                         "If-Unmodified-Since",
                                         "Range"};
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++) {
        if (i == 2 && body_size > 0)
            buf_printf (out, "%zu", body_size);
        for (size_t j = 0; j < count; j++)
            if (strcasecmp (headers [j].name, names [i]) == 0)
                buf_text (out, headers [j].value);
        buf_text (out, "\n");
    }
}

//  headers: sorted by name.
static void
s_text_to_sign (const azure_account_t *account, const azure_request_t *request,
                const azure_pair_t *headers, size_t count, const char *url, buf_t *out)
{
    azure_pair_t query [AZURE_SIGN_QUERY];
    if (request->query_count > 0)
        memcpy (query, request->query, request->query_count * sizeof query [0]);
    qsort (query, request->query_count, sizeof query [0], s_by_name);
    buf_printf (out, "%s\n", request->method);
    s_standard (headers, count, request->body_size, out);
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp (headers [i].name, "x-ms-", 5) != 0)
            continue;
        s_lower (out, headers [i].name);
        buf_printf (out, ":%s\n", headers [i].value);
    }
    buf_printf (out, "/%s%s", account->name, azure_url_path (url));
    for (size_t i = 0; i < request->query_count; i++)
        buf_printf (out, "\n%s:%s", query [i].name, query [i].value);
}

static int
s_authorization (const azure_account_t *account, const buf_t *text, buf_t *out)
{
    uint8_t hash [DIGEST_BYTES];
    digest_hmac (account->key, account->key_size, text->data, text->size, hash);
    buf_printf (out, "SharedKey %s:", account->name);
    return base64_encode (out, hash, sizeof hash);
}


//  --- the request

static int
s_url (const azure_account_t *account, const azure_request_t *request, buf_t *ret_url)
{
    const int rc = azure_url_blob (account, request->container, request->blob, ret_url);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < request->query_count; i++) {
        buf_text (ret_url, i ? "&" : "?");
        azure_url_encode (ret_url, request->query [i].name, false);
        buf_text (ret_url, "=");
        azure_url_encode (ret_url, request->query [i].value, false);
    }
    if (!azure_account_signs (account))
        buf_printf (ret_url, "%s%s", request->query_count ? "&" : "?", account->sas);
    return ret_url->failed;
}

//  Add the lines of all headers.  Err: -EINVAL, ERR_LIMIT, -ENOMEM.
static int
s_lines (const azure_pair_t *headers, size_t count, azure_signed_t *self)
{
    for (size_t i = 0; i < count; i++) {
        if (strpbrk (headers [i].value, "\r\n"))
            return -EINVAL;
        buf_printf (&self->text, "%s: %s", headers [i].name, headers [i].value);
        buf_append (&self->text, "", 1);
    }
    if (self->text.failed)
        return self->text.failed;
    const char *line = self->text.data;
    for (size_t i = 0; i < count; i++, line += strlen (line) + 1)
        self->headers [i] = line;
    self->header_count = count;
    return 0;
}

int
azure_sign_request (const azure_account_t *account, const azure_request_t *request,
                    azure_signed_t *ret_signed)
{
    azure_pair_t headers [AZURE_SIGN_HEADERS];
    char date [S_DATE];
    size_t count = request->header_count;
    own (buf_fini) buf_t text = buf_init (S_TEXT_BYTES), authorization = buf_init (S_TEXT_BYTES);
    *ret_signed = (azure_signed_t){.url = buf_init (S_URL_BYTES), .text = buf_init (S_TEXT_BYTES)};
    if (count > AZURE_SIGN_HEADERS - 3 || request->query_count > AZURE_SIGN_QUERY)
        return ERR_LIMIT;
    if (count > 0)
        memcpy (headers, request->headers, count * sizeof headers [0]);
    s_date (request->now_ms, date);
    headers [count++] = (azure_pair_t){"x-ms-date", date};
    headers [count++] = (azure_pair_t){"x-ms-version", AZURE_SIGN_VERSION};
    qsort (headers, count, sizeof headers [0], s_by_name);
    int rc = s_url (account, request, &ret_signed->url);
    if (rc == 0 && azure_account_signs (account)) {
        buf_t url = buf_init (S_URL_BYTES); //  without the query
        rc = azure_url_blob (account, request->container, request->blob, &url);
        s_text_to_sign (account, request, headers, count, url.data, &text);
        buf_fini (&url);
        rc = rc ? rc : text.failed;
        rc = rc ? rc : s_authorization (account, &text, &authorization);
        headers [count++] = (azure_pair_t){"Authorization", authorization.data};
    }
    return rc < 0 ? rc : s_lines (headers, count, ret_signed);
}

void
azure_sign_fini (azure_signed_t *self)
{
    buf_fini (&self->url);
    buf_fini (&self->text);
    self->header_count = 0;
}
