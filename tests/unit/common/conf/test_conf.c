//  Tests of common/conf/conf: where values come from and which are refused.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common/conf/conf_case.h"

static void
test_flags_win_over_environment_over_file_over_defaults (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "plain: file\ncount: 4\nmode: reject\n",
               CASE_LIST ("PLAIN=env", "COUNT=5"), CASE_LIST ("--plain=flag"));
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.settings->plain, "flag");
    assert_int_equal (load.settings->count, 5);
    assert_int_equal (load.settings->mode, 1);
    assert_int_equal (load.settings->size, 10 * 1024 * 1024);
    assert_string_equal (load.settings->url, "");
}

static void
test_an_empty_variable_counts_as_unset_and_the_alias_comes_second (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, CASE_LIST ("PLAIN=", "PLAIN_OLD=old", "TRIAGE_CONFIG="),
               NULL);
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.settings->plain, "old");
}

static void
test_every_form_of_a_flag (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL,
               CASE_LIST ("one", "--count", "7", "--flag", "--no-quiet", "--mcp-deep-key", "-x",
                          "--web=http://a", "-", "--size=64KiB", "--", "--count"));
    assert_string_equal (load.err, "");
    assert_int_equal (load.rc, 0);
    assert_int_equal (load.settings->count, 7);
    assert_true (load.settings->flag);
    assert_false (load.settings->quiet);
    assert_string_equal (load.settings->deep, "-x");
    assert_string_equal (load.settings->url, "http://a");
    assert_int_equal (load.settings->size, 65536);
    const char *const *args = NULL;
    assert_int_equal (conf_positional (load.conf, &args), 3);
    assert_string_equal (args [0], "one");
    assert_string_equal (args [1], "-");
    assert_string_equal (args [2], "--count");
}

static void
test_flag_equals_false_is_false (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--quiet=false", "--flag=Yes"));
    assert_int_equal (load.rc, 0);
    assert_false (load.settings->quiet);
    assert_true (load.settings->flag);
}

static void
test_unknown_flags_are_usage_errors_with_a_suggestion (void **state)
{
    own (case_drop) case_t load;
    case_load (
        &load, &case_spec, NULL, NULL,
        CASE_LIST ("--cuont=1", "--zzzzzzzzzzzz", "--check-confg", "-q", "--no-count", "--count"));
    assert_int_equal (load.rc, -EINVAL);
    assert_string_equal (load.err,
                         "flag --cuont: unknown flag, did you mean --count?\n"
                         "flag --zzzzzzzzzzzz: unknown flag\n"
                         "flag --check-confg: unknown flag, did you mean --check-config?\n"
                         "flag -q: unknown flag\n"
                         "flag --no-count: unknown flag\n"
                         "flag --count: expected a value\n"
                         "triage-case: try --help\n");
}

static void
test_arguments_are_refused_where_none_are_taken (void **state)
{
    conf_spec_t spec = case_spec;
    spec.positional = NULL;
    own (case_drop) case_t load;
    case_load (&load, &spec, NULL, NULL, CASE_LIST ("file.json"));
    assert_int_equal (load.rc, -EINVAL);
    assert_non_null (strstr (load.err, "argument 1: unexpected"));
}

static void
test_all_errors_of_all_sources_are_told_at_once (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "count: 11\nplian: x\nmode: keep\n",
               CASE_LIST ("COUNT=many", "WEB_URL=ftp://x"), CASE_LIST ("--wait-time", "-1s"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (
        load.err,
        "case.yaml:1: count: expected an integer from 1 to 10, got \"11\"\n"
        "case.yaml:2: plian: unknown key, did you mean \"plain\"?\n"
        "case.yaml:3: mode: expected one of drop|reject, got \"keep\"\n"
        "environment WEB_URL: expected a URL with http:// or https://, got \"ftp://x\"\n"
        "environment COUNT: expected an integer from 1 to 10, got \"many\"\n"
        "flag --wait-time: expected a duration such as 300, 5m or 7d from 0s to 168h, got "
        "\"-1s\"\n");
}

static void
test_nested_maps_address_dotted_keys (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "mcp:\n  deep:\n    key: x\n", NULL, NULL);
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.settings->deep, "x");
    case_refused ("mcp:\n  deep:\n    kay: x\n  daep: 1\n",
                  "case.yaml:3: mcp.deep.kay: unknown key, did you mean \"mcp.deep.key\"?\n"
                  "case.yaml:4: mcp.daep: unknown key, did you mean \"mcp.deep.key\"?\n");
    case_refused ("mcp: 5\n", "case.yaml:1: mcp: expected a map, got a value\n");
    case_refused ("mcp:\n  deep:\n    key: [1]\n",
                  "case.yaml:3: mcp.deep.key: expected text, got a list\n");
}

