//  fuzz_account - a connection string of Azure storage, and what is signed with it.
//
//  Holds: a sentence about a fault never shows a secret; what is read is ended and complete, an
//  address to which requests can be signed; the address alone reads the same again.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/azure/azure_account.h"
#include "broker/azure/azure_link.h"
#include "broker/azure/azure_sign.h"
#include "common/base/own.h"

#include <stdio.h>

#define KEY "AccountKey=QUJD"
#define SECRET "S3cret" //  in the dictionary; no name has a digit

static void
s_ended (const char *text, size_t size)
{
    assert (strnlen (text, size) < size);
    assert (!strpbrk (text, "\r\n"));
}

static void
s_same_address (const azure_account_t *self)
{
    char text [AZURE_ACCOUNT_ENDPOINT + 64];
    azure_account_t again;
    snprintf (text, sizeof text, "AccountName=a;" KEY ";BlobEndpoint=%s", self->endpoint);
    const int rc = azure_account_parse (text, &again, NULL);
    assert (rc == 0);
    (void) rc;
    assert (strcmp (again.endpoint, self->endpoint) == 0);
    assert (strcmp (again.host, self->host) == 0 && again.https == self->https);
}

static void
s_sign (const azure_account_t *self)
{
    const azure_pair_t query [] = {{"comp", "block"}, {"blockid", "QQ=="}};
    const azure_request_t request = {.method = "PUT",
                                     .container = "abc",
                                     .blob = "a/b c",
                                     .query = query,
                                     .query_count = 2,
                                     .body_size = 1};
    const azure_link_t link = {.container = "abc", .blob = "a/b", .expiry_ms = 1000};
    own (azure_sign_fini) azure_signed_t signed_ = {0};
    own (buf_fini) buf_t url = buf_init (8192);
    int64_t expires_ms = 0;
    int rc = azure_sign_request (self, &request, &signed_);
    assert (rc == 0);
    assert (strncmp (signed_.url.data, self->endpoint, strlen (self->endpoint)) == 0);
    for (size_t i = 0; i < signed_.header_count; i++)
        assert (!strpbrk (signed_.headers [i], "\r\n"));
    rc = azure_link_make (self, &link, &url, &expires_ms);
    assert (rc == (azure_account_signs (self) ? 0 : ERR_NONE));
    (void) rc;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    own (own_mem) char *text = calloc (1, size + 1);
    azure_account_t self = {.key_size = 0};
    err_diag_t diag = {""};
    assert (text);
    if (size > 0)
        memcpy (text, data, size);
    if (azure_account_parse (text, &self, &diag) < 0) {
        assert (diag.text [0] && !strstr (diag.text, SECRET));
        return 0;
    }
    s_ended (self.name, sizeof self.name);
    s_ended (self.sas, sizeof self.sas);
    s_ended (self.endpoint, sizeof self.endpoint);
    s_ended (self.host, sizeof self.host);
    assert (self.host [0] && self.endpoint [strlen (self.endpoint) - 1] != '/');
    assert ((self.key_size > 0) != (self.sas [0] != 0));
    assert (self.key_size == 0 || self.name [0]);
    s_same_address (&self);
    s_sign (&self);
    return 0;
}
