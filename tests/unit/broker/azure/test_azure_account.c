//  Tests of broker/azure/azure_account.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_account.h"

#include "common/base/own.h"
#include "tests/unit/broker/azure/accounts.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY "AccountKey=" ACCOUNTS_KEY

static void
test_connection_strings_of_the_portal_and_of_the_emulator (void **state)
{
    static const struct {
        const char *text, *name, *endpoint, *host;
    } rows [] = {
        {("DefaultEndpointsProtocol=https;AccountName=myaccount;" KEY
          ";EndpointSuffix=core.windows.net"),
         "myaccount", "https://myaccount.blob.core.windows.net", "myaccount.blob.core.windows.net"},
        {("AccountName=myaccount;" KEY), "myaccount", "https://myaccount.blob.core.windows.net",
         "myaccount.blob.core.windows.net"},
        {("DefaultEndpointsProtocol=HTTP;AccountName=abc;" KEY
          ";EndpointSuffix=.blob.example:8080/azure/"),
         "abc", "HTTP://abc.blob.blob.example:8080/azure", "abc.blob.blob.example"},
        {("DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" KEY
          ";BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"),
         "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1", "127.0.0.1"},
        {" accountname = Team_1 ;; ACCOUNTKEY = " ACCOUNTS_KEY
         " ;\n blobendpoint = https://[::1]:10000/Team_1// ;QueueEndpoint=https://q;"
         "TableEndpoint=x;FileEndpoint=x;DfsEndpoint=x;BlobSecondaryEndpoint=x\n",
         "Team_1", "https://[::1]:10000/Team_1", "[::1]"},
        {"UseDevelopmentStorage=true", "devstoreaccount1",
         "http://127.0.0.1:10000/devstoreaccount1", "127.0.0.1"},
        {"UseDevelopmentStorage=True;DevelopmentStorageProxyUri=http://azurite:99/",
         "devstoreaccount1", "http://azurite:10000/devstoreaccount1", "azurite"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (azure_account_wipe) azure_account_t account;
        err_diag_t diag = {""};
        assert_int_equal (azure_account_parse (rows [i].text, &account, &diag), 0);
        assert_string_equal (account.name, rows [i].name);
        assert_string_equal (account.endpoint, rows [i].endpoint);
        assert_string_equal (account.host, rows [i].host);
        assert_int_equal (account.https, strncmp (rows [i].endpoint, "https", 5) == 0);
        assert_true (azure_account_signs (&account));
        assert_int_equal (account.key_size, 64);
    }
}

static void
test_a_shared_access_signature_needs_no_name_and_no_key (void **state)
{
    azure_account_t account;
    err_diag_t diag = {""};
    assert_int_equal (azure_account_parse ("BlobEndpoint=https://a.blob.core.windows.net/;"
                                           "SharedAccessSignature=?sv=2021-08-06&sig=a%2Bb%3D&x=",
                                           &account, &diag),
                      0);
    assert_string_equal (account.sas, "sv=2021-08-06&sig=a%2Bb%3D&x=");
    assert_string_equal (account.name, "");
    assert_false (azure_account_signs (&account));
    assert_int_equal (azure_account_parse ("AccountName=abc;" KEY ";SharedAccessSignature=sig=a",
                                           &account, &diag),
                      0);
    assert_true (azure_account_signs (&account)); //  the key can do more
    assert_string_equal (account.sas, "");
}

static void
test_faults_are_told_without_secrets (void **state)
{
    static const struct {
        const char *text, *part;
    } rows [] = {
        {"", "has no AccountName"},
        {ACCOUNTS_KEY, "part 1 of azure_storage_connection_string has no known key"},
        {"AccountKeyPlain", "part 1 of azure_storage_connection_string has no \"=\""},
        {("AccountName=abc;AcountKey=" ACCOUNTS_KEY), "unknown key AcountKey"},
        {("AccountName=abc;" KEY "="), "no base64 text (it has 89 characters"},
        {("AccountName=abc;a1=2;" KEY), "part 2 of azure_storage_connection_string has no known"},
        {("AccountName=abc;" KEY ";" KEY), "has AccountKey twice"},
        {("AccountName=abc;AccountKey="), "no base64 text (it has 0 characters"},
        {"AccountName=abc", "neither AccountKey nor SharedAccessSignature"},
        {("AccountName=ab;" KEY), "AccountName: an account name has 3 to 24 lower-case"},
        {("AccountName=abcdefghijklmnopqrstuvwxy;" KEY), "3 to 24 lower-case"},
        {("AccountName=my-account;" KEY), "3 to 24 lower-case"},
        {("AccountName=MyAccount;" KEY), "3 to 24 lower-case"},
        {("AccountName=a/b;" KEY ";BlobEndpoint=http://a"), "at most 64 letters and digits"},
        {(KEY ";BlobEndpoint=http://a"), "has no AccountName"},
        {("AccountName=abc;" KEY ";DefaultEndpointsProtocol=ftp"), "must be http or https"},
        {("AccountName=abc;" KEY ";EndpointSuffix="), "EndpointSuffix"},
        {("AccountName=abc;" KEY ";EndpointSuffix=a b"), "EndpointSuffix"},
        {"UseDevelopmentStorage=yes", "must be true"},
        {"UseDevelopmentStorage=true;DevelopmentStorageProxyUri=azurite",
         "DevelopmentStorageProxy"},
        {"BlobEndpoint=https://a;SharedAccessSignature=https://a/?sig=x", "no signed query"},
        {"BlobEndpoint=https://a;SharedAccessSignature=sv=1", "no signed query"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        azure_account_t account = {.name = "untouched"};
        err_diag_t diag = {""};
        assert_int_equal (azure_account_parse (rows [i].text, &account, &diag), ERR_CONFIG);
        assert_non_null (strstr (diag.text, rows [i].part));
        assert_null (strstr (diag.text, "Eby8"));
        assert_string_equal (account.name, "untouched");
    }
}

static void
test_an_endpoint_is_an_address_and_nothing_else (void **state)
{
    static const char *const bad [] = {"127.0.0.1:10000", "ftp://a",          "http://",
                                       "http://a:0",      "http://a:",        "http://a:65536",
                                       "http://a:1x",     "http://u@a",       "http://a?b=c",
                                       "http://a/b#c",    "http://a/../b",    "http://a/b//c",
                                       "http://a b",      "http://[::1",      "http://a/%41",
                                       "http://a\x01",    "https://a:1:2",    "http://:1",
                                       "http:///a",       "https://a\xc3\xbc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        char text [256];
        azure_account_t account;
        err_diag_t diag = {""};
        snprintf (text, sizeof text, "AccountName=abc;" KEY ";BlobEndpoint=%s", bad [i]);
        assert_int_equal (azure_account_parse (text, &account, &diag), ERR_CONFIG);
        assert_non_null (strstr (diag.text, "BlobEndpoint"));
    }
}

static void
test_a_name_and_a_key (void **state)
{
    azure_account_t account;
    err_diag_t diag = {""};
    assert_int_equal (azure_account_named ("myaccount", ACCOUNTS_KEY, &account, &diag), 0);
    assert_string_equal (account.endpoint, "https://myaccount.blob.core.windows.net");
    assert_int_equal (azure_account_named ("My", ACCOUNTS_KEY, &account, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "azure_storage_account"));
    assert_int_equal (azure_account_named ("abc", "not base64", &account, &diag), ERR_CONFIG);
    assert_non_null (strstr (diag.text, "azure_storage_key is no base64 text (it has 10 char"));
    assert_null (strstr (diag.text, "not base64"));
}

static void
test_names_of_containers (void **state)
{
    static const char *const good [] = {
        "abc", "a-b-c", "123", "incident-reports",
        "a23456789012345678901234567890123456789012345678901234567890123"};
    static const char *const bad [] = {
        "",      "ab",
        "a_b",   "-ab",
        "ab-",   "a--b",
        "$root", "a.b",
        "a/b",   "a234567890123456789012345678901234567890123456789012345678901234"};
    err_diag_t diag = {""};
    for (size_t i = 0; i < sizeof good / sizeof good [0]; i++)
        assert_int_equal (azure_account_container (good [i], &diag), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        assert_int_equal (azure_account_container (bad [i], &diag), ERR_CONFIG);
        assert_non_null (strstr (diag.text, "3 to 63"));
    }
    assert_int_equal (azure_account_container ("Incidents", &diag), ERR_CONFIG);
    assert_string_equal (diag.text, "azure_storage_container Incidents has upper-case letters, "
                                    "Azure allows none");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_connection_strings_of_the_portal_and_of_the_emulator),
        cmocka_unit_test (test_a_shared_access_signature_needs_no_name_and_no_key),
        cmocka_unit_test (test_faults_are_told_without_secrets),
        cmocka_unit_test (test_an_endpoint_is_an_address_and_nothing_else),
        cmocka_unit_test (test_a_name_and_a_key),
        cmocka_unit_test (test_names_of_containers),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