static void
test_keys_given_twice_are_refused (void **state)
{
    case_refused ("plain: a\ncount: 2\nplain: b\n", "case.yaml:3: plain: given twice\n");
    case_refused ("mcp.deep.key: a\nmcp:\n  deep: {key: b}\n",
                  "case.yaml:3: mcp.deep.key: given twice\n");
    case_refused ("mcp: {deep: {key: b}}\nmcp: {}\n", "case.yaml:2: mcp: given twice\n");
}

static void
test_a_keyed_table_takes_its_names_from_the_keys (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "models:\n  a: {enabled: no}\n  b:\n    mcp: {weight: 9}\n", NULL,
               NULL);
    assert_string_equal (load.err, "");
    assert_int_equal (load.settings->models.count, 2);
    const case_item_t *items = load.settings->models.items;
    assert_string_equal (items [0].name, "a");
    assert_false (items [0].enabled);
    assert_string_equal (items [1].name, "b");
    assert_int_equal (items [1].weight, 9);
    case_refused ("models:\n  a: {name: b}\n", "case.yaml:2: models.a.name: unknown key\n");
    case_refused ("models:\n  a: {}\n  a: {}\n", "case.yaml:3: models: given twice: \"a\"\n");
    case_refused ("models:\n- name: a\n",
                  "case.yaml:1: models: expected a map of maps, got a list\n");
    case_refused ("models:\n  a: 5\n", "case.yaml:2: models.a: expected a map, got a value\n");
    case_refused ("models: {a: {}, b: {}, c: {}, d: {}}\n",
                  "case.yaml:1: models: expected at most 3 items, got 4\n");
}

static void
test_a_null_value_keeps_the_default (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "plain:\ncount: ~\nmcp:\nitems: null\n", NULL, NULL);
    assert_string_equal (load.err, "");
    assert_string_equal (load.settings->plain, "def");
    assert_int_equal (load.settings->count, 3);
    assert_int_equal (load.settings->items.count, 0);
}

static void
test_a_table_fills_items_with_their_defaults (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec,
               "items:\n- name: a\n  mcp: {url: 'http://x', weight: 9}\n- {name: b, enabled: no}\n",
               NULL, NULL);
    assert_int_equal (load.rc, 0);
    assert_int_equal (load.settings->items.count, 2);
    const case_item_t *items = load.settings->items.items;
    assert_string_equal (items [0].name, "a");
    assert_string_equal (items [0].url, "http://x");
    assert_int_equal (items [0].weight, 9);
    assert_true (items [0].enabled);
    assert_string_equal (items [1].url, "");
    assert_int_equal (items [1].weight, 5);
    assert_false (items [1].enabled);
}

static void
test_a_map_holds_texts_in_the_order_of_the_file (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec,
               "items:\n- name: a\n  tags: {env: prod, a.b/c: 7}\n- {name: b, tags: {env: \"\", x: "
               "~}}\n- {name: c, tags: }\n",
               NULL, NULL);
    assert_string_equal (load.err, "");
    const case_item_t *items = load.settings->items.items;
    assert_int_equal (items [0].tags.count, 2);
    const conf_pair_t *tags = items [0].tags.items;
    assert_string_equal (tags [0].key, "env");
    assert_string_equal (tags [0].value, "prod");
    assert_string_equal (tags [1].key, "a.b/c");
    assert_string_equal (tags [1].value, "7");
    assert_int_equal (items [1].tags.count, 1);
    tags = items [1].tags.items;
    assert_string_equal (tags [0].value, "");
    assert_int_equal (items [2].tags.count, 0);
}

