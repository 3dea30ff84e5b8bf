//  settings - defaults, precedence, and which CLI is used.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/own.h"
#include "worker/base/settings.h"

#include <stdio.h>
#include <string.h>

static conf_t *
s_load (char *const *envp, char *const *argv, int argc)
{
    conf_t *conf = NULL;
    assert_int_equal (conf_load (&settings_spec, argc, argv, envp, &conf), 0);
    return conf;
}

static void
test_defaults_are_those_of_the_documents (void **state)
{
    char program [] = "triage-worker";
    char *argv [] = {program, NULL}, *envp [] = {NULL};
    own (conf_destroy) conf_t *conf = s_load (envp, argv, 1);
    const settings_t *settings = conf_settings (conf);
    assert_string_equal (settings->broker_endpoint, "tcp://127.0.0.1:5570");
    assert_string_equal (settings->broker_files_endpoint, "tcp://127.0.0.1:5573");
    assert_string_equal (settings->workspace_root, "./workspace");
    assert_string_equal (settings->agent_script_path, "./agent-container/run-agent.sh");
    assert_int_equal (settings->max_concurrent_agents, 1);
    assert_int_equal (settings->agent_timeout_ms, 0);
    assert_int_equal (settings->agent_kill_grace_ms, 10000);
    assert_int_equal (settings->shutdown_timeout_ms, 30000);
    assert_string_equal (settings_agent (settings), "playbook");
    assert_string_equal (settings_kubeconfig (settings, "prod"), "");
}

static void
test_the_agent_is_claude_when_its_key_is_set_and_nothing_else_is_said (void **state)
{
    char program [] = "triage-worker", flag [] = "--agent-cli=codex";
    char key [] = "ANTHROPIC_API_KEY=sk-1";
    char *plain [] = {program, NULL}, *chosen [] = {program, flag, NULL}, *envp [] = {key, NULL};
    own (conf_destroy) conf_t *conf = s_load (envp, plain, 1);
    assert_string_equal (settings_agent (conf_settings (conf)), "claude");
    own (conf_destroy) conf_t *other = s_load (envp, chosen, 2);
    assert_string_equal (settings_agent (conf_settings (other)), "codex");
}

static void
test_only_our_own_playbook_writes_reports_by_rules (void **state)
{
    static const char *const cases [][3] = {{"--script-path=/x/run-agent.sh", "", "playbook"},
                                            {"--script-path=/x/mine.sh", "", "custom"},
                                            {"--script-path=mine.sh", "playbook", "playbook"},
                                            {"--script-path=/x/mine.sh", "codex", "codex"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        char program [] = "triage-worker", script [64], cli [64];
        snprintf (script, sizeof script, "%s", cases [i][0]);
        snprintf (cli, sizeof cli, "AGENT_CLI=%s", cases [i][1]);
        char *argv [] = {program, script, NULL}, *envp [] = {cli, NULL};
        own (conf_destroy) conf_t *conf = s_load (envp, argv, 2);
        assert_string_equal (settings_author (conf_settings (conf)), cases [i][2]);
    }
}

static void
test_the_contracts_names_are_read_and_a_flag_wins (void **state)
{
    char program [] = "triage-worker", flag [] = "--script-path=/flag";
    char script [] = "AGENT_SCRIPT_PATH=/environment", slots [] = "MAX_CONCURRENT_AGENTS=7";
    char kube [] = "KUBECONFIG=/kc", down [] = "SHUTDOWN_TIMEOUT_SECONDS=5";
    char *argv [] = {program, flag, NULL}, *envp [] = {script, slots, kube, down, NULL};
    own (conf_destroy) conf_t *conf = s_load (envp, argv, 2);
    const settings_t *settings = conf_settings (conf);
    assert_string_equal (settings->agent_script_path, "/flag");
    assert_int_equal (settings->max_concurrent_agents, 7);
    assert_int_equal (settings->shutdown_timeout_ms, 5000);
    assert_string_equal (settings_kubeconfig (settings, "any"), "/kc");
}

static void
test_a_cluster_that_is_not_listed_has_no_kubeconfig (void **state)
{
    settings_cluster_t items [] = {{.name = "blue", .kubeconfig = "/blue"},
                                   {.name = "green", .kubeconfig = ""}};
    settings_t settings = {.kubeconfig = "/all"};
    assert_string_equal (settings_kubeconfig (&settings, "red"), "/all");
    settings.clusters = (conf_table_t){.items = items, .count = 2};
    assert_string_equal (settings_kubeconfig (&settings, "blue"), "/blue");
    assert_string_equal (settings_kubeconfig (&settings, "green"), "/all");
    assert_string_equal (settings_kubeconfig (&settings, "red"), "");
}

static void
test_each_secret_has_a_variable_and_an_agent_that_gets_it (void **state)
{
    int count = 0;
    for (const conf_option_t *row = settings_spec.rows; row->key; row++) {
        if (!(row->flags & CONF_SECRET))
            continue;
        if (!row->owner || !*row->owner || !row->env || row->type != CONF_TEXT)
            fail_msg ("%s needs a variable, and an agent that gets it", row->key);
        count++;
    }
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key))
        count--;
    assert_int_equal (count, 0);
}

