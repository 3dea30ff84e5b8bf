//  Tests of broker/azure/azure_url.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_url.h"

#include "common/base/own.h"
#include "tests/unit/broker/azure/accounts.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_each_byte_that_may_mean_something_is_encoded (void **state)
{
    own (buf_fini) buf_t whole = buf_init (256), path = buf_init (256);
    assert_int_equal (azure_url_encode (&whole, "aZ09-._~/ %?#&=+;:\xc3\xbc\x7f", false), 0);
    assert_string_equal (whole.data, "aZ09-._~%2F%20%25%3F%23%26%3D%2B%3B%3A%C3%BC%7F");
    assert_int_equal (azure_url_encode (&path, "a/b?", true), 0);
    assert_string_equal (path.data, "a/b%3F");
}

static void
test_an_address_has_the_endpoint_the_container_and_the_blob (void **state)
{
    const azure_account_t account = accounts_get ("path");
    static const struct {
        const char *container, *blob, *url, *path;
    } rows [] = {
        {"", "", "http://127.0.0.1:10000/devstoreaccount1/", "/devstoreaccount1/"},
        {"c", "", "http://127.0.0.1:10000/devstoreaccount1/c", "/devstoreaccount1/c"},
        {"c", "a/b", "http://127.0.0.1:10000/devstoreaccount1/c/a/b", "/devstoreaccount1/c/a/b"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (buf_fini) buf_t url = buf_init (256);
        assert_int_equal (azure_url_blob (&account, rows [i].container, rows [i].blob, &url), 0);
        assert_string_equal (url.data, rows [i].url);
        assert_string_equal (azure_url_path (url.data), rows [i].path);
    }
    assert_string_equal (azure_url_path ("https://a.example"), "/");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_byte_that_may_mean_something_is_encoded),
        cmocka_unit_test (test_an_address_has_the_endpoint_the_container_and_the_blob),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