static void
test_a_map_is_bounded_and_its_errors_name_the_place (void **state)
{
    case_refused ("items:\n- name: a\n  tags: {a: 1, b: 2, c: 3}\n",
                  "case.yaml:3: items[0].tags: expected at most 2 items, got 3\n");
    case_refused ("items:\n- name: a\n  tags: [env]\n",
                  "case.yaml:3: items[0].tags: expected a map of texts, got a list\n");
    case_refused ("items:\n- name: a\n  tags:\n    env: {b: c}\n    \"\": x\n",
                  "case.yaml:4: items[0].tags.env: expected text of at most 256 bytes, got a map\n"
                  "case.yaml:5: items[0].tags.: expected a key, got none\n");
    case_refused ("items:\n- name: a\n  tags:\n    env: b\n    env: c\n",
                  "case.yaml:5: items[0].tags.env: given twice\n");
    case_refused ("items:\n- name: a\n  tags:\n    env: \"b\\0c\"\n    ? [x]\n    : y\n",
                  "case.yaml:4: items[0].tags.env: expected text, got a NUL byte\n"
                  "case.yaml:5: items[0].tags: expected a key of at most 64 bytes, got a list\n");
    case_refused ("plain: &x b\nitems:\n- name: a\n  tags: {env: *x}\n",
                  "case.yaml:4: items[0].tags.env: expected a plain value, got a YAML alias\n");
}

//  Check that a tag with a key and a value of these sizes gives exactly these error lines.
static void
s_long_tag (int key, int value, const char *lines)
{
    own (buf_fini) buf_t yaml = buf_init (LIMIT_KIB (4));
    (void) buf_printf (&yaml, "items: [{name: a, tags: {%0*d: %0*d}}]\n", key, 1, value, 2);
    own (case_drop) case_t load;
    case_load (&load, &case_spec, yaml.data, NULL, NULL);
    assert_string_equal (load.err, lines);
}

static void
test_the_longest_key_and_value_of_a_map_are_taken_and_no_longer_ones (void **state)
{
    s_long_tag (LIMIT_MAP_KEY_BYTES, LIMIT_MAP_VALUE_BYTES, "");
    s_long_tag (LIMIT_MAP_KEY_BYTES + 1, 1,
                "case.yaml:1: items[0].tags: expected a key of at most 64 bytes, got 65\n");
    s_long_tag (1, LIMIT_MAP_VALUE_BYTES + 1,
                "case.yaml:1: items[0].tags.1: expected text of at most 256 bytes, got 257\n");
}

static void
test_errors_in_items_name_the_item (void **state)
{
    case_refused ("items:\n- name: a\n- mcp: {wieght: 3}\n- 7\n",
                  "case.yaml:3: items[1].mcp.wieght: unknown key, did you mean \"mcp.weight\"?\n"
                  "case.yaml:3: items[1].name: required, but not set\n"
                  "case.yaml:4: items[2]: expected a map, got a value\n");
    case_refused ("items: [{name: a}, {name: b}, {name: c}, {name: d}]\n",
                  "case.yaml:1: items: expected at most 3 items, got 4\n");
    case_refused ("items: x\n", "case.yaml:1: items: expected a list of maps, got a value\n");
}

static void
test_a_name_given_to_two_items_is_refused (void **state)
{
    case_refused ("items:\n- name: a\n- name: b\n- name: a\n",
                  "case.yaml:4: items[2].name: given twice: \"a\" is also that of items[0]\n");
}

static void
test_a_required_text_has_its_bytes (void **state)
{
    case_refused ("items:\n- name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                  "case.yaml:2: items[0].name: expected text of 1 to 32 bytes, got "
                  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n");
    case_refused ("items:\n- name: ''\n",
                  "case.yaml:2: items[0].name: expected text of 1 to 32 bytes, got \"\"\n");
}

static void
test_yaml_that_is_no_map_of_options_is_refused (void **state)
{
    case_refused ("- a\n", "case.yaml:1: file: expected a map of options, got a list\n");
    case_refused ("plain: a\n---\nplain: b\n",
                  "case.yaml:2: expected one YAML document, got a second one\n");
    case_refused ("plain: &x a\nmcp.deep.key: *x\n",
                  "case.yaml:2: mcp.deep.key: expected a plain value, got a YAML alias\n");
    case_refused ("? [a]\n: b\n", "case.yaml:1: : expected a key, got a list\n");
    case_refused ("plain: \"a\\0b\"\n", "case.yaml:1: plain: expected text, got a NUL byte\n");
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "count: 2\nplain: \"a\n", NULL, NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_int_equal (strncmp (load.err, "case.yaml:3: expected YAML: ", 28), 0);
}

static void
test_a_map_that_contains_itself_ends (void **state)
{
    case_refused ("mcp: &m {deep: *m}\n",
                  "case.yaml:1: mcp.deep: expected a plain value, got a YAML alias\n");
}

static void
test_an_empty_file_and_comments_are_fine (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "# nothing\n", NULL, NULL);
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.settings->plain, "def");
}

