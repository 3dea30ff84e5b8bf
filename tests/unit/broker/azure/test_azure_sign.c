//  Tests of broker/azure/azure_sign, with the answers of another implementation (vectors.py).
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_sign.h"

#include "common/base/own.h"
#include "tests/unit/broker/azure/accounts.h"
#include "tests/unit/broker/azure/vectors.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PAIRS(array) array, sizeof (array) / sizeof (array [0])

//  The requests of vectors.py, in another order of headers and parameters where it is of no matter.
static const azure_pair_t put_headers [] = {
    {"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="},
    {"x-ms-blob-type", "BlockBlob"},
    {"x-ms-blob-content-type", "text/markdown; charset=utf-8"},
    {"If-None-Match", "*"},
    {"x-ms-blob-content-disposition", "inline; filename=\"investigation.md\""},
    {"Content-Type", "application/octet-stream"}};
static const azure_pair_t match_headers [] = {{"if-match", "\"0x8D\""}};
static const azure_pair_t block_query [] = {{"comp", "block"}, {"blockid", "QUFBQQ=="}};
static const azure_pair_t empty_query [] = {{"restype", "container"}};
static const azure_pair_t account_query [] = {{"comp", "list"}};
static const azure_pair_t list_query [] = {{"restype", "container"},
                                           {"comp", "list"},
                                           {"prefix", "0199/"},
                                           {"marker", "2!a b"},
                                           {"maxresults", "100"}};
static const struct {
    const char *name;
    azure_request_t request;
} requests [] = {
    {"put",
     {"PUT", "incidents", "0199/output/investigation.md", NULL, 0, PAIRS (put_headers), 1234, 0}},
    {"block", {"PUT", "incidents", "a b/\xc3\xbc+%.log", PAIRS (block_query), NULL, 0, 5, 0}},
    {"empty", {"PUT", "incidents", "", PAIRS (empty_query), NULL, 0, 0, 0}},
    {"list", {"GET", "incidents", "", PAIRS (list_query), NULL, 0, 0, 0}},
    {"account", {"GET", "", "", PAIRS (account_query), NULL, 0, 0, 0}},
    {"delete", {"DELETE", "incidents", "0199/event.json", NULL, 0, PAIRS (match_headers), 0, 0}},
};

static azure_request_t
s_request (const char *name)
{
    azure_request_t request = {0};
    for (size_t i = 0; i < sizeof requests / sizeof requests [0]; i++)
        if (strcmp (requests [i].name, name) == 0)
            request = requests [i].request;
    assert_non_null (request.method);
    request.now_ms = ACCOUNTS_NOW_MS;
    return request;
}

//  The value of a header; NULL when it is absent.
static const char *
s_header (const azure_signed_t *signed_, const char *name)
{
    const size_t size = strlen (name);
    for (size_t i = 0; i < signed_->header_count; i++)
        if (strncmp (signed_->headers [i], name, size) == 0
            && strncmp (signed_->headers [i] + size, ": ", 2) == 0)
            return signed_->headers [i] + size + 2;
    return NULL;
}

static void
test_requests_are_signed_as_microsofts_library_signs_them (void **state)
{
    for (size_t i = 0; i < sizeof vector_requests / sizeof vector_requests [0]; i++) {
        const vector_t *vector = &vector_requests [i];
        const azure_account_t account = accounts_get (vector->account);
        const azure_request_t request = s_request (vector->name);
        own (azure_sign_fini) azure_signed_t signed_ = {0};
        assert_int_equal (azure_sign_request (&account, &request, &signed_), 0);
        assert_string_equal (signed_.url.data, vector->url);
        assert_string_equal (s_header (&signed_, "Authorization"), vector->signed_);
        assert_string_equal (s_header (&signed_, "x-ms-date"), "Mon, 30 Nov 2026 21:05:06 GMT");
        assert_string_equal (s_header (&signed_, "x-ms-version"), "2021-08-06");
        for (size_t j = 0; j < request.header_count; j++)
            assert_string_equal (s_header (&signed_, request.headers [j].name),
                                 request.headers [j].value);
        assert_int_equal (signed_.header_count, request.header_count + 3);
    }
}

static void
test_a_shared_access_signature_goes_into_the_address_and_nothing_is_signed (void **state)
{
    const azure_account_t account = accounts_get ("sas");
    static const struct {
        const char *name, *url;
    } rows [] = {{"put", "https://sasaccount.blob.core.windows.net/incidents/0199/output/"
                         "investigation.md?sv=2021-08-06&sp=rcwdl&sig=a%2Bb%3D"},
                 {"empty", "https://sasaccount.blob.core.windows.net/incidents?restype=container"
                           "&sv=2021-08-06&sp=rcwdl&sig=a%2Bb%3D"}};
    for (size_t i = 0; i < 2; i++) {
        const azure_request_t request = s_request (rows [i].name);
        own (azure_sign_fini) azure_signed_t signed_ = {0};
        assert_int_equal (azure_sign_request (&account, &request, &signed_), 0);
        assert_string_equal (signed_.url.data, rows [i].url);
        assert_null (s_header (&signed_, "Authorization"));
        assert_non_null (s_header (&signed_, "x-ms-version"));
    }
}

static void
test_what_cannot_be_sent_is_refused (void **state)
{
    static const char *const blobs [] = {"..", "a/../b", "a/.", "./a", "a//b", "/a", "a/"};
    const azure_account_t account = accounts_get ("path");
    azure_request_t request = s_request ("delete");
    for (size_t i = 0; i < sizeof blobs / sizeof blobs [0]; i++) {
        own (azure_sign_fini) azure_signed_t signed_ = {0};
        request.blob = blobs [i];
        assert_int_equal (azure_sign_request (&account, &request, &signed_), -EINVAL);
    }
    const azure_pair_t forged [] = {{"x-ms-meta-a", "b\r\nx-ms-copy-source: c"}};
    own (azure_sign_fini) azure_signed_t line = {0}, many = {0};
    request.blob = "..a";
    request.headers = forged;
    assert_int_equal (azure_sign_request (&account, &request, &line), -EINVAL);
    request.header_count = AZURE_SIGN_HEADERS - 2;
    assert_int_equal (azure_sign_request (&account, &request, &many), ERR_LIMIT);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_requests_are_signed_as_microsofts_library_signs_them),
        cmocka_unit_test (
            test_a_shared_access_signature_goes_into_the_address_and_nothing_is_signed),
        cmocka_unit_test (test_what_cannot_be_sent_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
