//  Tests of common/conf/conf: secrets, questions about the configuration, reload, ready file.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/common/conf/conf_case.h"

static void
test_a_secret_comes_from_a_file_by_each_source (void **state)
{
    own (case_drop) case_t load = {.rc = 0};
    static const struct {
        const char *yaml, *env, *flag;
    } ways [] = {{"token_file: case.secret\n", "X=", "-"},
                 {"", "TOKEN_FILE=case.secret", "-"},
                 {"", "X=", "--token-file=case.secret"},
                 {"token: weaker\n", "TOKEN_FILE=case.secret", "-"}};
    for (size_t i = 0; i < sizeof (ways) / sizeof (ways [0]); i++) {
        case_drop (&load);
        case_write ("case.secret", "hidden\r\n");
        case_load (&load, &case_spec, ways [i].yaml, CASE_LIST (ways [i].env),
                   CASE_LIST (ways [i].flag));
        assert_string_equal (load.err, "");
        assert_string_equal (load.settings->token, "hidden");
    }
}

//  Kubernetes Secrets made with echo end with a newline, whatever their source.
static void
test_a_secret_is_trimmed_wherever_it_comes_from (void **state)
{
    own (case_drop) case_t load = {.rc = 0};
    static const struct {
        const char *yaml, *env, *flag;
    } ways [] = {{"token: \" hidden\\n\"\n", "X=", "-"}, {"", "TOKEN=\thidden\r\n", "-"},
                 {"", "X=", "--token= hidden \n\n"},     {"token_file: case.secret\n", "X=", "-"},
                 {"", "TOKEN_FILE=case.secret", "-"},    {"", "X=", "--token-file=case.secret"}};
    for (size_t i = 0; i < sizeof (ways) / sizeof (ways [0]); i++) {
        case_drop (&load);
        case_write ("case.secret", " hidden\n\n");
        case_load (&load, &case_spec, ways [i].yaml, CASE_LIST (ways [i].env),
                   CASE_LIST (ways [i].flag));
        assert_string_equal (load.err, "");
        assert_string_equal (load.settings->token, "hidden");
    }
}

static void
test_a_secret_of_blanks_is_unset (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "token: \" \\n\"\n", NULL, NULL);
    assert_string_equal (load.err, "");
    assert_string_equal (load.settings->token, "");
    case_drop (&load);
    case_load (&load, &case_spec, "token: weaker\n", CASE_LIST ("TOKEN= \n"), NULL);
    assert_string_equal (load.settings->token, "weaker"); //  the same as for an empty variable
    case_drop (&load);
    case_write ("case.secret", "weaker\n");
    case_load (&load, &case_spec, NULL, CASE_LIST ("TOKEN=\n", "TOKEN_FILE=case.secret"), NULL);
    assert_string_equal (load.err, "");
    assert_string_equal (load.settings->token, "weaker");
}

