//  kubeconfig - one file that needs no other, and where its API servers are.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/scratch.h"
#include "worker/base/kubeconfig.h"

#include <errno.h>
#include <string.h>

static void
s_write (scratch_t *folder, const char *name, const char *text)
{
    FILE *file = fopen (scratch_at (folder, name), "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static void
s_load (scratch_t *folder, const char *text, kubeconfig_t *ret_copy)
{
    s_write (folder, "kc", text);
    err_diag_t diag = {""};
    if (kubeconfig_load (scratch_at (folder, "kc"), ret_copy, &diag) != 0)
        fail_msg ("%s", diag.text);
}

//  Is this pair in the copy?
static bool
s_has (const kubeconfig_t *copy, const char *pair)
{
    own (own_mem) char *line = json_line (copy->doc);
    return strstr (line, pair) != NULL;
}

static const char s_whole [] =
    "apiVersion: v1\n"
    "clusters:\n"
    "- name: a\n"
    "  cluster: {server: 'https://api.test:6443', certificate-authority: ca.pem}\n"
    "- name: b\n"
    "  cluster:\n"
    "    server: https://127.0.0.1:6444/k8s\n"
    "    insecure-skip-tls-verify: true\n"
    "users:\n"
    "- name: u\n"
    "  user: {client-certificate: c.pem, client-key: k.pem, tokenFile: t, token: old}\n"
    "contexts: [{name: x, context: {cluster: b, user: u}}]\n";

static void
test_files_are_embedded (void **state)
{
    scratch_t *folder = *state;
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    s_write (folder, "ca.pem", "ca");
    s_write (folder, "c.pem", "cer");
    s_write (folder, "k.pem", "key1");
    s_write (folder, "t", "token-1\n");
    s_load (folder, s_whole, &copy);
    assert_true (s_has (&copy, "\"certificate-authority-data\":\"Y2E=\""));
    assert_true (s_has (&copy, "\"client-certificate-data\":\"Y2Vy\""));
    assert_true (s_has (&copy, "\"client-key-data\":\"a2V5MQ==\""));
    assert_true (s_has (&copy, "\"token\":\"token-1\""));
    assert_true (s_has (&copy, "\"insecure-skip-tls-verify\":true"));
    assert_false (s_has (&copy, "tokenFile"));
    assert_false (s_has (&copy, ".pem"));
    assert_null (copy.helper);
    assert_int_equal (copy.server_count, 2);
    assert_string_equal (copy.servers [0].host, "api.test");
    assert_int_equal (copy.servers [0].port, 6443);
    assert_false (copy.servers [0].loopback);
    assert_string_equal (copy.servers [1].host, "127.0.0.1");
    assert_int_equal (copy.servers [1].port, 6444);
    assert_true (copy.servers [1].loopback);
}

//  An agent must not get the credentials of other clusters that stand in the same files.
static void
test_only_the_current_context_is_copied (void **state)
{
    scratch_t *folder = *state;
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    err_diag_t diag = {""};
    char list [256];
    s_write (folder, "one",
             "current-context: mine\n"
             "clusters: [{name: other, cluster: {server: 'https://other.test',"
             " certificate-authority: /no/such/file}}]\n"
             "users: [{name: o, user: {token: other-token}}, {name: m, user: {token: my-token}}]\n"
             "contexts: [{name: theirs, context: {cluster: other, user: o}}]\n");
    s_write (folder, "two",
             "clusters: [{name: my, cluster: {server: 'https://my.test'}}]\n"
             "contexts: [{name: mine, context: {cluster: my, user: m, namespace: web}}]\n");
    snprintf (list, sizeof list, "%s/one:%s/two", folder->path, folder->path);
    assert_int_equal (kubeconfig_load (list, &copy, &diag), 0);
    assert_int_equal (copy.server_count, 1);
    assert_string_equal (copy.servers [0].host, "my.test");
    assert_true (s_has (&copy, "my-token"));
    assert_true (s_has (&copy, "\"namespace\":\"web\""));
    assert_true (s_has (&copy, "\"current-context\":\"mine\""));
    assert_false (s_has (&copy, "other"));
    assert_false (s_has (&copy, "theirs"));
}

static void
test_a_missing_file_is_named (void **state)
{
    scratch_t *folder = *state;
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    err_diag_t diag = {""};
    s_write (folder, "kc", "users: [{name: u, user: {client-key: gone.pem}}]\n");
    assert_int_equal (kubeconfig_load (scratch_at (folder, "kc"), &copy, &diag), -ENOENT);
    assert_non_null (strstr (diag.text, "gone.pem"));
    assert_non_null (strstr (diag.text, "/kc"));
}

static void
test_what_is_no_kubeconfig_is_refused_with_its_line (void **state)
{
    static const char *const bad [] = {"clusters: [\n",
                                       "just text\n",
                                       "a: 1\na: 2\n",
                                       "clusters: [{name: a, cluster: {server: 'https://'}}]\n",
                                       "clusters: [{name: a, cluster: {server: 'https://h:0'}}]\n",
                                       "a: &x [1]\n? *x\n: 2\n"};
    scratch_t *folder = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        own (kubeconfig_fini) kubeconfig_t copy = {0};
        err_diag_t diag = {""};
        s_write (folder, "kc", bad [i]);
        assert_int_equal (kubeconfig_load (scratch_at (folder, "kc"), &copy, &diag), ERR_PROTO);
        assert_non_null (strstr (diag.text, "/kc: "));
    }
}

//  Each level has ten times the values of the one before.
static void
test_aliases_cannot_grow_without_bound (void **state)
{
    scratch_t *folder = *state;
    own (buf_fini) buf_t text = buf_init (65536);
    (void) buf_text (&text, "l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int level = 1; level < 12; level++)
        (void) buf_printf (&text, "l%d: &l%d [*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d]\n", level,
                           level, level - 1, level - 1, level - 1, level - 1, level - 1, level - 1,
                           level - 1, level - 1);
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    err_diag_t diag = {""};
    s_write (folder, "kc", text.data);
    assert_int_equal (kubeconfig_load (scratch_at (folder, "kc"), &copy, &diag), ERR_LIMIT);
}

static void
test_several_files_are_merged_and_the_first_entry_of_a_name_counts (void **state)
{
    scratch_t *folder = *state;
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    err_diag_t diag = {""};
    char list [256];
    s_write (folder, "one",
             "clusters: [{name: a, cluster: {server: 'https://one.test'}}]\n"
             "users: [{name: u, user: {exec: {command: aws}}}]\n");
    s_write (folder, "two",
             "clusters: [{name: a, cluster: {server: 'https://not.test'}},"
             " {name: b, cluster: {server: 'http://[::1]'}}]\ncurrent-context: y\n");
    snprintf (list, sizeof list, ":%s/one::%s/two:", folder->path, folder->path);
    assert_int_equal (kubeconfig_load (list, &copy, &diag), 0);
    assert_int_equal (copy.server_count, 2);
    assert_string_equal (copy.servers [0].host, "one.test");
    assert_int_equal (copy.servers [0].port, 443);
    assert_string_equal (copy.servers [1].host, "::1");
    assert_int_equal (copy.servers [1].port, 80);
    assert_true (copy.servers [1].loopback);
    assert_false (s_has (&copy, "not.test"));
    assert_true (s_has (&copy, "\"current-context\":\"y\""));
    assert_string_equal (copy.helper, "exec");
}

//  The copy is itself a kubeconfig, and only its owner can read it.
static void
test_the_copy_can_be_read_again (void **state)
{
    scratch_t *folder = *state;
    own (kubeconfig_fini) kubeconfig_t copy = {0}, again = {0};
    s_load (folder, "users: [{name: \"u'\\\"\", user: {token: 0123}}]\n", &copy);
    assert_int_equal (kubeconfig_put (&copy, folder->path), 0);
    struct stat status;
    assert_int_equal (stat (scratch_at (folder, KUBECONFIG_COPY), &status), 0);
    assert_int_equal (status.st_mode & 0777, 0600);
    err_diag_t diag = {""};
    assert_int_equal (kubeconfig_load (scratch_at (folder, KUBECONFIG_COPY), &again, &diag), 0);
    assert_true (json_equal (copy.doc, again.doc));
    assert_true (s_has (&again, "\"token\":\"0123\""));
}

int
main (void)
{
#define S_TEST(name) cmocka_unit_test_setup_teardown (name, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests [] = {
        S_TEST (test_files_are_embedded),
        S_TEST (test_only_the_current_context_is_copied),
        S_TEST (test_a_missing_file_is_named),
        S_TEST (test_what_is_no_kubeconfig_is_refused_with_its_line),
        S_TEST (test_aliases_cannot_grow_without_bound),
        S_TEST (test_several_files_are_merged_and_the_first_entry_of_a_name_counts),
        S_TEST (test_the_copy_can_be_read_again),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
