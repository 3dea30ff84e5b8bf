//  Tests of common/base/ready.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/ready.h"

#include "common/base/buf.h"
#include "common/base/own.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_the_ready_file_appears_whole (void **state)
{
    char root [] = "/tmp/test_ready.XXXXXX";
    own (buf_fini) buf_t text = buf_init (100);
    assert_non_null (mkdtemp (root));
    assert_int_equal (chdir (root), 0);
    assert_int_equal (ready_write ("case.ready", "work=tcp://127.0.0.1:1\n"), 0);
    assert_int_equal (buf_read_file (&text, "case.ready"), 0);
    assert_string_equal (text.data, "work=tcp://127.0.0.1:1\n");
    assert_int_equal (access ("case.ready.part", F_OK), -1);
    assert_int_equal (ready_write ("", "x"), 0);
    assert_int_equal (ready_write ("no-such-folder/ready", "x"), -ENOENT);
    assert_int_equal (unlink ("case.ready"), 0);
    assert_int_equal (rmdir (root), 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_ready_file_appears_whole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
