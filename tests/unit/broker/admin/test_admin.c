//  test_admin - pages of the admin: health, metrics, lists, one incident, the stream.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/admin/admin_case.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

//  --- health

static void
test_healthy_while_the_snapshot_is_young (void **state)
{
    admin_case_t *self = *state;
    admin_case_expect_status (admin_case_get (self, "/healthz"), 200);
    admin_case_expect_status (admin_case_get (self, "/-/healthy"), 200);
    admin_case_publish (self, LIMIT_SNAPSHOT_STALE_MS + 1);
    admin_case_expect_error (admin_case_get (self, "/healthz"), 503, "stale");
    admin_case_expect_error (admin_case_get (self, "/readyz"), 503, "stale");
}

static void
test_not_ready_while_draining_or_refusing (void **state)
{
    admin_case_t *self = *state;
    admin_case_expect_status (admin_case_get (self, "/readyz"), 200);
    snapshot_edit (self->snapshot)->store.refusing = true;
    admin_case_publish (self, 0);
    admin_case_expect_error (admin_case_get (self, "/readyz"), 503, "store");
    snapshot_edit (self->snapshot)->draining = true;
    admin_case_publish (self, 0);
    admin_case_expect_error (admin_case_get (self, "/readyz"), 503, "draining");
    admin_case_expect_status (admin_case_get (self, "/healthz"), 200);
}

static void
test_metrics_are_prometheus_text_and_escaped (void **state)
{
    admin_answer_t answer = admin_case_get (*state, "/metrics");
    assert_int_equal (answer.status, 200);
    static const char *const lines [] = {
        "\ntriage_incidents{state=\"pending\"} 100\n",
        "\ntriage_events_received_total{cluster=\"edge\\\"\",severity=\"critical\"} 42\n",
        "\ntriage_events_suppressed_total{cluster=\"edge\\\"\",reason=\"overflow\"} 3\n",
        "\ntriage_queue_depth{cluster=\"edge\\\"\"} 7\n",
        "\ntriage_agents_active{cluster=\"edge\\\"\"} 2\n",
        "\ntriage_config_last_reload_successful 1\n",
        "\ntriage_time_to_report_seconds_bucket{le=\"0.01\"} 0\n",
        "\ntriage_time_to_report_seconds_bucket{le=\"5\"} 0\n",
        "\ntriage_time_to_report_seconds_bucket{le=\"10\"} 1\n",
        "\ntriage_time_to_report_seconds_bucket{le=\"3600\"} 1\n",
        "\ntriage_time_to_report_seconds_bucket{le=\"+Inf\"} 3\n",
        "\ntriage_time_to_report_seconds_sum 8000.500\n",
        "\ntriage_time_to_report_seconds_count 3\n",
        "\ntriage_agent_run_duration_seconds_count{outcome=\"success\"} 0\n",
        "\ntriage_queue_oldest_age_seconds 1.500\n",
        "\ntriage_mcp_connection_up{cluster=\"prod\"} 1\n",
        "\ntriage_mcp_reconnects_total{cluster=\"prod\",reason=\"stream\"} 2\n",
        "\ntriage_mcp_reconnects_total{cluster=\"prod\",reason=\"session\"} 3\n",
        "\ntriage_notifications_suppressed_total{reason=\"disabled\"} 4\n",
        "\ntriage_notifications_suppressed_total{reason=\"overflow_repeated\"} 0\n",
        "\ntriage_workers{state=\"quarantined\"} 1\n",
        "\ntriage_workers_held{class=\"infra\"} 1\n",
        "\ntriage_workers_held{class=\"quota\"} 1\n",
        "\ntriage_workers_held{class=\"auth\"} 0\n",
        "\ntriage_workers_held{class=\"other\"} 0\n",
        "\ntriage_dead_letters 1\n",
        "\ntriage_effects{state=\"dead\"} 1\n",
        "\ntriage_worker_slots{worker=\"twin\",state=\"running\"} 3\n",
        "\ntriage_worker_slots{worker=\"evil\\\"}\\n\\\\name\",state=\"free\"} 0\n",
        "\n# TYPE triage_leases_expired_total counter\n",
        "triage_build_info{version=",
        "\nprocess_resident_memory_bytes ",
    };
    for (size_t i = 0; i < sizeof (lines) / sizeof (lines [0]); i++)
        if (!strstr (answer.body, lines [i]))
            fail_msg ("missing %s", lines [i]);
    buf_fini (&answer.text);
}

//  --- lists

static void
test_workers_with_hostile_names_stay_one_string (void **state)
{
    admin_answer_t answer = admin_case_get (*state, "/api/v1/workers");
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    const json_t *list = json_object_get (doc, "workers");
    assert_int_equal (json_array_size (list), 3);
    assert_string_equal (json_member_text (json_array_get (list, 0), "name", ""),
                         "evil\"}\n\\name");
    buf_fini (&answer.text);
}

