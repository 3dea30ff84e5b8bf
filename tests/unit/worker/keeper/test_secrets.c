//  secrets - which values are secret.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/scratch.h"
#include "worker/keeper/secrets.h"

#include <string.h>
#include <time.h>

static settings_t
s_settings (void)
{
    return (settings_t){.anthropic_api_key = "",
                        .openai_api_key = "",
                        .gemini_api_key = "",
                        .google_api_key = "",
                        .agent_env = "",
                        .kubeconfig = ""};
}

static void
s_expect (const settings_t *settings, const char *text, const char *expected)
{
    own (redact_fini) redact_t secrets = {0};
    secrets_read (settings, &secrets);
    char copy [512];
    snprintf (copy, sizeof copy, "%s", text);
    assert_true (redact (&secrets, copy, strlen (copy), false) >= 0);
    assert_string_equal (copy, expected);
}

static void
test_names_of_secrets_are_known (void **state)
{
    static const char *const secret [] = {"ANTHROPIC_API_KEY",
                                          "gh_token",
                                          "CLIENT_SECRET",
                                          "MY_PASS",
                                          "DB_PASSWD",
                                          "DB_PASSWORD",
                                          "GITHUB_PAT",
                                          "PAT",
                                          "AWS_CREDS",
                                          "SENTRY_DSN",
                                          "DB_PWD",
                                          "REDIS_PW2",
                                          "AZURE_STORAGE_CONNECTION_STRING"};
    static const char *const plain [] = {"PATH",    "PATTERN", "PWD",  "HOME",      "LANG",
                                         "MY_PATH", "REGION",  "DSNX", "NAMESPACE", ""};
    for (size_t i = 0; i < sizeof secret / sizeof secret [0]; i++)
        assert_true (secrets_is_name (secret [i], strlen (secret [i])));
    for (size_t i = 0; i < sizeof plain / sizeof plain [0]; i++)
        assert_false (secrets_is_name (plain [i], strlen (plain [i])));
}

static void
test_the_key_of_each_provider_is_removed (void **state)
{
    settings_t settings = s_settings ();
    settings.anthropic_api_key = "anthropic-0123456789";
    settings.openai_api_key = "openai-0123456789";
    settings.gemini_api_key = "gemini-0123456789";
    settings.google_api_key = "google-0123456789";
    s_expect (&settings,
              "anthropic-0123456789 openai-0123456789 gemini-0123456789 google-0123456789",
              "******************** ***************** ***************** *****************");
}

static void
test_what_agents_are_given_is_known_without_blanks_around_it (void **state)
{
    settings_t settings = s_settings ();
    settings.anthropic_api_key = "sk-ant-0123456789";
    settings.agent_env = "A_TOKEN, PLAIN ,,MY_PASSWD,UNSET_KEY";
    setenv ("A_TOKEN", "token-0123456789\n", 1);
    setenv ("PLAIN", "plain-0123456789", 1);
    setenv ("MY_PASSWD", " \tpassword-0123456789\r\n", 1);
    s_expect (&settings, "sk-ant-0123456789 token-0123456789 plain-0123456789 password-0123456789.",
              "***************** **************** plain-0123456789 *******************.");
    size_t size = 0;
    assert_memory_equal (secrets_variable ("A_TOKEN", &size), "token-0123456789", 16);
    assert_int_equal (size, 16);
    setenv ("A_TOKEN", " \n", 1);
    assert_null (secrets_variable ("A_TOKEN", &size));
}