static void
test_a_file_that_cannot_be_read_is_an_error (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "plain: a\n", NULL, CASE_LIST ("-c", "case.missing"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, "case.missing: cannot be read: No such file or directory\n");
}

static void
test_a_file_beyond_the_bound_is_refused (void **state)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES + 100);
    while (text.size <= LIMIT_CONFIG_BYTES)
        assert_int_equal (buf_text (&text, "# a comment of fifty bytes, again and again ......\n"),
                          0);
    case_refused (text.data, "case.yaml: expected a file of at most 1048576 bytes\n");
}

static void
test_errors_beyond_the_bound_are_not_shown (void **state)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    for (int i = 0; i < 20000; i++)
        (void) buf_printf (&text, "unknown_key_number_%d: 1\n", i);
    own (case_drop) case_t load;
    case_load (&load, &case_spec, text.data, NULL, NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_non_null (strstr (load.err, "case.yaml:64: "));
    assert_null (strstr (load.err, "case.yaml:65: "));
    assert_non_null (strstr (load.err, "more errors are not shown\n"));
}

static void
s_one (const char *flag, int64_t expected, size_t offset)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST (flag));
    assert_string_equal (load.err, "");
    assert_int_equal (*(const int64_t *) (const void *) ((const char *) load.settings + offset),
                      expected);
}

static void
test_durations_and_sizes_in_all_spellings (void **state)
{
    size_t wait = offsetof (case_settings_t, wait), size = offsetof (case_settings_t, size);
    s_one ("--wait-time=300", 300000, wait);
    s_one ("--wait-time=1m30s", 90000, wait);
    s_one ("--wait-time=168h", INT64_C (604800000), wait);
    s_one ("--wait-time=7d", INT64_C (604800000), wait);
    s_one ("--wait-time=1d12h", INT64_C (129600000), wait);
    s_one ("--wait-time=500ms", 500, wait);
    s_one ("--wait-time=1.5h", 5400000, wait);
    s_one ("--wait-time=0", 0, wait);
    s_one ("--size=4096", 4096, size);
    s_one ("--size=1GiB", INT64_C (1) << 30, size);
    s_one ("--size=1.5MiB", 1572864, size);
    size_t share = offsetof (case_settings_t, share);
    s_one ("--share=2", 2000000, share);
    s_one ("--share=0.000001", 1, share);
    s_one ("--share=1.25", 1250000, share);
}

static void
test_bad_values_of_each_type_are_refused (void **state)
{
    static const char *const bad [] = {
        "--wait-time=5x",
        "--wait-time=",
        "--wait-time=m",
        "--wait-time=1m30",
        "--wait-time=169h",
        "--wait-time=9e99",
        "--wait-time=1 h",
        "--count=0",
        "--count=1.5",
        "--count= 5",
        "--count=99999999999999999999",
        "--size=10MB",
        "--size=-1",
        "--size=99999999TiB",
        "--share=4.1",
        "--share=-1",
        "--share=1m",
        "--share=",
        "--mode=",
        "--mode=dro",
        "--mode=drop|reject",
        "--flag=maybe",
        "--web-url=http://",
        "--web-url=http://a b",
        "--work-endpoint=5570",
        "--work-endpoint=tcp://:1",
        "--work-endpoint=tcp://a",
        "--work-endpoint=tcp://a:70000",
        "--listen=5580",
        "--listen=:5580",
        "--listen=a:",
        "--listen=a:b",
        "--listen=127.0.0.1:65536",
        "--work-endpoint=ipc://",
        "--work-endpoint=/run/x.sock",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        own (case_drop) case_t load;
        case_load (&load, &case_spec, NULL, NULL, CASE_LIST (bad [i]));
        assert_int_equal (load.rc, ERR_CONFIG);
        assert_int_equal (strncmp (load.err, "flag --", 7), 0);
        assert_non_null (strstr (load.err, ": expected "));
    }
}