static void
test_status_shows_the_snapshot (void **state)
{
    admin_answer_t answer = admin_case_get (*state, "/api/v1/status");
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    assert_int_equal (json_member_int (json_object_get (doc, "incidents"), "pending", 0), 100);
    assert_int_equal (json_member_int (json_object_get (doc, "suppressed"), "overflow", 0), 1);
    assert_int_equal (json_member_int (doc, "without_report", 0), 1);
    assert_int_equal (json_member_int (json_object_get (doc, "events"), "total", 0), 42);
    assert_int_equal (json_array_size (json_object_get (doc, "sources")), 1);
    assert_int_equal (json_member_int (json_object_get (doc, "effects"), "dead", 0), 1);
    assert_int_equal (json_member_int (doc, "dead_letters", 0), 1);
    buf_fini (&answer.text);
}

//  Read one page; returns its `next`, 0 for none, and adds its size to *count.
static int64_t
s_page (const admin_case_t *self, const char *path, int64_t *first, size_t *count)
{
    admin_answer_t answer = admin_case_get (self, path);
    assert_int_equal (answer.status, 200);
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    const json_t *list = json_object_get (doc, "incidents");
    *count += json_array_size (list);
    *first = json_member_int (json_array_get (list, 0), "number", 0);
    buf_fini (&answer.text);
    return json_member_int (doc, "next", 0);
}

static void
test_incidents_come_in_pages_newest_first (void **state)
{
    int64_t first = 0;
    size_t count = 0;
    assert_int_equal (s_page (*state, "/api/v1/incidents", &first, &count), 6);
    assert_int_equal (count, LIMIT_HTTP_PAGE_ROWS);
    assert_int_equal (first, ADMIN_CASE_ROWS);
    assert_int_equal (s_page (*state, "/api/v1/incidents?before=6", &first, &count), 0);
    assert_int_equal (count, ADMIN_CASE_ROWS);
    assert_int_equal (first, 5);
    count = 0;
    assert_int_equal (s_page (*state, "/api/v1/incidents?state=reported&limit=2", &first, &count),
                      202);
    assert_int_equal (count, 2);
    assert_int_equal (first, 204);
    //  the old name of this state
    assert_int_equal (s_page (*state, "/api/v1/incidents?state=resolved&limit=2", &first, &count),
                      202);
    assert_int_equal (first, 204);
    count = 0;
    assert_int_equal (
        s_page (*state, "/api/v1/incidents?state=suppressed&reason=overflow", &first, &count), 0);
    assert_int_equal (count, 1);
    assert_int_equal (first, 5);
}

static void
test_effects_are_listed_by_state (void **state)
{
    admin_case_t *self = *state;
    admin_answer_t answer = admin_case_get (self, "/api/v1/effects");
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    const json_t *list = json_object_get (doc, "effects");
    assert_int_equal (json_array_size (list), 1);
    assert_string_equal (json_member_text (json_array_get (list, 0), "incident", ""),
                         self->ids [1]);
    assert_string_equal (json_member_text (json_array_get (list, 0), "state", ""), "dead");
    buf_fini (&answer.text);
    answer = admin_case_get (self, "/api/v1/effects?state=ready");
    own (json_drop) json_t *none = admin_case_body_json (&answer);
    assert_int_equal (json_array_size (json_object_get (none, "effects")), 0);
    buf_fini (&answer.text);
}

static void
test_clusters_are_listed_with_a_summary (void **state)
{
    admin_answer_t answer = admin_case_get (*state, "/api/v1/clusters");
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    const json_t *list = json_object_get (doc, "clusters");
    const json_t *cluster = json_array_get (list, 0);
    assert_string_equal (json_member_text (cluster, "cluster", ""), "prod");
    assert_string_equal (json_member_text (json_object_get (cluster, "mcp"), "state", ""),
                         "active");
    cluster = json_array_get (list, 1); //  only its events are known
    assert_string_equal (json_member_text (cluster, "cluster", ""), "edge\"");
    assert_true (json_is_null (json_object_get (cluster, "mcp")));
    assert_int_equal (json_member_int (cluster, "events_total", 0), 42);
    assert_int_equal (json_member_int (cluster, "pending", 0), 7);
    const json_t *summary = json_object_get (doc, "summary");
    assert_int_equal (json_member_int (summary, "total", 0), 2);
    assert_int_equal (json_member_int (summary, "active", 0), 1);
    assert_int_equal (json_member_int (summary, "unhealthy", -1), 0);
    buf_fini (&answer.text);
}

static void
test_a_bad_query_is_refused (void **state)
{
    static const char *const paths [] = {
        "/api/v1/incidents?limit=201",
        "/api/v1/incidents?limit=0",
        "/api/v1/incidents?limit=x",
        "/api/v1/incidents?state=lost",
        "/api/v1/incidents?state",
        "/api/v1/incidents?stat=failed",
        "/api/v1/incidents?before=-1",
        "/api/v1/stream?after=1e3",
        "/api/v1/incidents?reason=overflow",
        "/api/v1/effects?state=lost",
        "/api/v1/incidents?state=suppressed&reason=x",
        "/api/v1/effects?reason=overflow",
        "/api/v1/stream?before=3",
        "/api/v1/stream?after=99999999999999999999",
    };
    for (size_t i = 0; i < sizeof (paths) / sizeof (paths [0]); i++)
        admin_case_expect_error (admin_case_get (*state, paths [i]), 400, "bad_query");
}

