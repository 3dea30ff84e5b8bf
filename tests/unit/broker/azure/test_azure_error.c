//  Tests of broker/azure/azure_error.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_error.h"

#include "tests/unit/broker/azure/accounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DATE "Mon, 30 Nov 2026 21:05:06 GMT" //  ACCOUNTS_NOW_MS

static azure_error_t
s_judge_at (const char *account, const char *container, int status, const char *code,
            const char *date)
{
    const azure_account_t self = accounts_get (account);
    const azure_answer_t answer = {.status = status,
                                   .reason = "",
                                   .code = code,
                                   .date = date,
                                   .retry_after_ms = 7000,
                                   .now_ms = ACCOUNTS_NOW_MS};
    azure_error_t error;
    azure_error_judge (&self, container, &answer, &error);
    assert_null (strstr (error.text, "sig="));
    assert_null (strstr (error.text, "Eby8"));
    assert_int_equal (error.retry_after_ms, error.class == AZURE_RETRY ? 7000 : 0);
    return error;
}

static azure_error_t
s_judge (const char *account, int status, const char *code)
{
    return s_judge_at (account, "incidents", status, code, DATE);
}

static void
test_answers_have_their_class_and_sentence (void **state)
{
    static const struct {
        int status;
        const char *code;
        azure_class_t class;
        const char *part; //  of the sentence
    } rows [] = {
        {404, "ContainerNotFound", AZURE_NO_CONTAINER,
         "404 ContainerNotFound: container incidents does not exist: create it with `az storage "
         "container create --name incidents "},
        {404, "BlobNotFound", AZURE_NO_BLOB, "no such blob"},
        {409, "BlobAlreadyExists", AZURE_EXISTS, "exists"},
        {412, "ConditionNotMet", AZURE_EXISTS, "another"},
        {403, "AuthenticationFailed", AZURE_AUTH, "the key of account devstoreaccount1 is refused"},
        {403, "AuthorizationFailure", AZURE_AUTH, "the key is wrong"},
        {403, "", AZURE_AUTH, "the key is wrong"},
        {403, "KeyBasedAuthenticationNotPermitted", AZURE_AUTH, "allows no keys"},
        {403, "AccountIsDisabled", AZURE_AUTH, "is disabled"},
        {403, "NewCode", AZURE_AUTH, "403 NewCode: account devstoreaccount1"},
        {503, "ServerBusy", AZURE_RETRY, "is busy"},
        {500, "InternalError", AZURE_RETRY, "127.0.0.1 has an error of its own"},
        {500, "OperationTimedOut", AZURE_RETRY, "in time"},
        {502, "", AZURE_RETRY, "502: http://127.0.0.1:10000/devstoreaccount1 is in trouble"},
        {507, "", AZURE_RETRY, "disk of http://127.0.0.1:10000/devstoreaccount1 is full"},
        {507, "InternalError", AZURE_RETRY, "is full"},
        {429, "", AZURE_RETRY, "fewer"},
        {400, "Md5Mismatch", AZURE_RETRY, "changed on their way"},
        {404, "", AZURE_RETRY, "is no Blob service"},
        {301, "", AZURE_RETRY, "is no Blob service"},
        {400, "InvalidHeaderValue", AZURE_PERMANENT, "2021-08-06"},
        {400, "OutOfRangeInput", AZURE_PERMANENT, "length"},
        {413, "RequestBodyTooLarge", AZURE_PERMANENT, "too large"},
        {400, "NewCode", AZURE_PERMANENT, "400 NewCode: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const azure_error_t error = s_judge ("path", rows [i].status, rows [i].code);
        assert_int_equal (error.class, rows [i].class);
        assert_non_null (strstr (error.text, rows [i].part));
        assert_false (error.unreached);
    }
    for (int status = 200; status < 207; status++) {
        const azure_error_t error = s_judge ("path", status, "");
        assert_int_equal (error.class, AZURE_OK);
        assert_string_equal (error.text, "");
    }
}

static void
test_clocks_that_differ_are_told_with_both_times (void **state)
{
    static const struct {
        const char *date, *text; //  NULL: not the clock
    } rows [] = {
        {"Mon, 30 Nov 2026 20:45:06 GMT",
         "403 AuthenticationFailed: this host's clock is 20 min ahead of the server's (here "
         "2026-11-30T21:05:06Z, there 2026-11-30T20:45:06Z): set it, for example with `chronyc "
         "makestep`"},
        {"Tue, 01 Dec 2026 21:05:06 GMT",
         "403 AuthenticationFailed: this host's clock is 1440 min behind the server's (here "
         "2026-11-30T21:05:06Z, there 2026-12-01T21:05:06Z): set it, for example with `chronyc "
         "makestep`"},
        {"Mon, 30 Nov 2026 20:50:06 GMT", NULL},
        {"", NULL},
        {"yesterday", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const azure_error_t error =
            s_judge_at ("host", "incidents", 403, "AuthenticationFailed", rows [i].date);
        assert_int_equal (error.class, AZURE_AUTH);
        if (rows [i].text)
            assert_string_equal (error.text, rows [i].text);
        else
            assert_non_null (strstr (error.text, "the key of account myaccount is refused"));
    }
    const azure_error_t busy = s_judge_at ("host", "incidents", 503, "ServerBusy", rows [0].date);
    assert_null (strstr (busy.text, "clock"));
}

static void
test_a_shared_access_signature_is_told_apart_from_a_key (void **state)
{
    azure_account_t self = accounts_get ("sas");
    azure_answer_t answer = {.status = 403,
                             .reason = "",
                             .code = "AuthenticationFailed",
                             .date = DATE,
                             .now_ms = ACCOUNTS_NOW_MS};
    azure_error_t error;
    azure_error_judge (&self, "incidents", &answer, &error);
    assert_non_null (strstr (error.text, "the SharedAccessSignature is refused"));
    snprintf (self.endpoint, sizeof self.endpoint, "http://127.0.0.1:10000/team1");
    answer.code = "AuthorizationFailure"; //  an emulator's endpoint names the account in its path
    azure_error_judge (&self, "incidents", &answer, &error);
    assert_non_null (strstr (error.text, "account team1 refuses the SharedAccessSignature"));
    answer.code = "AuthenticationFailed";
    static const char *const ends [] = {"sv=1&se=2026-11-30T20%3A00%3a00Z&sig=x",
                                        "se=2026-11-30T20:00:00Z&sig=x"};
    for (size_t i = 0; i < 2; i++) {
        snprintf (self.sas, sizeof self.sas, "%s", ends [i]);
        azure_error_judge (&self, "incidents", &answer, &error);
        assert_int_equal (error.class, AZURE_AUTH);
        assert_non_null (strstr (error.text, "expired at 2026-11-30T20:00:00Z"));
    }
    snprintf (self.sas, sizeof self.sas, "sv=1&se=2026-11-30T22%%3A00%%3A00Z&sig=x");
    answer.code = "AuthorizationPermissionMismatch";
    azure_error_judge (&self, "incidents", &answer, &error);
    assert_non_null (strstr (error.text, "sp=rcwdl"));
}

static void
test_a_bad_container_name_is_named (void **state)
{
    const azure_error_t upper = s_judge_at ("host", "Incidents", 400, "InvalidResourceName", DATE);
    assert_int_equal (upper.class, AZURE_PERMANENT);
    assert_non_null (strstr (upper.text, "Incidents has upper-case letters"));
}

static void
test_who_does_not_answer_is_named (void **state)
{
    static const struct {
        const char *reason;
        int rc;
        const char *part;
    } rows [] = {
        {"Could not resolve host: myaccount.blob.core.windows.net", -EIO,
         "there is no host myaccount.blob.core.windows.net, or DNS does not work: is the account "
         "name myaccount right?"},
        {"Failed to connect to 10.0.0.1 port 443", -ECONNREFUSED,
         "https://myaccount.blob.core.windows.net does not answer: Failed to connect to 10.0.0.1"},
        {"", -ETIMEDOUT, "does not answer: Connection timed out"},
    };
    const azure_account_t self = accounts_get ("host");
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const azure_answer_t answer = {
            .rc = rows [i].rc, .reason = rows [i].reason, .code = "", .date = ""};
        azure_error_t error;
        azure_error_judge (&self, "incidents", &answer, &error);
        assert_int_equal (error.class, AZURE_RETRY);
        assert_true (error.unreached);
        assert_non_null (strstr (error.text, rows [i].part));
    }
    const azure_answer_t cut = {
        .rc = -EIO, .reason = "transfer closed", .status = 201, .code = "", .date = ""};
    azure_error_t error;
    azure_error_judge (&self, "incidents", &cut, &error);
    assert_int_equal (error.class, AZURE_RETRY);
    assert_false (error.unreached);
}

static void
test_hostile_headers_do_not_show (void **state)
{
    const azure_error_t error =
        s_judge_at ("path", "incidents", 500, "Bad\x1b[31m <!channel>", "\xff");
    assert_int_equal (error.class, AZURE_RETRY);
    assert_null (strstr (error.text, "Bad"));
    char code [400];
    memset (code, 'a', sizeof code);
    code [sizeof code - 1] = 0;
    assert_null (strstr (s_judge ("path", 400, code).text, "aaaa"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_answers_have_their_class_and_sentence),
        cmocka_unit_test (test_clocks_that_differ_are_told_with_both_times),
        cmocka_unit_test (test_a_shared_access_signature_is_told_apart_from_a_key),
        cmocka_unit_test (test_a_bad_container_name_is_named),
        cmocka_unit_test (test_who_does_not_answer_is_named),
        cmocka_unit_test (test_hostile_headers_do_not_show),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