static void
test_a_secret_and_its_file_together_are_an_error (void **state)
{
    own (case_drop) case_t load;
    case_write ("case.secret", "hidden\n");
    case_load (&load, &case_spec, "token: a\ntoken_file: case.secret\n",
               CASE_LIST ("TOKEN=b", "TOKEN_FILE=case.secret"),
               CASE_LIST ("--token=c", "--token-file=case.secret"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err,
                         "case.yaml:2: token_file: give either token or token_file, not both\n"
                         "environment TOKEN: give either TOKEN or TOKEN_FILE, not both\n"
                         "flag --token-file: give either the secret or its file, not both\n");
}

static void
s_test_secret_file (const char *contents, const char *message)
{
    own (case_drop) case_t load;
    if (contents)
        case_write ("case.secret", contents);
    case_load (&load, &case_spec, NULL, CASE_LIST ("TOKEN_FILE=case.secret"), NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, message);
}

static void
test_missing_empty_and_oversize_secret_files_are_errors (void **state)
{
    s_test_secret_file (NULL, "environment TOKEN_FILE: cannot read \"case.secret\": No such file "
                              "or directory\n");
    s_test_secret_file ("\n", "environment TOKEN_FILE: expected a secret, got the empty file "
                              "\"case.secret\"\n");
    s_test_secret_file (" \t\r\n\n",
                        "environment TOKEN_FILE: expected a secret, got the empty file "
                        "\"case.secret\"\n");
    own (buf_fini) buf_t text = buf_init (2 * LIMIT_SECRET_BYTES);
    while (text.size <= LIMIT_SECRET_BYTES)
        (void) buf_text (&text, "x");
    s_test_secret_file (text.data, "environment TOKEN_FILE: expected a file of at most 16384 "
                                   "bytes, got \"case.secret\"\n");
}

//  A URL is no secret, but its user and password are.
static void
test_user_and_password_of_a_url_are_shown_nowhere (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec,
               "web_url: http://user:hid@den@host/a@b\nitems:\n- {name: x, mcp: {url: "
               "'https://hidden@u'}}\n",
               NULL, CASE_LIST ("--print-config"));
    assert_int_equal (load.rc, 1);
    assert_null (strstr (load.out, "hid"));
    assert_non_null (strstr (load.out, "web_url: \"http://<secret>@host/a@b\"\n"));
    assert_non_null (strstr (load.out, "\"https://<secret>@u\"\n"));
    char printed [sizeof (load.out)];
    memcpy (printed, load.out, sizeof (printed));
    own (case_drop) case_t again;
    case_load (&again, &case_spec, printed, CASE_LIST ("TOKEN=t"), NULL);
    assert_int_equal (again.rc, ERR_CONFIG);
    assert_non_null (strstr (again.err, "web_url: expected the secret"));
    assert_non_null (strstr (again.err, "url: expected the secret"));
    own (case_drop) case_t bad;
    case_load (&bad, &case_spec, "web_url: htp://user:hidden@host\n", CASE_LIST ("TOKEN=t"), NULL);
    assert_int_equal (bad.rc, ERR_CONFIG);
    assert_null (strstr (bad.err, "hidden"));
    assert_non_null (strstr (bad.err, "got \"htp://<secret>@host\""));
}

static void
test_printed_configuration_loads_again_and_shows_no_secret (void **state)
{
    own (case_drop) case_t first;
    case_load (
        &first, &case_spec,
        "plain: \"a \\\"b\\\" \\\\ \\n\\L\\N \\uFEFF \xc3\xa4\"\nwait_time: 90\nitems:\n- "
        "{name: x, "
        "mcp: {url: 'http://u'}}\n- {name: y, enabled: false, tags: {\"a: b\": \"c, d}\", 1: 2}}\n",
        CASE_LIST ("TOKEN=hidden", "COUNT=9"), CASE_LIST ("--print-config", "--mcp-deep-key=#d"));
    assert_int_equal (first.rc, 1);
    assert_null (strstr (first.out, "hidden"));
    assert_non_null (strstr (first.out, "token: \"<secret>\"\n"));
    assert_non_null (strstr (first.out, "wait_time: 1m30s\n"));
    assert_non_null (strstr (first.out, "# web_url is not set\n"));

    char printed [sizeof (first.out)];
    memcpy (printed, first.out, sizeof (printed));
    own (case_drop) case_t again;
    case_load (&again, &case_spec, printed, NULL, NULL);
    assert_int_equal (again.rc, ERR_CONFIG); //  no program runs with a mask as its secret
    assert_non_null (strstr (again.err, ": token: expected the secret, got what --print-config "
                                        "shows instead\n"));
    case_load (&again, &case_spec, printed, NULL, CASE_LIST ("--check-config"));
    assert_int_equal (again.rc, ERR_CONFIG);
    case_load (&again, &case_spec, printed, CASE_LIST ("TOKEN=hidden"), NULL);
    assert_string_equal (again.err, "");
    assert_string_equal (again.settings->plain,
                         "a \"b\" \\ \n\xe2\x80\xa8\xc2\x85 \xef\xbb\xbf \xc3\xa4");
    assert_string_equal (again.settings->deep, "#d");
    assert_int_equal (again.settings->count, 9);
    assert_int_equal (again.settings->items.count, 2);
    const case_item_t *items = again.settings->items.items;
    assert_string_equal (items [0].url, "http://u");
    assert_false (items [1].enabled);
    assert_non_null (strstr (printed, "    tags: {\"a: b\": \"c, d}\", \"1\": \"2\"}\n"));
    assert_int_equal (items [1].tags.count, 2);

    case_load (&first, &case_spec, printed, NULL, CASE_LIST ("--print-config"));
    assert_string_equal (first.out, printed);
}

static void
test_check_config_says_ok_or_tells_the_errors (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "count: 2\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.out, "configuration ok\n");
    case_load (&load, &case_spec, "count: 0\n", NULL, CASE_LIST ("--check-config"));
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.out, "");
}