static void
test_what_values_hold_is_known (void **state)
{
    settings_t settings = s_settings ();
    settings.agent_env = "DB_URL,BUS,STORE";
    setenv ("DB_URL", "postgres://app:p%40ssw0rd-1@db.prod:5432/shop?sslmode=off", 1);
    setenv ("BUS", "Endpoint=sb://bus;SharedAccessKey=bus-key-0123;Name=shop", 1);
    setenv ("STORE", "host=db user=app password=store-0123 dbname=shop", 1);
    setenv ("HTTPS_PROXY", "http://proxyuser:proxypass@proxy:3128", 1);
    s_expect (&settings, "db.prod:5432 app p@ssw0rd-1 p%40ssw0rd-1 postgres://app:p%40ssw0rd-1@db",
              "db.prod:5432 app ********** ************ postgres://****************@db");
    setenv ("QUOTED",
            "host=db password='two words-0123' pwd='' Token=\"semi;colon-0123\";secret='open-0123",
            1);
    settings.agent_env = "DB_URL,BUS,STORE,QUOTED";
    s_expect (&settings, "two words-0123, semi;colon-0123, 'open-0123 pwd=''",
              "**************, ***************, ********** pwd=''");
    s_expect (&settings, "sb://bus bus-key-0123 store-0123 Name=shop",
              "sb://bus ************ ********** Name=shop");
    s_expect (&settings, "proxy:3128 proxyuser:proxypass proxypass",
              "proxy:3128 ******************* *********");
    unsetenv ("HTTPS_PROXY");
}

