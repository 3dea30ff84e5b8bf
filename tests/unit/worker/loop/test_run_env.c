//  run_env - the contract's arguments and environment, and no extra secret.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/read_paths.h"
#include "worker/loop/run_env.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { S_KEYS = 32 };

static settings_t
s_settings (const char *agent)
{
    return (settings_t){.agent_cli = agent,
                        .agent_image = "image:1",
                        .agent_args = "",
                        .agent_mcp_config = "",
                        .agent_skills_dir = "",
                        .agent_drivers_dir = "",
                        .anthropic_base_url = "",
                        .openai_base_url = "",
                        .gemini_base_url = "",
                        .agent_env = "",
                        .agent_kill_grace_ms = 2000,
                        .kubeconfig = "",
                        .anthropic_api_key = "key-a",
                        .openai_api_key = "key-o",
                        .gemini_api_key = "key-g",
                        .google_api_key = "key-h"};
}

static const box_t s_box = {.kubeconfig = "/w/jobs/x.1/kc", .runtime = "none"};

static run_spec_t
s_spec (const settings_t *settings)
{
    return (run_spec_t){.settings = settings,
                        .script = "/opt/agent.sh",
                        .program_dir = "/opt/bin",
                        .workspace = "/w/jobs/x.1",
                        .incident = "x",
                        .attempt = 1,
                        .box = &s_box,
                        .model = "sonnet",
                        .allowed_tools = "Read,Write",
                        .timeout_ms = 1500};
}

//  Value of a variable, NULL when it is not set.
static const char *
s_value (const words_t *words, const char *name)
{
    size_t size = strlen (name);
    for (size_t i = 0; i < words->count; i++)
        if (strncmp (words->items [i], name, size) == 0 && words->items [i][size] == '=')
            return words->items [i] + size + 1;
    return NULL;
}

static void
test_each_cli_gets_its_own_key_only (void **state)
{
    static const struct {
        const char *agent;
        bool anthropic, openai, gemini;
    } rows [] = {{"claude", true, false, false},    {"codex", false, true, false},
                 {"gemini", false, false, true},    {"goose", false, false, false},
                 {"playbook", false, false, false}, {"custom", false, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        settings_t settings = s_settings (rows [i].agent);
        run_spec_t spec = s_spec (&settings);
        own (words_fini) words_t words = {0};
        run_environment (&spec, &words);
        assert_int_equal (s_value (&words, "ANTHROPIC_API_KEY") != NULL, rows [i].anthropic);
        assert_int_equal (s_value (&words, "OPENAI_API_KEY") != NULL, rows [i].openai);
        assert_int_equal (s_value (&words, "GEMINI_API_KEY") != NULL, rows [i].gemini);
        assert_int_equal (s_value (&words, "GOOGLE_API_KEY") != NULL, rows [i].gemini);
    }
}

//  Give each key a value of its own, known by its place in the table.
static void
s_fill_keys (settings_t *settings, char (*ret_values) [32])
{
    size_t at = 0;
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key)) {
        assert_true (at < S_KEYS);
        snprintf (ret_values [at], sizeof ret_values [at], "key-%02zu-0123456789", at);
        *(const char **) (void *) ((char *) settings + key->offset) = ret_values [at++];
    }
}

