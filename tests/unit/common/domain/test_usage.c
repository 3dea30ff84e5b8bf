//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/usage.h"

#include "common/base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
s_drop (char **text_p)
{
    free (*text_p);
}

static void
test_what_is_unknown_is_null (void **state)
{
    usage_t usage = usage_none ();
    assert_false (usage_known (&usage));
    usage.calls = 0; //  known to be none
    strcpy (usage.agent, "codex");
    assert_true (usage_known (&usage));
    own (json_drop) json_t *doc = usage_json (&usage);
    own (s_drop) char *text = json_line (doc);
    assert_string_equal (text, "{\"agent\":\"codex\",\"version\":null,\"model\":null,\"calls\":0,"
                               "\"turns\":null,\"input_tokens\":null,\"output_tokens\":null,"
                               "\"cache_read_tokens\":null,\"cache_write_tokens\":null,"
                               "\"cost_usd\":null,\"duration_ms\":null}");
}

static void
test_every_number_survives_json (void **state)
{
    const usage_t usage = {.agent = "claude",
                           .version = "2.0.1",
                           .model = "sonnet",
                           .calls = 1,
                           .turns = 2,
                           .input = 3,
                           .output = 4,
                           .cache_read = 5,
                           .cache_write = USAGE_MAX,
                           .cost_micro_usd = 410001,
                           .duration_ms = 7};
    own (json_drop) json_t *doc = usage_json (&usage);
    own (s_drop) char *text = json_line (doc);
    assert_non_null (strstr (text, "\"cost_usd\":0.410001,"));
    own (json_drop) json_t *read = NULL;
    assert_int_equal (json_parse (text, strlen (text), &read, NULL), 0);
    usage_t back;
    usage_read (read, &back);
    assert_memory_equal (&back, &usage, sizeof back);
}

static void
test_what_is_no_number_or_out_of_bounds_is_unknown (void **state)
{
    static const char *const bad [] = {"-1", "\"7\"", "true", "[1]", "1e300", "9007199254740993"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        char text [256];
        snprintf (text, sizeof text, "{\"calls\":%s,\"cost_usd\":%s,\"turns\":2,\"model\":7}",
                  bad [i], strcmp (bad [i], "9007199254740993") == 0 ? "9007199255" : bad [i]);
        own (json_drop) json_t *doc = NULL;
        assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
        usage_t usage;
        usage_read (doc, &usage);
        assert_int_equal (usage.calls, USAGE_UNKNOWN);
        assert_int_equal (usage.cost_micro_usd, USAGE_UNKNOWN);
        assert_int_equal (usage.turns, 2);
        assert_string_equal (usage.model, "");
    }
    usage_t none;
    usage_read (NULL, &none);
    assert_false (usage_known (&none));
}

static void
test_a_long_name_is_cut_between_characters (void **state)
{
    char text [512] = "{\"agent\":\"";
    for (int i = 0; i < 40; i++)
        strcat (text, "\u00e9");
    strcat (text, "\"}");
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
    usage_t usage;
    usage_read (doc, &usage);
    assert_int_equal (strlen (usage.agent), 62);
}

static void
test_a_sum_is_of_what_is_known (void **state)
{
    usage_t sum = usage_none (), first = usage_none (), second = usage_none ();
    first.calls = 2;
    first.input = 100;
    strcpy (first.model, "sonnet");
    second.calls = 3;
    second.output = USAGE_MAX;
    strcpy (second.agent, "claude");
    usage_add (&sum, &first);
    usage_add (&sum, &second);
    usage_add (&sum, &second);
    assert_int_equal (sum.calls, 8);
    assert_int_equal (sum.input, 100);
    assert_int_equal (sum.output, USAGE_MAX); //  it does not overflow
    assert_int_equal (sum.cost_micro_usd, USAGE_UNKNOWN);
    assert_string_equal (sum.model, "sonnet");
    assert_string_equal (sum.agent, "claude");
}

static void
test_what_another_source_knows_better_replaces (void **state)
{
    usage_t own = usage_none (), other = usage_none ();
    own.turns = 3;
    own.input = 5;
    own.cost_micro_usd = 7;
    strcpy (own.agent, "claude");
    strcpy (own.model, "sonnet");
    other.input = 0;
    other.calls = 9;
    strcpy (other.model, "opus");
    usage_prefer (&own, &other);
    assert_int_equal (own.turns, 3);
    assert_int_equal (own.input, 0); //  known to be none
    assert_int_equal (own.calls, 9);
    assert_int_equal (own.cost_micro_usd, 7);
    assert_int_equal (own.output, USAGE_UNKNOWN);
    assert_string_equal (own.agent, "claude");
    assert_string_equal (own.model, "opus");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_is_unknown_is_null),
        cmocka_unit_test (test_every_number_survives_json),
        cmocka_unit_test (test_what_is_no_number_or_out_of_bounds_is_unknown),
        cmocka_unit_test (test_a_long_name_is_cut_between_characters),
        cmocka_unit_test (test_a_sum_is_of_what_is_known),
        cmocka_unit_test (test_what_another_source_knows_better_replaces),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
