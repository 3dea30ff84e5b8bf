//  test_conf_fit - secrets inside the items of a table, and values that must fit together.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common/conf/conf_case.h"

#include "common/conf/conf_check.h"

//  --- secrets of items

static void
test_a_secret_of_an_item_comes_from_the_file_or_from_one_of_its_own (void **state)
{
    own (case_drop) case_t load;
    case_write ("case.secret", " from a file\n");
    case_load (&load, &case_spec,
               "doors:\n  a: {code: plain}\n  b: {code_file: case.secret, bell: 'http://u'}\n",
               NULL, NULL);
    assert_string_equal (load.err, "");
    const case_door_t *doors = load.settings->doors.items;
    assert_string_equal (doors [0].code, "plain");
    assert_string_equal (doors [0].bell, "");
    assert_string_equal (doors [1].name, "b");
    assert_string_equal (doors [1].code, "from a file");
    assert_false (conf_secrets_changed (load.conf));
    case_write ("case.secret", "another\n");
    assert_true (conf_secrets_changed (load.conf));
}

static void
test_errors_of_an_items_secret_name_its_place_and_never_show_it (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec,
               "doors:\n  a:\n    bell: hush-hush\n  b:\n    code: x\n    code_file: y\n", NULL,
               NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, "case.yaml:3: doors.a.bell: expected a URL with http:// or "
                                   "https://, got a secret that is not one\n"
                                   "case.yaml:6: doors.b.code_file: give either code or "
                                   "code_file, not both\n");
    case_refused ("doors: {a: {code_file: gone}}\n",
                  "case.yaml:1: doors.a.code_file: cannot read \"gone\": No such file or "
                  "directory\n");
    case_refused ("doors:\n  a:\n    code: \"<secret>\"\n",
                  "case.yaml:3: doors.a.code: expected the secret, got what --print-config shows "
                  "instead\n");
}

static void
test_a_printed_item_has_a_mask_for_its_secret_and_is_read_again (void **state)
{
    own (case_drop) case_t load, again;
    case_load (&load, &case_spec, "doors: {a: {code: hidden, bell: 'http://hidden/x'}}\n", NULL,
               CASE_LIST ("--print-config"));
    assert_int_equal (load.rc, 1);
    assert_null (strstr (load.out, "hidden"));
    assert_non_null (strstr (load.out, "doors:\n  \"a\":\n    code: \"<secret>\"\n"
                                       "    bell: \"<secret>\"\n"));
    char printed [sizeof load.out];
    memcpy (printed, load.out, sizeof printed);
    case_load (&again, &case_spec, printed, NULL, CASE_LIST ("--print-config"));
    assert_string_equal (again.out, printed);
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--print-docs"));
    assert_non_null (strstr (load.out, "| `doors.<name>.code` |"));
    assert_non_null (strstr (load.out, "What opens it. A secret; also `code_file`."));
}

//  --- values that fit together

//  A door needs a code; "a" is warned of; plain is the base of another value.
static void
s_fit (conf_t *conf, void *at, conf_check_t *check)
{
    case_settings_t *settings = at;
    const case_door_t *doors = settings->doors.items;
    assert_ptr_equal (conf_settings (conf), settings);
    for (size_t i = 0; i < settings->doors.count; i++) {
        if (!*doors [i].code)
            conf_check_error (check, &doors [i].name, "a door without a code");
        if (strcmp (doors [i].name, "a") == 0)
            conf_check_warn (check, &doors [i].code, "door a is old");
    }
    char *derived = conf_memory (conf, 32);
    snprintf (derived, 32, "%s!", settings->plain);
    settings->derived = derived;
}

static conf_spec_t
s_spec (void)
{
    conf_spec_t spec = case_spec;
    spec.fit = s_fit;
    return spec;
}