//  Holds for all keys and agents, also future ones.
static void
test_each_key_is_redacted_and_handed_to_its_own_agent_only (void **state)
{
    static const char *const agents [] = {"claude", "codex",    "gemini",  "opencode", "qwen",
                                          "goose",  "playbook", "another", NULL};
    char values [S_KEYS][32], text [64];
    size_t owned = 0;
    for (size_t i = 0; agents [i]; i++) {
        settings_t settings = s_settings (agents [i]);
        s_fill_keys (&settings, values);
        run_spec_t spec = s_spec (&settings);
        own (redact_fini) redact_t secrets = {0};
        secrets_read (&settings, &secrets);
        own (words_fini) words_t words = {0};
        run_environment (&spec, &words);
        for (const conf_option_t *key = settings_next_key (NULL); key;
             key = settings_next_key (key)) {
            const char *given = s_value (&words, key->env),
                       *value = *settings_key_at (&settings, key);
            const bool own_agent = settings_key_of (key, agents [i]);
            owned += own_agent;
            assert_true (own_agent ? given && strcmp (given, value) == 0 : !given);
            snprintf (text, sizeof text, "<%s>", value);
            assert_true (redact (&secrets, text, strlen (text), false) > 0);
            assert_string_equal (text, "<*****************>");
        }
    }
    size_t keys = 0; //  a key whose owner is no agent would never be passed on
    for (const conf_option_t *row = settings_spec.rows; row->key; row++)
        keys += (row->flags & CONF_SECRET) != 0;
    assert_true (owned >= keys && keys >= 4);
}

//  A driver of the user's own, or one without an owner's row, names its key itself.
static void
test_an_agent_without_a_gateway_gets_the_key_that_its_driver_names (void **state)
{
    settings_t settings = s_settings ("goose");
    run_spec_t spec = s_spec (&settings);
    box_t box = *spec.box;
    snprintf (box.key_env, sizeof box.key_env, "OPENAI_API_KEY");
    spec.box = &box;
    own (words_fini) words_t words = {0};
    run_environment (&spec, &words);
    assert_string_equal (s_value (&words, "OPENAI_API_KEY"), "key-o");
    assert_null (s_value (&words, "ANTHROPIC_API_KEY"));
}

static void
test_agent_env_adds_a_key_from_the_settings_but_cannot_replace_the_contract (void **state)
{
    settings_t settings = s_settings ("goose");
    settings.agent_env = "OPENAI_API_KEY, ATTEMPT,NOT_SET";
    run_spec_t spec = s_spec (&settings);
    own (words_fini) words_t words = {0};
    run_environment (&spec, &words);
    assert_string_equal (s_value (&words, "OPENAI_API_KEY"), "key-o");
    assert_string_equal (s_value (&words, "ATTEMPT"), "1");
    assert_null (s_value (&words, "NOT_SET"));
    assert_int_equal (strncmp (s_value (&words, "PATH"), "/opt/bin:", 9), 0);
    assert_string_equal (s_value (&words, "CONTAINER_TIMEOUT"), "2");
}

static void
test_arguments_are_the_contracts_and_carry_no_secret (void **state)
{
    settings_t settings = s_settings ("claude");
    run_spec_t spec = s_spec (&settings);
    own (words_fini) words_t words = {0};
    run_arguments (&spec, &words);
    char line [2048] = "";
    size_t at = 0;
    bool script = false;
    for (size_t i = 0; i < words.count; i++) {
        assert_null (strstr (words.items [i], "key-"));
        script = script || strcmp (words.items [i], spec.script) == 0;
        if (script)
            at += (size_t) snprintf (line + at, sizeof line - at, "%s ", words.items [i]);
    }
    assert_string_equal (line,
                         "/opt/agent.sh --workspace /w/jobs/x.1 --agent claude --model sonnet "
                         "--allowed-tools Read,Write --timeout 2 "
                         "--prompt-file /w/jobs/x.1/logs/prompt.md "
                         "--system-prompt-file /w/jobs/x.1/system-prompt.md "
                         "--kubeconfig /w/jobs/x.1/kc --runtime none ");
    assert_null (words.items [words.count]);
}

static void
test_a_secret_of_agent_env_has_no_blanks_around_it (void **state)
{
    settings_t settings = s_settings ("claude");
    settings.agent_env = "A_TOKEN,PLAIN,EMPTY_KEY";
    setenv ("A_TOKEN", "token-0123456789\n", 1);
    setenv ("PLAIN", " as it is\n", 1);
    setenv ("EMPTY_KEY", "\n", 1);
    run_spec_t spec = s_spec (&settings);
    own (words_fini) words_t environment = {0};
    run_environment (&spec, &environment);
    assert_string_equal (s_value (&environment, "A_TOKEN"), "token-0123456789");
    assert_string_equal (s_value (&environment, "PLAIN"), " as it is\n");
    assert_null (s_value (&environment, "EMPTY_KEY"));
}