static void
test_a_key_may_have_several_agents (void **state)
{
    const conf_option_t key = {.owner = "codex,opencode,qwen"};
    assert_true (settings_key_of (&key, "codex"));
    assert_true (settings_key_of (&key, "qwen"));
    assert_false (settings_key_of (&key, "code"));
    assert_false (settings_key_of (&key, "open"));
    assert_false (settings_key_of (&key, ""));
}

static void
test_keys_are_the_same_by_their_values (void **state)
{
    char program [] = "triage-worker", one [] = "OPENAI_API_KEY=one";
    char two [] = "OPENAI_API_KEY=two", other [] = "GOOGLE_API_KEY=one";
    char level [] = "LOG_LEVEL=warn", *argv [] = {program, NULL};
    char *first [] = {one, NULL}, *loud [] = {one, level, NULL};
    char *second [] = {two, NULL}, *third [] = {other, NULL};
    own (conf_destroy) conf_t *conf = s_load (first, argv, 1);
    own (conf_destroy) conf_t *same = s_load (loud, argv, 1);
    own (conf_destroy) conf_t *changed = s_load (second, argv, 1);
    own (conf_destroy) conf_t *moved = s_load (third, argv, 1);
    assert_true (settings_same_keys (conf_settings (conf), conf_settings (same)));
    assert_false (settings_same_keys (conf_settings (conf), conf_settings (changed)));
    assert_false (settings_same_keys (conf_settings (conf), conf_settings (moved)));
}

//  HELLO carries it.
static void
test_the_name_of_an_agent_fits_into_its_message (void **state)
{
    char program [] = "triage-worker", *const argv [] = {program, NULL};
    for (int size = LIMIT_AGENT_BYTES; size <= LIMIT_AGENT_BYTES + 1; size++) {
        own (conf_destroy) conf_t *conf = NULL;
        char entry [128];
        char *const envp [] = {entry, NULL};
        snprintf (entry, sizeof entry, "AGENT_CLI=%0*d", size, 7);
        const int rc = conf_load (&settings_spec, 1, argv, envp, &conf);
        assert_int_equal (rc, size > LIMIT_AGENT_BYTES ? ERR_CONFIG : 0);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_defaults_are_those_of_the_documents),
        cmocka_unit_test (test_the_agent_is_claude_when_its_key_is_set_and_nothing_else_is_said),
        cmocka_unit_test (test_a_key_may_have_several_agents),
        cmocka_unit_test (test_keys_are_the_same_by_their_values),
        cmocka_unit_test (test_a_cluster_that_is_not_listed_has_no_kubeconfig),
        cmocka_unit_test (test_only_our_own_playbook_writes_reports_by_rules),
        cmocka_unit_test (test_the_contracts_names_are_read_and_a_flag_wins),
        cmocka_unit_test (test_each_secret_has_a_variable_and_an_agent_that_gets_it),
        cmocka_unit_test (test_the_name_of_an_agent_fits_into_its_message),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