static void
test_values_that_do_not_fit_refuse_each_kind_of_load (void **state)
{
    const conf_spec_t spec = s_spec ();
    static const char yaml [] = "plain: x\ndoors:\n  b: {code: c}\n  two: {}\n";
    static const char said [] = "case.yaml:4: doors.two: a door without a code\n";
    own (case_drop) case_t load;
    case_load (&load, &spec, yaml, NULL, NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, said);
    case_load (&load, &spec, yaml, NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, said);
    case_load (&load, &spec, "doors: {b: {code: c}}\n", NULL, NULL);
    assert_int_equal (load.rc, 0);
    conf_t *fresh = NULL;
    case_write ("case.yaml", yaml);
    assert_int_equal (conf_reload (load.conf, NULL, &fresh), ERR_CONFIG);
    assert_null (fresh);
}

//  It must print what it has printed, with masks that need not fit.
static void
test_a_configuration_that_does_not_fit_is_printed (void **state)
{
    const conf_spec_t spec = s_spec ();
    own (case_drop) case_t load;
    case_load (&load, &spec, "doors: {two: {}}\n", NULL, CASE_LIST ("--print-config"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.err, "");
}

static void
test_values_that_are_bad_themselves_come_first (void **state)
{
    const conf_spec_t spec = s_spec ();
    own (case_drop) case_t load;
    case_load (&load, &spec, "count: 0\ndoors: {two: {}}\n", NULL, NULL);
    assert_string_equal (load.err, "case.yaml:1: count: expected an integer from 1 to 10, got "
                                   "\"0\"\n");
}

static void
test_a_derived_value_follows_a_reload (void **state)
{
    const conf_spec_t spec = s_spec ();
    own (case_drop) case_t load;
    case_load (&load, &spec, "plain: x\n", NULL, NULL);
    assert_string_equal (load.settings->derived, "x!");
    conf_t *fresh = NULL;
    case_write ("case.yaml", "plain: x\ndoors: {a: {code: c}}\n");
    const int saved = case_redirect (2, "case.err");
    const int rc = conf_reload (load.conf, NULL, &fresh);
    case_restore (2, saved);
    assert_int_equal (rc, 0);
    const case_settings_t *settings = conf_settings (fresh);
    assert_string_equal (settings->derived, "x!");
    conf_destroy (&fresh);
    case_read ("case.err", load.err, sizeof load.err);
    assert_non_null (strstr (load.err, "warning=\"case.yaml:2: doors.a.code: door a is old\""));
}

//  A program logs them once it knows the log's format.
static void
test_warnings_are_printed_by_check_config_and_logged_on_request (void **state)
{
    const conf_spec_t spec = s_spec ();
    static const char yaml [] = "doors:\n  a:\n    code: c\n";
    own (case_drop) case_t load;
    case_load (&load, &spec, yaml, NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.err, "warning: case.yaml:3: doors.a.code: door a is old\n");
    case_load (&load, &spec, yaml, NULL, NULL);
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.err, "");
    const int saved = case_redirect (2, "case.err");
    conf_warn (load.conf);
    case_restore (2, saved);
    case_read ("case.err", load.err, sizeof load.err);
    assert_non_null (strstr (load.err, "level=warn"));
    assert_non_null (strstr (load.err, "warning=\"case.yaml:3: doors.a.code: door a is old\""));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_secret_of_an_item_comes_from_the_file_or_from_one_of_its_own),
        cmocka_unit_test (test_errors_of_an_items_secret_name_its_place_and_never_show_it),
        cmocka_unit_test (test_a_printed_item_has_a_mask_for_its_secret_and_is_read_again),
        cmocka_unit_test (test_values_that_do_not_fit_refuse_each_kind_of_load),
        cmocka_unit_test (test_a_configuration_that_does_not_fit_is_printed),
        cmocka_unit_test (test_values_that_are_bad_themselves_come_first),
        cmocka_unit_test (test_a_derived_value_follows_a_reload),
        cmocka_unit_test (test_warnings_are_printed_by_check_config_and_logged_on_request),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