static void
test_good_endpoints_are_taken (void **state)
{
    static const char *const good [] = {"tcp://127.0.0.1:5570", "tcp://*:0", "tcp://[::1]:*",
                                        "tcp://broker:*", "ipc:///run/x"};
    for (size_t i = 0; i < sizeof (good) / sizeof (good [0]); i++) {
        own (case_drop) case_t load;
        case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--work-endpoint", good [i]));
        assert_int_equal (load.rc, 0);
        assert_string_equal (load.settings->endpoint, good [i]);
    }
}

static void
test_good_addresses_are_taken (void **state)
{
    static const char *const good [] = {"127.0.0.1:5580", "*:0", "[::1]:*", "localhost:65535"};
    for (size_t i = 0; i < sizeof (good) / sizeof (good [0]); i++) {
        own (case_drop) case_t load;
        case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--listen", good [i]));
        assert_int_equal (load.rc, 0);
        assert_string_equal (load.settings->listen, good [i]);
    }
}

static void
test_control_bytes_of_a_refused_value_are_not_printed (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--count=\x1b[31m\n"));
    assert_string_equal (load.err,
                         "flag --count: expected an integer from 1 to 10, got \".[31m.\"\n");
}

static void
test_control_bytes_of_a_key_are_not_printed (void **state)
{
    case_refused ("\"\\e[31m\\n\": 1\n", "case.yaml:1: .[31m.: unknown key\n");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_flags_win_over_environment_over_file_over_defaults),
        cmocka_unit_test (test_an_empty_variable_counts_as_unset_and_the_alias_comes_second),
        cmocka_unit_test (test_every_form_of_a_flag),
        cmocka_unit_test (test_flag_equals_false_is_false),
        cmocka_unit_test (test_unknown_flags_are_usage_errors_with_a_suggestion),
        cmocka_unit_test (test_arguments_are_refused_where_none_are_taken),
        cmocka_unit_test (test_all_errors_of_all_sources_are_told_at_once),
        cmocka_unit_test (test_nested_maps_address_dotted_keys),
        cmocka_unit_test (test_keys_given_twice_are_refused),
        cmocka_unit_test (test_a_null_value_keeps_the_default),
        cmocka_unit_test (test_a_table_fills_items_with_their_defaults),
        cmocka_unit_test (test_a_keyed_table_takes_its_names_from_the_keys),
        cmocka_unit_test (test_a_map_holds_texts_in_the_order_of_the_file),
        cmocka_unit_test (test_a_map_is_bounded_and_its_errors_name_the_place),
        cmocka_unit_test (test_the_longest_key_and_value_of_a_map_are_taken_and_no_longer_ones),
        cmocka_unit_test (test_errors_in_items_name_the_item),
        cmocka_unit_test (test_a_name_given_to_two_items_is_refused),
        cmocka_unit_test (test_a_required_text_has_its_bytes),
        cmocka_unit_test (test_yaml_that_is_no_map_of_options_is_refused),
        cmocka_unit_test (test_a_map_that_contains_itself_ends),
        cmocka_unit_test (test_an_empty_file_and_comments_are_fine),
        cmocka_unit_test (test_a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test (test_a_file_beyond_the_bound_is_refused),
        cmocka_unit_test (test_errors_beyond_the_bound_are_not_shown),
        cmocka_unit_test (test_durations_and_sizes_in_all_spellings),
        cmocka_unit_test (test_bad_values_of_each_type_are_refused),
        cmocka_unit_test (test_good_endpoints_are_taken),
        cmocka_unit_test (test_good_addresses_are_taken),
        cmocka_unit_test (test_control_bytes_of_a_refused_value_are_not_printed),
        cmocka_unit_test (test_control_bytes_of_a_key_are_not_printed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