static void
test_help_and_version_need_no_configuration (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "count: 0\n", NULL, CASE_LIST ("--help", "--nonsense"));
    assert_int_equal (load.rc, 1);
    assert_non_null (strstr (load.out, "Usage: triage-case [OPTION]... FILE...\n"));
    assert_non_null (strstr (load.out, "  --mcp-deep-key <text>\n      Nested.\n"));
    assert_non_null (strstr (load.out, "  --[no-]quiet\n"));
    assert_non_null (strstr (load.out, "\nCommands:\n  one FILE\n  two\n\n"
                                       "Examples:\n  triage-case one x\n\n"));
    assert_non_null (strstr (load.out, "      Also -n.\n"));
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("-v"));
    assert_int_equal (load.rc, 1);
    assert_string_equal (load.out, "triage-case " TRIAGE_VERSION "\n");
}

static void
test_a_letter_is_a_flag_and_what_was_given_is_known (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "mode: reject\n", CASE_LIST ("PLAIN=x"),
               CASE_LIST ("-n", "7", "--quiet", "file"));
    assert_int_equal (load.rc, 0);
    const case_settings_t *settings = conf_settings (load.conf);
    assert_int_equal (settings->count, 7);
    assert_true (conf_given (load.conf, "count") && conf_given (load.conf, "quiet"));
    assert_false (conf_given (load.conf, "plain") || conf_given (load.conf, "mode"));
    assert_false (conf_given (load.conf, "nonsense"));
}

static void
test_a_letter_takes_one_dash (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--n", "7"));
    assert_int_equal (load.rc, -EINVAL);
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("-nn", "7"));
    assert_int_equal (load.rc, -EINVAL);
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("-n=9"));
    assert_int_equal (load.rc, 0);
    const case_settings_t *settings = conf_settings (load.conf);
    assert_int_equal (settings->count, 9);
}

static void
test_docs_have_one_line_for_each_row (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, NULL, NULL, CASE_LIST ("--print-docs"));
    assert_int_equal (load.rc, 1);
    assert_non_null (strstr (
        load.out, "| `count` | `--count` | `COUNT` | an integer from 1 to 10 | `3` | yes | A "
                  "number. Also `-n`. |\n"));
    assert_non_null (strstr (load.out, "\nCommands:\n\n    one FILE\n    two\n\n"
                                       "For example:\n\n    triage-case one x\n\n| key |"));
    assert_non_null (strstr (load.out, "| `mode` | `--mode` | `MODE` | drop\\|reject | `drop` |"));
    assert_non_null (strstr (load.out, "| `items[].mcp.weight` | | | an integer from 1 to 9 |"));
    assert_non_null (strstr (load.out, "A secret. A secret; also `token_file`. |\n"));
}

static void
test_docs_of_a_program_that_does_not_reload_speak_of_no_sighup (void **state)
{
    own (case_drop) case_t load;
    conf_spec_t spec = case_spec;
    spec.reloads = false;
    case_load (&load, &spec, NULL, NULL, CASE_LIST ("--print-docs"));
    assert_null (strstr (load.out, "SIGHUP"));
    assert_non_null (strstr (load.out, "| `count` | `--count` | `COUNT` | an integer from 1 to 10 "
                                       "| `3` | A number. Also `-n`. |\n"));
}

static void
test_a_required_option_must_be_set (void **state)
{
    conf_option_t rows [] = {{.key = "plain",
                              .type = CONF_TEXT,
                              .offset = offsetof (case_settings_t, plain),
                              .env = "PLAIN",
                              .flags = CONF_REQUIRED,
                              .help = "Text."},
                             {0}};
    conf_spec_t spec = case_spec;
    spec.rows = rows;
    own (case_drop) case_t load;
    case_load (&load, &spec, NULL, NULL, NULL);
    assert_int_equal (load.rc, ERR_CONFIG);
    assert_string_equal (load.err, "plain: required, set it in the file, in the environment as "
                                   "PLAIN or with --plain\n");
    case_load (&load, &spec, NULL, CASE_LIST ("PLAIN=x"), NULL);
    assert_int_equal (load.rc, 0);
}

//  Reload after the file became `yaml`; the log lines are in load->err.

static int
s_reload_told (case_t *load, const char *yaml, buf_t *told, conf_t **ret_conf)
{
    case_write ("case.yaml", yaml);
    int err = case_redirect (2, "case.err");
    int rc = conf_reload (load->conf, told, ret_conf);
    case_restore (2, err);
    case_read ("case.err", load->err, sizeof (load->err));
    return rc;
}

