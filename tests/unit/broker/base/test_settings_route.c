//  test_settings_route - receivers and routes as options: what is refused, and what the core gets.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/settings_target.h"
#include "broker/core/route.h"
#include "common/base/own.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNED "{webhook_url: 'http://h/', webhook_secret: 0123456789abcdef}"
#define SLACK "{slack_webhook_url: 'http://s/'}"

typedef struct {
    conf_t *conf;
    const settings_t *settings;
    int rc;
    char said [8192]; //  on stderr
} load_t;

static void
s_load (const char *yaml, const char *flag, load_t *ret_load)
{
    char path [] = "route.yaml", program [] = "triage-broker", config [] = "-c";
    char *extra = flag ? strdup (flag) : NULL;
    char *argv [] = {program, config, path, extra, NULL}, *envp [] = {NULL};
    FILE *file = fopen (path, "we");
    assert_non_null (file);
    assert_true (fputs (yaml, file) >= 0);
    assert_int_equal (fclose (file), 0);
    *ret_load = (load_t){.conf = NULL};
    const int saved = fcntl (2, F_DUPFD_CLOEXEC, 10);
    own (own_fd) int err = open ("route.err", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true (saved >= 0 && err >= 0 && dup2 (err, 2) == 2);
    ret_load->rc = conf_load (&settings_spec, flag ? 4 : 3, argv, envp, &ret_load->conf);
    if (ret_load->conf)
        conf_warn (ret_load->conf);
    assert_true (dup2 (saved, 2) == 2);
    (void) close (saved);
    free (extra);
    const ssize_t size = pread (err, ret_load->said, sizeof ret_load->said - 1, 0);
    assert_true (size >= 0);
    ret_load->settings = ret_load->conf ? conf_settings (ret_load->conf) : NULL;
    (void) unlink (path);
    (void) unlink ("route.err");
}

static void
s_drop (load_t *self)
{
    conf_destroy (&self->conf);
}

static void
s_refused (const char *yaml, const char *line)
{
    own (s_drop) load_t load;
    s_load (yaml, NULL, &load);
    if (load.rc != ERR_CONFIG || strcmp (load.said, line) != 0)
        fail_msg ("%s\ngave: %s", yaml, load.said);
}

static void
test_a_receiver_has_one_way_and_a_name_of_its_own (void **state)
{
    s_refused ("receivers:\n  a: {}\n",
               "route.yaml:2: receivers.a: expected one of slack_webhook_url, slack_channel and "
               "webhook_url, got 0 of them\n");
    s_refused ("receivers:\n  a: {slack_webhook_url: 'http://s/', webhook_url: 'http://h/',\n"
               "    webhook_secret: 0123456789abcdef}\n",
               "route.yaml:2: receivers.a: expected one of slack_webhook_url, slack_channel and "
               "webhook_url, got 2 of them\n");
    static const char *const reserved [] = {"slack", "none", "storage", "retention"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved [0]; i++) {
        char yaml [128], line [128];
        snprintf (yaml, sizeof yaml, "receivers:\n  %s: " SLACK "\n", reserved [i]);
        snprintf (line, sizeof line,
                  "route.yaml:2: receivers.%s: expected another name, this one is reserved\n",
                  reserved [i]);
        s_refused (yaml, line);
    }
    static const char letters [] = "expected a name of letters, digits, '.', '_' and '-'\n";
    char line [160];
    snprintf (line, sizeof line, "route.yaml:1: receivers.a/b: %s", letters);
    s_refused ("receivers: {a/b: " SLACK "}\n", line);
    snprintf (line, sizeof line, "route.yaml:1: receivers.-a: %s", letters);
    s_refused ("receivers: {-a: " SLACK "}\n", line);
}

static void
test_a_signed_webhook_has_a_secret_that_cannot_be_guessed (void **state)
{
    s_refused ("receivers:\n  a:\n    webhook_url: http://h/\n",
               "route.yaml:3: receivers.a.webhook_url: needs webhook_secret beside it\n");
    s_refused ("receivers:\n  a:\n    slack_webhook_url: http://h/\n    webhook_secret: "
               "0123456789abcdef\n",
               "route.yaml:4: receivers.a.webhook_secret: needs webhook_url beside it\n");
    s_refused ("receivers:\n  a:\n    webhook_url: http://h/\n    webhook_secret: short\n",
               "route.yaml:4: receivers.a.webhook_secret: expected a secret of at least 16 "
               "bytes\n");
}

static void
test_a_token_that_is_none_of_a_bot_is_told (void **state)
{
    static const struct {
        const char *file;
        bool told;
    } cases [] = {{"slack_channel: C0123456789\nslack_bot_token: xoxb-1-A\n", false},
                  {"slack_channel: C0123456789\nslack_bot_token: xoxe.xoxb-1-A\n", false},
                  {"slack_channel: C0123456789\nslack_bot_token: xapp-1-SECRET\n", true},
                  {"slack_channel: C0123456789\nslack_bot_token: XOXB-1-SECRET\n", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        own (s_drop) load_t load;
        s_load (cases [i].file, NULL, &load);
        assert_int_equal (strstr (load.said, "Bot User OAuth Token") != NULL, cases [i].told);
        assert_null (strstr (load.said, "SECRET"));
    }
}

static void
test_a_channel_needs_the_bot_and_is_named_by_its_id (void **state)
{
    s_refused ("receivers:\n  a:\n    slack_channel: C0123456789\n",
               "route.yaml:3: receivers.a.slack_channel: needs slack_bot_token\n");
    s_refused ("slack_bot_token: x\nreceivers:\n  a:\n    slack_channel: '#general'\n",
               "route.yaml:4: receivers.a.slack_channel: expected a channel's ID such as "
               "C0123456789, not its name\n");
    own (s_drop) load_t load;
    s_load ("slack_bot_token: xoxb-x\nreceivers: {a: {slack_channel: C0123456789}}\nroutes:\n"
            "- receiver: a\n",
            NULL, &load);
    //  The default receiver needs no channel of its own.
    assert_int_equal (load.rc, 0);
    assert_non_null (strstr (load.said, "no default receiver"));
    step_settings_t step;
    route_target_t target;
    settings_target_t way;
    settings_step (load.settings, &step);
    assert_true (route_receiver (&step, "a", &target) && target.shows && !target.ends);
    assert_true (settings_target (load.settings, "a", &way));
    assert_int_equal (way.kind, SETTINGS_TARGET_BOT);
    assert_string_equal (way.channel, "C0123456789");
}

static void
test_a_route_names_a_receiver_and_known_severities (void **state)
{
    s_refused ("receivers: {oncall: " SLACK "}\nroutes:\n- receiver: oncal\n",
               "route.yaml:3: routes[0].receiver: unknown receiver, did you mean \"oncall\"?\n");
    s_refused ("routes:\n- {cluster: x, receiver: elsewhere}\n",
               "route.yaml:2: routes[0].receiver: unknown receiver \"elsewhere\"\n");
    s_refused ("routes:\n- cluster: x\n", "route.yaml:2: routes[0].receiver: required, but not "
                                          "set\n");
    s_refused ("routes:\n- {severity: critical|fatal, receiver: none}\n",
               "route.yaml:2: routes[0].severity: expected info, warning, critical or some of "
               "them with | between\n");
}

static void
test_alerts_that_go_nowhere_are_warned_of (void **state)
{
    static const char what [] = "no default receiver: alerts about the system go nowhere",
                           rest [] =
                               ", nor do incidents that no route matches; set slack_webhook_url, "
                               "or slack_bot_token and slack_channel";
    own (s_drop) load_t load;
    s_load ("receivers: {a: " SLACK "}\nroutes:\n- {cluster: x, receiver: a}\n", NULL, &load);
    const char *said = strstr (load.said, what);
    assert_non_null (said);
    assert_non_null (strstr (load.said, "route.yaml:2: routes: no default"));
    assert_memory_equal (said + strlen (what), rest, strlen (rest));
    s_drop (&load);
    s_load ("receivers: {a: " SLACK "}\nroutes:\n- receiver: a\n", NULL, &load);
    said = strstr (load.said, what);
    assert_non_null (said);
    assert_memory_equal (said + strlen (what), "; set ", strlen ("; set "));
    s_drop (&load);
    s_load ("slack_webhook_url: http://s/\nreceivers: {a: " SLACK "}\nroutes:\n"
            "- {cluster: x, receiver: a}\n",
            NULL, &load);
    assert_string_equal (load.said, "");
}

static void
test_a_retention_below_an_hour_is_warned_of (void **state)
{
    own (s_drop) load_t load;
    s_load ("retain_incidents: 90\n", NULL, &load);
    assert_non_null (strstr (load.said, "route.yaml:1: retain_incidents: incidents go within an "
                                        "hour of their end; a number without a unit means "
                                        "seconds, 90 days are 90d"));
    s_drop (&load);
    s_load ("retain_incidents: 90d\n", NULL, &load);
    assert_string_equal (load.said, "");
    assert_int_equal (load.settings->retain_incidents_ms, INT64_C (90) * 24 * 3600 * 1000);
    s_drop (&load);
    s_load ("retain_incidents: 0\n", NULL, &load);
    assert_string_equal (load.said, "");
}

static void
test_what_can_never_happen_is_warned_of (void **state)
{
    own (s_drop) load_t load;
    s_load ("receivers:\n  a: " SLACK "\n  b: " SLACK "\nroutes:\n- {cluster: '*', receiver: a}\n"
            "- {cluster: x, receiver: slack}\n",
            NULL, &load);
    assert_int_equal (load.rc, 0);
    assert_non_null (strstr (load.said, "route.yaml:6: routes[1].receiver: no slack_ option is "
                                        "set: this route sends no message"));
    assert_non_null (strstr (load.said, "route.yaml:6: routes[1].receiver: no incident reaches "
                                        "this route: one before it takes all"));
    assert_non_null (strstr (load.said, "route.yaml:3: receivers.b: no route names this receiver"));
    s_drop (&load);
    s_load ("slack_webhook_url: http://s/\nreceivers: {a: " SLACK "}\nroutes:\n"
            "- {receiver: a, continue: true}\n- {labels: {env: '*'}, receiver: none}\n"
            "- receiver: slack\n",
            NULL, &load);
    assert_int_equal (load.rc, 0);
    assert_string_equal (load.said, "");
}

static void
test_the_core_gets_what_the_file_says (void **state)
{
    own (s_drop) load_t load;
    s_load ("clusters:\n- {name: p, labels: {env: prod}}\n- {name: q}\n"
            "receivers: {audit: " SIGNED ", pay: " SLACK "}\nroutes:\n"
            "- {receiver: audit, continue: true}\n"
            "- {namespace: 'pay*', severity: critical|warning, labels: {env: prod}, receiver: "
            "pay}\n- {cluster: q, fault_type: OOM*, receiver: none}\n",
            NULL, &load);
    assert_int_equal (load.rc, 0);
    step_settings_t step;
    settings_step (load.settings, &step);
    static const struct {
        const char *cluster, *namespace_, *type;
        enum fault_severity severity;
        const char *told;
    } cases [] = {{"p", "pay-1", "OOMKilled", FAULT_WARNING, "audit pay"},
                  {"p", "pay-1", "OOMKilled", FAULT_INFO, "audit"},
                  {"q", "pay-1", "CrashLoop", FAULT_WARNING, "audit"},
                  {"q", "", "OOMKilled", FAULT_WARNING, "audit"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        fault_t fault = {.severity = cases [i].severity};
        route_target_t targets [LIMIT_RECEIVERS];
        char told [256] = "";
        snprintf (fault.cluster, sizeof fault.cluster, "%s", cases [i].cluster);
        snprintf (fault.namespace_, sizeof fault.namespace_, "%s", cases [i].namespace_);
        snprintf (fault.fault_type, sizeof fault.fault_type, "%s", cases [i].type);
        const size_t count = route_match (&step, &fault, targets, LIMIT_RECEIVERS);
        for (size_t j = 0; j < count; j++)
            snprintf (told + strlen (told), sizeof told - strlen (told), "%s%.*s", j ? " " : "",
                      ROW_NAME - 1, targets [j].receiver);
        assert_string_equal (told, cases [i].told);
    }
    route_target_t target;
    assert_true (route_receiver (&step, "audit", &target) && target.ends && !target.shows);
    assert_true (route_receiver (&step, "pay", &target) && !target.ends && !target.shows);
    settings_target_t way;
    assert_true (settings_target (load.settings, "audit", &way));
    assert_int_equal (way.kind, SETTINGS_TARGET_SIGNED);
    assert_string_equal (way.secret, "0123456789abcdef");
    assert_true (settings_target (load.settings, "pay", &way));
    assert_int_equal (way.kind, SETTINGS_TARGET_WEBHOOK);
    assert_false (settings_target (load.settings, "slack", &way));
    assert_false (settings_target (load.settings, "gone", &way));
}

static void
test_receivers_and_routes_are_bounded (void **state)
{
    own (buf_fini) buf_t yaml = buf_init (LIMIT_CONFIG_BYTES);
    (void) buf_text (&yaml, "receivers:\n");
    for (int i = 0; i < LIMIT_RECEIVERS; i++)
        (void) buf_printf (&yaml, "  r%d: " SLACK "\n", i);
    s_refused (yaml.data, "route.yaml:1: receivers: expected at most 31 items, got 32\n");
    buf_reset (&yaml);
    (void) buf_text (&yaml, "routes:\n");
    for (int i = 0; i <= LIMIT_ROUTES; i++)
        (void) buf_printf (&yaml, "- {cluster: x, receiver: none}\n");
    s_refused (yaml.data, "route.yaml:1: routes: expected at most 64 items, got 65\n");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_receiver_has_one_way_and_a_name_of_its_own),
        cmocka_unit_test (test_a_signed_webhook_has_a_secret_that_cannot_be_guessed),
        cmocka_unit_test (test_a_token_that_is_none_of_a_bot_is_told),
        cmocka_unit_test (test_a_channel_needs_the_bot_and_is_named_by_its_id),
        cmocka_unit_test (test_a_route_names_a_receiver_and_known_severities),
        cmocka_unit_test (test_alerts_that_go_nowhere_are_warned_of),
        cmocka_unit_test (test_a_retention_below_an_hour_is_warned_of),
        cmocka_unit_test (test_what_can_never_happen_is_warned_of),
        cmocka_unit_test (test_the_core_gets_what_the_file_says),
        cmocka_unit_test (test_receivers_and_routes_are_bounded),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