static bool
s_may_read (const read_paths_t *paths, const char *path)
{
    sandbox_spec_t box = {.read_only_count = 0};
    read_paths_give (paths, &box);
    for (size_t i = 0; i < box.read_only_count; i++)
        if (strcmp (box.read_only [i], path) == 0)
            return true;
    return false;
}

//  The file of MCP servers may be read, but not what lies beside it: the worker's configuration.
static void
test_nothing_beside_the_mcp_servers_may_be_read (void **state)
{
    char file [] = "/tmp/triage-mcp-XXXXXX";
    const int fd = mkstemp (file);
    assert_true (fd >= 0);
    settings_t settings = s_settings ("custom");
    settings.agent_mcp_config = file;
    settings.agent_read_paths = "";
    const driver_t driver = {.path = ""};
    own (read_paths_fini) read_paths_t paths = {0};
    assert_int_equal (
        read_paths_find (&settings, &driver, "/usr/bin/env", "/usr/bin", true, &paths), 0);
    assert_true (s_may_read (&paths, file));
    assert_false (s_may_read (&paths, "/tmp"));
    close (fd);
    unlink (file);
}

//  A program that lies in a home folder itself, or is linked to from there.
static void
test_a_program_in_a_home_folder_does_not_open_it (void **state)
{
    char home [] = "/tmp/triage-home-XXXXXX", program [64], other [96], tools [64];
    assert_non_null (mkdtemp (home));
    snprintf (tools, sizeof tools, "%s/tools", home);
    snprintf (program, sizeof program, "%s/agent", home);
    snprintf (other, sizeof other, "%s/agent", tools);
    assert_int_equal (mkdir (tools, 0700), 0);
    assert_int_equal (symlink ("/bin/true", other), 0);
    assert_int_equal (symlink ("tools/agent", program), 0);
    own (own_mem) char *before = strdup (getenv ("HOME") ? getenv ("HOME") : "/root");
    own (own_mem) char *path = strdup (getenv ("PATH"));
    setenv ("HOME", home, 1);
    setenv ("PATH", home, 1);
    settings_t settings = s_settings ("custom");
    settings.agent_read_paths = "";
    driver_t driver = {.path = ""};
    snprintf (driver.path, sizeof driver.path, "%s", program);
    own (read_paths_fini) read_paths_t paths = {0};
    const int rc = read_paths_find (&settings, &driver, "/usr/bin/env", "/usr/bin", false, &paths);
    setenv ("HOME", before, 1);
    setenv ("PATH", path, 1);
    assert_int_equal (rc, 0);
    assert_true (s_may_read (&paths, program));
    assert_true (s_may_read (&paths, tools));
    assert_false (s_may_read (&paths, home));
    assert_int_equal (unlink (program) + unlink (other) + rmdir (tools) + rmdir (home), 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_cli_gets_its_own_key_only),
        cmocka_unit_test (test_each_key_is_redacted_and_handed_to_its_own_agent_only),
        cmocka_unit_test (test_an_agent_without_a_gateway_gets_the_key_that_its_driver_names),
        cmocka_unit_test (
            test_agent_env_adds_a_key_from_the_settings_but_cannot_replace_the_contract),
        cmocka_unit_test (test_arguments_are_the_contracts_and_carry_no_secret),
        cmocka_unit_test (test_nothing_beside_the_mcp_servers_may_be_read),
        cmocka_unit_test (test_a_program_in_a_home_folder_does_not_open_it),
        cmocka_unit_test (test_a_secret_of_agent_env_has_no_blanks_around_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
