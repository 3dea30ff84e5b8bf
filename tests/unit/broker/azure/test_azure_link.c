//  Tests of broker/azure/azure_link, with the answers of another implementation (vectors.py).
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_link.h"

#include "common/base/limits.h"
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

#define WEEK_MS (7 * 24 * 3600 * (int64_t) 1000)

static azure_link_t
s_link (const char *name)
{
    const bool typed = strcmp (name, "typed") == 0;
    return (azure_link_t){.container = "incidents",
                          .blob = strcmp (name, "strange") == 0 ? "a b/\xc3\xbc+%.log"
                                                                : "0199/output/investigation.html",
                          .now_ms = ACCOUNTS_NOW_MS + 999,
                          .expiry_ms = WEEK_MS,
                          .disposition = typed ? "inline" : NULL,
                          .type = typed ? "text/html; charset=utf-8" : NULL};
}

static void
test_links_are_signed_as_microsofts_library_signs_them (void **state)
{
    for (size_t i = 0; i < sizeof vector_links / sizeof vector_links [0]; i++) {
        const vector_t *vector = &vector_links [i];
        const azure_account_t account = accounts_get (vector->account);
        const azure_link_t link = s_link (vector->name);
        own (buf_fini) buf_t url = buf_init (LIMIT_KIB (8)), expected = buf_init (LIMIT_KIB (8));
        int64_t expires_ms = 0;
        buf_printf (&expected, "%s?%s", vector->url, vector->signed_);
        assert_int_equal (azure_link_make (&account, &link, &url, &expires_ms), 0);
        assert_string_equal (url.data, expected.data);
        assert_int_equal (expires_ms, ACCOUNTS_NOW_MS + WEEK_MS);
    }
}

static void
test_a_shared_access_signature_cannot_sign_another (void **state)
{
    const azure_account_t account = accounts_get ("sas");
    const azure_link_t link = s_link ("plain");
    own (buf_fini) buf_t url = buf_init (LIMIT_KIB (8));
    int64_t expires_ms = 0;
    assert_false (azure_account_signs (&account));
    assert_int_equal (azure_link_make (&account, &link, &url, &expires_ms), ERR_NONE);
    assert_int_equal (url.size, 0);
}

static void
test_a_link_that_does_not_fit_is_no_link (void **state)
{
    const azure_account_t account = accounts_get ("path");
    azure_link_t link = s_link ("plain");
    own (buf_fini) buf_t url = buf_init (64);
    int64_t expires_ms = 0;
    assert_int_equal (azure_link_make (&account, &link, &url, &expires_ms), ERR_LIMIT);
    link.blob = "0199/../other";
    buf_reset (&url);
    assert_int_equal (azure_link_make (&account, &link, &url, &expires_ms), -EINVAL);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_links_are_signed_as_microsofts_library_signs_them),
        cmocka_unit_test (test_a_shared_access_signature_cannot_sign_another),
        cmocka_unit_test (test_a_link_that_does_not_fit_is_no_link),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