static void
test_an_incident_has_its_attempts_effects_and_files (void **state)
{
    admin_case_t *self = *state;
    char path [256];
    snprintf (path, sizeof (path), "%s", self->root);
    assert_int_equal (mkdir (path, 0700), 0);
    snprintf (path, sizeof (path), "%s/%s", self->root, self->ids [1]);
    assert_int_equal (mkdir (path, 0700), 0);
    snprintf (path, sizeof (path), "%s/%s/output", self->root, self->ids [1]);
    assert_int_equal (mkdir (path, 0700), 0);
    snprintf (path, sizeof (path), "%s/%s/output/investigation.md", self->root, self->ids [1]);
    FILE *file = fopen (path, "we");
    assert_non_null (file);
    fputs ("report", file);
    fclose (file);
    snprintf (path, sizeof (path), "%s/%s/link", self->root, self->ids [1]);
    assert_int_equal (symlink ("/etc/passwd", path), 0);

    snprintf (path, sizeof (path), "/api/v1/incidents/%s", self->ids [1]);
    admin_answer_t answer = admin_case_get (self, path);
    assert_int_equal (answer.status, 200);
    own (json_drop) json_t *doc = admin_case_body_json (&answer);
    assert_string_equal (json_member_text (doc, "id", ""), self->ids [1]);
    assert_string_equal (json_member_text (json_object_get (doc, "resource"), "name", ""),
                         "pod\"<b>1");
    const json_t *attempt = json_array_get (json_object_get (doc, "attempts"), 0);
    assert_string_equal (json_member_text (attempt, "outcome", ""), "agent");
    assert_int_equal (json_member_int (attempt, "exit_code", 0), 7);
    assert_int_equal (json_array_size (json_object_get (doc, "effects")), 1);
    const json_t *files = json_object_get (json_object_get (doc, "artifacts"), "files");
    assert_int_equal (json_array_size (files), 1);
    assert_string_equal (json_member_text (json_array_get (files, 0), "path", ""),
                         "output/investigation.md");
    assert_int_equal (json_member_int (json_array_get (files, 0), "size", 0), 6);
    buf_fini (&answer.text);
}

static void
test_unknown_incidents_and_pages_are_not_found (void **state)
{
    admin_case_expect_error (admin_case_get (*state, "/api/v1/incidents/../../etc/passwd"), 404,
                             "not_found");
    admin_case_expect_error (
        admin_case_get (*state, "/api/v1/incidents/0190f5fe-7c00-7000-8000-000000000000"), 404,
        "not_found");
    admin_case_expect_error (admin_case_get (*state, "/"), 404, "not_found");
    admin_case_expect_error (admin_case_get (*state, "/api/v1/incidents/999"), 404, "not_found");
    admin_case_expect_status (admin_case_get (*state, "/api/v1/incidents/7"), 200);
    admin_case_expect_error (admin_case_get (*state, "/api/v1/incidents/"), 404, "not_found");
}

static void
test_the_stream_is_replayed_a_page_at_a_time (void **state)
{
    admin_answer_t answer = admin_case_get (*state, "/api/v1/stream?after=3&limit=2");
    assert_int_equal (answer.status, 200);
    assert_non_null (strstr (answer.text.data, "X-Next-After: 5\r\n"));
    assert_non_null (strstr (answer.text.data, "Content-Type: application/x-ndjson\r\n"));
    const char *second = strchr (answer.body, '\n');
    assert_non_null (second);
    own (json_drop) json_t *record = NULL;
    assert_int_equal (json_parse_prefix (second + 1, strlen (second + 1), &record, NULL), 0);
    assert_int_equal (json_member_int (record, "seq", 0), 5);
    assert_int_equal (json_member_int (record, "prev", 0), 4);
    assert_string_equal (json_member_text (record, "topic", ""), "incident/prod/");
    buf_fini (&answer.text);

    answer = admin_case_get (*state, "/api/v1/stream?after=205");
    assert_int_equal (answer.status, 200);
    assert_non_null (strstr (answer.text.data, "X-Next-After: 205\r\n"));
    assert_string_equal (answer.body, "");
    buf_fini (&answer.text);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        ADMIN_CASE (test_healthy_while_the_snapshot_is_young),
        ADMIN_CASE (test_not_ready_while_draining_or_refusing),
        ADMIN_CASE (test_metrics_are_prometheus_text_and_escaped),
        ADMIN_CASE (test_workers_with_hostile_names_stay_one_string),
        ADMIN_CASE (test_status_shows_the_snapshot),
        ADMIN_CASE (test_incidents_come_in_pages_newest_first),
        ADMIN_CASE (test_effects_are_listed_by_state),
        ADMIN_CASE (test_clusters_are_listed_with_a_summary),
        ADMIN_CASE (test_a_bad_query_is_refused),
        ADMIN_CASE (test_an_incident_has_its_attempts_effects_and_files),
        ADMIN_CASE (test_unknown_incidents_and_pages_are_not_found),
        ADMIN_CASE (test_the_stream_is_replayed_a_page_at_a_time),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