static int
s_reload (case_t *load, const char *yaml, conf_t **ret_conf)
{
    return s_reload_told (load, yaml, NULL, ret_conf);
}

static void
test_reload_takes_what_may_change (void **state)
{
    own (case_drop) case_t load;
    own (conf_destroy) conf_t *fresh = NULL;
    case_load (&load, &case_spec, "count: 2\nplain: same\n", NULL, CASE_LIST ("--size=1"));
    assert_int_equal (s_reload (&load, "count: 8\nplain: same\n", &fresh), 0);
    const case_settings_t *settings = conf_settings (fresh);
    assert_int_equal (settings->count, 8);
    assert_int_equal (settings->size, 1);
    assert_int_equal (load.settings->count, 2);
}

static void
test_reload_refuses_a_changed_fixed_row_and_names_it (void **state)
{
    own (case_drop) case_t load;
    conf_t *fresh = NULL;
    case_load (&load, &case_spec, "count: 2\nitems: [{name: a}]\n", NULL, NULL);
    assert_int_equal (s_reload (&load, "count: 8\nplain: new\nitems: [{name: b}]\n", &fresh),
                      ERR_CONFIG);
    assert_null (fresh);
    assert_non_null (strstr (load.err, "reason=\"plain: changed, which needs a restart\"\n"));
    assert_non_null (strstr (load.err, "reason=\"items: changed, which needs a restart\"\n"));
}

//  The hash of a configuration from a YAML text and one "A=1" entry.
static uint64_t
s_hash (const char *yaml, const char *entry)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, yaml, CASE_LIST (entry), NULL);
    assert_int_equal (load.rc, 0);
    return conf_hash (load.conf);
}

static void
test_the_hash_is_of_values_and_not_of_sources_or_secrets (void **state)
{
    const uint64_t plain = s_hash ("", "NONE=1");
    assert_true (plain > 0 && plain < UINT64_C (1) << 48);
    assert_true (s_hash ("# as by default\ncount: 3\nweb_url: \"\"\n", "NONE=1") == plain);
    assert_true (s_hash ("count: 4\n", "NONE=1") != plain);
    assert_true (s_hash ("count: 4\n", "NONE=1") == s_hash ("", "COUNT=4"));
    assert_true (s_hash ("plain: a\n", "NONE=1") != s_hash ("mcp.deep.key: a\n", "NONE=1"));
    assert_true (s_hash ("", "TOKEN=one") == s_hash ("", "TOKEN=two"));
    assert_true (s_hash ("", "TOKEN=one") != plain);
    assert_true (s_hash ("items: [{name: a, tags: {b: c}}]\n", "NONE=1")
                 != s_hash ("items: [{name: a, tags: {b: d}}]\n", "NONE=1"));
}

static void
test_a_changed_map_is_a_change (void **state)
{
    own (case_drop) case_t load;
    conf_t *fresh = NULL;
    case_load (&load, &case_spec, "items: [{name: a, tags: {b: c}}]\n", NULL, NULL);
    assert_int_equal (s_reload (&load, "items: [{name: a, tags: {b: d}}]\n", &fresh), ERR_CONFIG);
    assert_int_equal (s_reload (&load, "items: [{name: a, tags: {e: c}}]\n", &fresh), ERR_CONFIG);
    assert_int_equal (s_reload (&load, "items: [{name: a}]\n", &fresh), ERR_CONFIG);
    assert_null (fresh);
    assert_int_equal (s_reload (&load, "items: [{name: a, tags: {b: c}}]\n", &fresh), 0);
    conf_destroy (&fresh);
}

static void
test_reload_of_a_bad_file_keeps_the_old_one (void **state)
{
    own (case_drop) case_t load;
    conf_t *fresh = NULL;
    case_load (&load, &case_spec, "count: 2\n", NULL, NULL);
    assert_int_equal (s_reload (&load, "count: 99\n", &fresh), ERR_CONFIG);
    assert_null (fresh);
    assert_non_null (strstr (load.err, "case.yaml:1: count: expected an integer"));
    assert_int_equal (load.settings->count, 2);
}