static void
s_write (scratch_t *folder, const char *name, const char *text)
{
    snprintf (folder->text, sizeof folder->text, "%s/%s", folder->path, name);
    FILE *file = fopen (folder->text, "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static void
test_tokens_of_kubeconfigs_are_known (void **state)
{
    scratch_t *folder = *state;
    s_write (folder, "token", "token-of-a-file\n");
    char text [512], one [128], list [256];
    snprintf (
        text, sizeof text,
        "users:\n- name: a\n  user:\n    token: \"token-of-a\"\n    client-key-data: S0VZLU9GLUE=\n"
        "- {name: b, user: {username: operator1, password: pass-of-b}}\n"
        "- name: c\n  user:\n    token: >-\n      token-of-c\n"
        "- name: d\n  user: {tokenFile: %s/token}\nclient-certificate-data: Q0VSVElGSUNBVEU=\n",
        folder->path);
    s_write (folder, "kc", text);
    s_write (folder, "kc2", "{\"users\":[{\"user\":{\"token\": \"token-of-e\"}}]}");
    snprintf (one, sizeof one, "%s/kc2", folder->path);
    snprintf (list, sizeof list, "%s/none:%s/kc", folder->path, folder->path);
    settings_t settings = s_settings ();
    settings_cluster_t cluster = {.name = "e", .kubeconfig = one};
    settings.kubeconfig = list;
    settings.clusters = (conf_table_t){.items = &cluster, .count = 1};
    s_expect (&settings, "token-of-a S0VZLU9GLUE= pass-of-b token-of-c token-of-a-file token-of-e",
              "********** ************ ********* ********** *************** **********");
    s_expect (&settings, "KEY-OF-A operator1 Q0VSVElGSUNBVEU= CERTIFICATE",
              "******** operator1 **************** ***********");
}

#define KEY_DATA                                                                                   \
    "LS0tLS1CRUdJTiBLRVktLS0tLQphYWFhLWJiYmItY2NjYy1k"                                             \
    "ZGRkCmVlZWUtZmZmZi1nZ2dnLWhoaGgKLS0tLS1FTkQgS0VZLS0tLS0K"

//  A private key in each form that a kubeconfig allows; a line of each is found, without its end.
static void
test_keys_of_kubeconfigs_are_known_line_by_line (void **state)
{
    static const char *const forms [] = {
        "- user:\n    client-key-data: " KEY_DATA "\n    name: o\n",
        "- user: {client-key-data: " KEY_DATA ", name: o}\n",
        "{\"user\": {\"client-key-data\": \"" KEY_DATA "\", \"name\": \"o\"}}\n",
        "- user:\n    client-key-data: |\n      LS0tLS1CRUdJTiBLRVktLS0tLQphYWFhLWJiYmItY2NjYy1k\n"
        "      ZGRkCmVlZWUtZmZmZi1nZ2dnLWhoaGgKLS0tLS1FTkQgS0VZLS0tLS0K\n    name: o\n",
        "- user:\n    client-key-data: \"LS0tLS1CRUdJTiBLRVktLS0tLQphYWFhLWJiYmItY2NjYy1k\n"
        "      ZGRkCmVlZWUtZmZmZi1nZ2dnLWhoaGgKLS0tLS1FTkQgS0VZLS0tLS0K\"\n    name: o\n",
        "- user:\n    client-key-data:\n      " KEY_DATA "\n    name: o\n",
        "- user:\n    client-key: key.pem\n    name: o\n",
    };
    scratch_t *folder = *state;
    settings_t settings = s_settings ();
    char path [128];
    snprintf (path, sizeof path, "%s/kc", folder->path);
    settings.kubeconfig = path;
    s_write (folder, "key.pem",
             "-----BEGIN KEY-----\naaaa-bbbb-cccc-dddd\neeee-ffff-gggg-hhhh\n-----END KEY-----\n");
    for (size_t i = 0; i < sizeof forms / sizeof forms [0]; i++) {
        s_write (folder, "kc", forms [i]);
        s_expect (&settings, "aaaa-bbbb-cccc-dddd, o user", "*******************, o user");
        s_expect (&settings, "  eeee-ffff-gggg-hhhh\n-----END KEY-----",
                  "  *******************\n-----END KEY-----");
    }
}

//  With any characters in it, also those that end a value elsewhere.
static void
test_passwords_of_kubeconfigs_are_known_with_all_their_signs (void **state)
{
    static const struct {
        const char *form, *password;
    } cases [] = {
        {"- user:\n    password: \"pa\\\"ss-%-01234567\"\n    name: o\n", "pa\"ss-%-01234567"},
        {"- user:\n    password: \"ends-with-\\\\\" # \"x\"\n", "ends-with-\\"},
        {"- user:\n    password: 'pa''ss-01234567'\n    name: o\n", "pa'ss-01234567"},
        {"- user:\n    password: abcdefgh,ijkl mnop}qrst#uv # mine\n    name: o\n",
         "abcdefgh,ijkl mnop}qrst#uv"},
        {"- \"password\": abcdefgh,ijkl\n", "abcdefgh,ijkl"},
        {"- user: {password: abcdefgh, name: \"o\"}\n", "abcdefgh"},
        {"- user:\n    password:\n      abcdefgh,ijkl\n    name: o\n", "abcdefgh,ijkl"},
        {"- user:\n    password: |\n      abcdefgh,ijkl #mnop\n    name: o\n",
         "abcdefgh,ijkl #mnop"},
    };
    scratch_t *folder = *state;
    settings_t settings = s_settings ();
    char path [128], stars [64];
    snprintf (path, sizeof path, "%s/kc", folder->path);
    settings.kubeconfig = path;
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        s_write (folder, "kc", cases [i].form);
        memset (stars, '*', sizeof stars);
        stars [strlen (cases [i].password)] = 0;
        s_expect (&settings, cases [i].password, stars);
    }
}

//  Many keys on one line: the cost grows with their bytes only.
static void
test_a_kubeconfig_on_one_line_takes_no_longer_than_its_bytes (void **state)
{
    enum { BYTES = 500000 };
    scratch_t *folder = *state;
    settings_t settings = s_settings ();
    own (own_mem) char *text = malloc (BYTES + 1);
    char path [128];
    snprintf (path, sizeof path, "%s/kc", folder->path);
    settings.kubeconfig = path;
    memset (text, ':', BYTES);
    text [BYTES] = 0;
    s_write (folder, "kc", text);
    const clock_t before = clock ();
    s_expect (&settings, "nothing", "nothing");
    assert_true ((double) (clock () - before) / CLOCKS_PER_SEC < 2); //  about 0.01; else 100
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_names_of_secrets_are_known),
        cmocka_unit_test (test_what_agents_are_given_is_known_without_blanks_around_it),
        cmocka_unit_test (test_the_key_of_each_provider_is_removed),
        cmocka_unit_test (test_what_values_hold_is_known),
        cmocka_unit_test_setup_teardown (test_tokens_of_kubeconfigs_are_known, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_keys_of_kubeconfigs_are_known_line_by_line,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_passwords_of_kubeconfigs_are_known_with_all_their_signs, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (
            test_a_kubeconfig_on_one_line_takes_no_longer_than_its_bytes, scratch_setup,
            scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
