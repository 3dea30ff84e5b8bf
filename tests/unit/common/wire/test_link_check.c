//  test_link_check - endpoints are checked before they are used.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/wire/link.h"

#include <errno.h>
#include <string.h>

typedef struct {
    const char *endpoint;
    int rc;
    const char *says; //  a part of the error text
} row_t;

typedef int (check_fn) (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag);

static void
s_rows (check_fn *check, const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        err_diag_t diag = {""};
        assert_int_equal (check (rows [i].endpoint, NULL, &diag), rows [i].rc);
        assert_non_null (strstr (diag.text, rows [i].says));
    }
}

#define LONG_NAME                                                                                  \
    "ipc://"                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"      \
    "xxxxxxxxxxxxxxxxxxxxxxxxx"

static void
test_what_can_be_bound (void **state)
{
    static const row_t rows [] = {
        {"tcp://127.0.0.1:1", 0, ""},
        {"tcp://*:*", 0, ""},
        {"tcp://localhost:0", 0, ""},
        {"tcp://[::1]:1", 0, ""},
        {"tcp://lo:1", 0, ""},
        {"tcp://a.name:1", ERR_CONFIG, "an interface of this host"},
        {"tcp://[a]:1", ERR_CONFIG, "an interface of this host"},
        {"ipc://x", 0, ""},
        {"ipc://./x", 0, ""},
        {"ipc://@no/x", 0, ""},
        {"ipc://*", 0, ""},
        {"ipc://no/x", -ENOENT, "ipc://no/x: no: No such file"},
        {LONG_NAME, ERR_CONFIG, "at most 107 bytes"},
        {"", ERR_CONFIG, "an endpoint is expected"},
        {"/run/x", ERR_CONFIG, "an endpoint is expected"},
    };
    s_rows (link_check_bind, rows, sizeof rows / sizeof rows [0]);
}

static void
test_what_can_be_connected_to (void **state)
{
    static const row_t rows [] = {
        {"tcp://a.name:1", 0, ""},
        {"tcp://[::1]:5570", 0, ""},
        {"tcp://a:0", ERR_CONFIG, "a port to connect to"},
        {"tcp://a:00", ERR_CONFIG, "a port to connect to"},
        {"tcp://a:*", ERR_CONFIG, "a port to connect to"},
        {"ipc://no/x", 0, ""}, //  the folder may still be made
        {LONG_NAME, ERR_CONFIG, "at most 107 bytes"},
        {"", ERR_CONFIG, "an endpoint is expected"},
    };
    s_rows (link_check_connect, rows, sizeof rows / sizeof rows [0]);
}

static void
test_without_keys_only_what_is_local (void **state)
{
    const curve_keys_t none = {.enabled = false}, some = {.enabled = true};
    check_fn *const checks [] = {link_check_bind, link_check_connect};
    for (size_t i = 0; i < 2; i++) {
        err_diag_t diag = {""};
        assert_int_equal (checks [i]("tcp://10.0.0.1:1", &none, &diag), ERR_CONFIG);
        assert_non_null (strstr (diag.text, "without keys only loopback"));
        assert_int_equal (checks [i]("tcp://10.0.0.1:1", &some, NULL), 0);
        assert_int_equal (checks [i]("tcp://10.0.0.1:1", NULL, NULL), 0);
        assert_int_equal (checks [i]("tcp://127.0.0.1:1", &none, NULL), 0);
    }
}

static void
test_a_link_asks_first (void **state)
{
    const curve_keys_t none = {.enabled = false};
    err_diag_t diag = {""};
    assert_null (link_connect (LINK_WORK, "tcp://127.0.0.1:0", &none, &diag));
    assert_non_null (strstr (diag.text, "a port to connect to"));
    assert_null (link_bind (LINK_WORK, "ipc://no/x", &none, &diag));
    assert_non_null (strstr (diag.text, "No such file"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_can_be_bound),
        cmocka_unit_test (test_what_can_be_connected_to),
        cmocka_unit_test (test_without_keys_only_what_is_local),
        cmocka_unit_test (test_a_link_asks_first),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