static void
test_a_reload_that_fails_again_is_told_when_its_errors_are_others (void **state)
{
    own (case_drop) case_t load;
    own (buf_fini) buf_t told = buf_init (LIMIT_CONFIG_BYTES);
    conf_t *fresh = NULL;
    case_load (&load, &case_spec, "count: 2\n", NULL, NULL);
    static const struct {
        const char *yaml, *told; //  NULL = nothing
    } cases [] = {
        {"plain: new\n", "plain: changed, which needs a restart"},
        {"plain: newer\n", NULL},
        {"count: 99\n", "case.yaml:1: count: expected an integer"},
        {"count: 99\n", NULL},
        {"count: 3\n", NULL}, //  good
        {"count: 99\n", "case.yaml:1: count: expected an integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        int rc = s_reload_told (&load, cases [i].yaml, &told, &fresh);
        assert_int_equal (rc, i == 4 ? 0 : ERR_CONFIG);
        if (cases [i].told ? !strstr (load.err, cases [i].told) : *load.err)
            fail_msg ("row %zu: %s", i, load.err);
        conf_destroy (&fresh);
    }
}

static void
test_a_shared_configuration_lives_until_its_last_owner_gives_it_up (void **state)
{
    own (case_drop) case_t load;
    case_load (&load, &case_spec, "count: 2\nplain: kept\n", NULL, NULL);
    conf_t *other = conf_share (load.conf);
    const case_settings_t *settings = conf_settings (other);
    conf_destroy (&load.conf);
    assert_null (load.conf);
    assert_int_equal (settings->count, 2);
    assert_string_equal (settings->plain, "kept");
    conf_destroy (&other);
    assert_null (other);
}

static void
test_a_secret_that_changes_in_its_file_is_noticed (void **state)
{
    static const struct {
        const char *env, *now; //  NULL = the file is gone
        bool changed;
    } cases [] = {
        {"TOKEN_FILE=case.secret", "new\n", true},  {"TOKEN_FILE=case.secret", " old \n\n", false},
        {"TOKEN_FILE=case.secret", "oldest", true}, {"TOKEN_FILE=case.secret", " \n", false},
        {"TOKEN_FILE=case.secret", "", false},      {"TOKEN_FILE=case.secret", NULL, false},
        {"TOKEN=another", "new\n", false}, //  it stands over the file that YAML names
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        own (case_drop) case_t load;
        case_write ("case.secret", "old\n");
        case_load (&load, &case_spec, "token_file: case.secret\n", CASE_LIST (cases [i].env), NULL);
        assert_int_equal (load.rc, 0);
        assert_false (conf_secrets_changed (load.conf));
        unlink ("case.secret");
        if (cases [i].now)
            case_write ("case.secret", cases [i].now);
        if (conf_secrets_changed (load.conf) != cases [i].changed)
            fail_msg ("row %zu", i);
    }
    unlink ("case.secret");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_secret_comes_from_a_file_by_each_source),
        cmocka_unit_test (test_a_secret_is_trimmed_wherever_it_comes_from),
        cmocka_unit_test (test_a_secret_of_blanks_is_unset),
        cmocka_unit_test (test_a_secret_and_its_file_together_are_an_error),
        cmocka_unit_test (test_missing_empty_and_oversize_secret_files_are_errors),
        cmocka_unit_test (test_user_and_password_of_a_url_are_shown_nowhere),
        cmocka_unit_test (test_printed_configuration_loads_again_and_shows_no_secret),
        cmocka_unit_test (test_check_config_says_ok_or_tells_the_errors),
        cmocka_unit_test (test_help_and_version_need_no_configuration),
        cmocka_unit_test (test_a_letter_is_a_flag_and_what_was_given_is_known),
        cmocka_unit_test (test_a_letter_takes_one_dash),
        cmocka_unit_test (test_docs_have_one_line_for_each_row),
        cmocka_unit_test (test_docs_of_a_program_that_does_not_reload_speak_of_no_sighup),
        cmocka_unit_test (test_a_required_option_must_be_set),
        cmocka_unit_test (test_reload_takes_what_may_change),
        cmocka_unit_test (test_reload_refuses_a_changed_fixed_row_and_names_it),
        cmocka_unit_test (test_the_hash_is_of_values_and_not_of_sources_or_secrets),
        cmocka_unit_test (test_a_changed_map_is_a_change),
        cmocka_unit_test (test_a_secret_that_changes_in_its_file_is_noticed),
        cmocka_unit_test (test_reload_of_a_bad_file_keeps_the_old_one),
        cmocka_unit_test (test_a_reload_that_fails_again_is_told_when_its_errors_are_others),
        cmocka_unit_test (test_a_shared_configuration_lives_until_its_last_owner_gives_it_up),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
