//  test_conf_check - reports of a program's hook, and the source named for each value.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common/conf/conf_case.h"

#include "common/conf/conf_check.h"

//  Blame each setting once.
static void
s_blame (const conf_t *conf, conf_check_t *check)
{
    const case_settings_t *settings = conf_settings (conf);
    const case_item_t *items = settings->items.items;
    const err_diag_t said = {"plain x: no such thing"}, other = {"plainer"}, none = {""};
    conf_check_error (check, &settings->plain, "bad %s", settings->plain);
    conf_check_result (check, &settings->plain, -ENOENT, &said);
    conf_check_result (check, &settings->plain, -ENOENT, &other);
    conf_check_result (check, &settings->deep, ERR_CONFIG, &none);
    conf_check_result (check, &settings->deep, 0, &said);
    conf_check_error (check, &settings->token, "secret");
    conf_check_error (check, &settings->items, "all of them");
    for (size_t i = 0; i < settings->items.count; i++)
        conf_check_error (check, &items [i].url, "bad\x1b");
    conf_check_error (check, NULL, "argument");
}

static void
s_warn (const conf_t *conf, conf_check_t *check)
{
    const case_settings_t *settings = conf_settings (conf);
    conf_check_warn (check, &settings->plain, "line\nend");
    conf_check_skip (check, "the moon");
    conf_check_network (check, "server", "http://me:secret@host/x");
    conf_check_network (check, "webhook", "");
}

static conf_spec_t
s_spec (void (*check) (const conf_t *, conf_check_t *))
{
    conf_spec_t spec = case_spec;
    spec.check = check;
    return spec;
}

static void
test_an_error_names_the_place_that_won (void **state)
{
    const conf_spec_t spec = s_spec (s_blame);
    own (case_drop) case_t load;
    case_load (&load, &spec,
               "plain: a\ntoken: t\nitems:\n- {name: x, mcp: {url: 'http://u'}}\n- name: y\n"
               "  mcp:\n    url: http://v\n",
               NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.out, "");
    assert_string_equal (load.err, "case.yaml:1: plain: bad a\n"
                                   "case.yaml:1: plain: x: no such thing\n"
                                   "case.yaml:1: plain: plainer\n"
                                   "mcp.deep.key: bad configuration\n"
                                   "case.yaml:2: token: secret\n"
                                   "case.yaml:3: items: all of them\n"
                                   "case.yaml:4: items[0].mcp.url: bad.\n"
                                   "case.yaml:7: items[1].mcp.url: bad.\n"
                                   "FILE...: argument\n");
    case_load (&load, &spec, "plain: a\n", CASE_LIST ("PLAIN=b", "DEEP=d", "TOKEN=t"),
               CASE_LIST ("--check-config", "--mcp-deep-key", "e"));
    assert_non_null (strstr (load.err, "environment PLAIN: bad b\n"));
    assert_non_null (strstr (load.err, "flag --mcp-deep-key: bad configuration\n"));
    assert_non_null (strstr (load.err, "environment TOKEN: secret\n"));
    case_load (&load, &spec, NULL, CASE_LIST ("PLAIN_OLD=b"), CASE_LIST ("--check-config"));
    assert_non_null (strstr (load.err, "environment PLAIN_OLD: bad b\n"));
}

static void
test_errors_of_values_and_of_the_check_come_together (void **state)
{
    const conf_spec_t spec = s_spec (s_blame);
    own (case_drop) case_t load;
    case_load (&load, &spec, "count: 0\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_non_null (strstr (load.err, "case.yaml:1: count: expected an integer"));
    assert_non_null (strstr (load.err, "plain: bad def\n"));
}

//  A check would see the defaults, not the values in the file.
static void
test_a_file_that_is_not_understood_is_the_only_error (void **state)
{
    const conf_spec_t spec = s_spec (s_blame);
    own (case_drop) case_t load;
    case_load (&load, &spec, "plain: [\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_null (strchr (strchr (load.err, '\n') + 1, '\n'));
    case_load (&load, &spec, NULL, NULL, CASE_LIST ("--check-config", "-c", "gone.yaml"));
    assert_string_equal (load.err, "gone.yaml: cannot be read: No such file or directory\n");
}

static void
test_only_check_config_asks_the_hook (void **state)
{
    const conf_spec_t spec = s_spec (s_blame);
    own (case_drop) case_t load;
    case_load (&load, &spec, NULL, NULL, NULL);
    assert_int_equal (load.rc, 0);
    conf_t *fresh = NULL;
    assert_int_equal (conf_reload (load.conf, NULL, &fresh), 0);
    conf_destroy (&fresh);
    conf_destroy (&load.conf);
    case_load (&load, &spec, NULL, NULL, CASE_LIST ("--print-config"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.err, "");
}

static void
test_warnings_and_what_is_not_checked_leave_it_good (void **state)
{
    const conf_spec_t spec = s_spec (s_warn);
    own (case_drop) case_t load;
    case_load (&load, &spec, "plain: a\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.err, "warning: case.yaml:1: plain: line.end\n");
    static const char said [] = "configuration ok\n"
                                "not checked: the moon\n"
                                "not checked: server http://<secret>@host/x: nothing is sent to "
                                "the network\n"
                                "not checked: webhook: nothing is sent to the network\n";
    assert_memory_equal (load.out, said, sizeof said - 1);
    //  root may do everything; the user who runs the program later may not
    assert_int_equal (strstr (load.out, "another user than root") != NULL, geteuid () == 0);
}

static void
test_the_ready_file_must_be_writable (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "ready_file: case.ready\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, 1);
    assert_int_equal (access ("case.ready", F_OK), -1);
    case_load (&load, &case_spec, "\nready_file: nowhere/x\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, "case.yaml:2: ready_file: nowhere: No such file or directory\n");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_error_names_the_place_that_won),
        cmocka_unit_test (test_errors_of_values_and_of_the_check_come_together),
        cmocka_unit_test (test_a_file_that_is_not_understood_is_the_only_error),
        cmocka_unit_test (test_only_check_config_asks_the_hook),
        cmocka_unit_test (test_warnings_and_what_is_not_checked_leave_it_good),
        cmocka_unit_test (test_the_ready_file_must_be_writable),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
