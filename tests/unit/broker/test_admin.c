//  test_admin - the real HTTP server on a free loopback port, over a real store.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/io/admin.h"
#include "broker/io/admin_part.h"
#include "broker/io/store.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 205 };

#define JSON "Content-Type: application/json\r\nContent-Length: 0\r\n"

typedef struct {
    char dir [64], db [96], root [96], keys [96];
    settings_t settings;
    clk_t *clk;
    store_t *store;
    snapshot_t *snapshot;
    mailbox_t *inbox;
    admin_t *admin;
    char ids [ROWS + 1][IDENT_SIZE];
    err_diag_t diag;
} fixture_t;

typedef struct {
    int status;
    buf_t text;       //  everything that came
    const char *body; //  in text
} answer_t;

//  --- a small HTTP client that can also be rude

static int
s_connect (const fixture_t *self)
{
    const char *colon = strrchr (admin_address (self->admin), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (fd, (struct sockaddr *) &to, sizeof (to)), 0);
    return fd;
}

static void
s_send_text (int fd, const char *text)
{
    size_t left = strlen (text);
    while (left > 0) {
        ssize_t sent = send (fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        left -= (size_t) sent;
    }
}

static void
s_read_answer (int fd, answer_t *ret)
{
    char chunk [4096];
    ret->text = buf_init (LIMIT_MIB (8));
    for (;;) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_int_equal (poll (&item, 1, 10000), 1);
        ssize_t size = recv (fd, chunk, sizeof (chunk), 0);
        if (size <= 0)
            break;
        buf_append (&ret->text, chunk, (size_t) size);
    }
    const char *split = strstr (ret->text.data, "\r\n\r\n");
    ret->body = split ? split + 4 : "";
    ret->status = ret->text.size > 12 ? (int) strtol (ret->text.data + 9, NULL, 10) : 0;
}

static answer_t
s_request (const fixture_t *self, const char *method, const char *path, const char *headers)
{
    answer_t answer;
    own (own_fd) int fd = s_connect (self);
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    buf_printf (&text, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
                path, headers);
    s_send_text (fd, text.data);
    s_read_answer (fd, &answer);
    return answer;
}

static answer_t
s_get (const fixture_t *self, const char *path)
{
    return s_request (self, "GET", path, "");
}

static json_t *
s_body_json (const answer_t *answer)
{
    json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    int rc = json_parse (answer->body, strlen (answer->body), &doc, &diag);
    if (rc)
        fail_msg ("not JSON: %s in %s", diag.text, answer->text.data);
    return doc;
}

static void
s_expect_error (answer_t answer, int status, const char *code)
{
    assert_int_equal (answer.status, status);
    json_t *doc = s_body_json (&answer);
    const json_t *error = json_object_get (doc, "error");
    assert_string_equal (json_member_text (error, "code", ""), code);
    assert_true (strlen (json_member_text (error, "message", "")) > 0);
    json_decref (doc);
    buf_fini (&answer.text);
}

static void
s_expect_status (answer_t answer, int status)
{
    assert_int_equal (answer.status, status);
    buf_fini (&answer.text);
}

//  --- setting up

static void
s_publish (fixture_t *self, int64_t age_ms)
{
    snapshot_data_t *data = snapshot_edit (self->snapshot);
    clk_now_t now = clk_now (self->clk);
    data->boot_ms = now.boot_ms - age_ms;
    data->wall_ms = now.wall_ms;
    data->started_ms = now.wall_ms;
    data->ready = true;
    data->stats.incidents [INCIDENT_PENDING] = 7;
    data->stats.events_total = 42;
    data->stats.events_suppressed [INCIDENT_SUPPRESS_OVERFLOW] = 3;
    data->stats.oldest_queued_ms = 1500;
    data->worker_count = 3;
    memset (data->workers, 0, 3 * sizeof (step_worker_t));
    snprintf (data->workers [0].name, ROW_NAME, "evil\"}\n\\name");
    snprintf (data->workers [1].name, ROW_NAME, "twin");
    snprintf (data->workers [2].name, ROW_NAME, "twin");
    data->workers [0].ready = true;
    data->workers [1].quarantined = true;
    data->workers [1].running = 1;
    data->workers [2].running = 2;
    data->source_count = 1;
    memset (data->sources, 0, sizeof (intake_source_t));
    snprintf (data->sources [0].cluster, sizeof (data->sources [0].cluster), "prod");
    snprintf (data->sources [0].state, sizeof (data->sources [0].state), "active");
    snapshot_publish (self->snapshot);
}

static void
s_fill (fixture_t *self)
{
    for (int i = 1; i <= ROWS; i++) {
        step_write_t write = {.kind = STEP_WRITE_INCIDENT};
        row_incident_t *row = &write.as.incident;
        row->id = ident_new (1000 + i);
        memcpy (self->ids [i], row->id.text, IDENT_SIZE);
        row->number = i;
        row->state = i % 2 ? INCIDENT_PENDING : INCIDENT_RESOLVED;
        if (i == 3)
            row->state = INCIDENT_FAILED;
        if (i == 5 || i == 7) {
            row->state = INCIDENT_SUPPRESSED;
            row->suppress = i == 5 ? INCIDENT_SUPPRESS_OVERFLOW : INCIDENT_SUPPRESS_DUPLICATE;
        }
        row->created_ms = row->first_seen_ms = row->last_seen_ms = 1700000000000 + i;
        row->occurrences = 1;
        row->exit_code = -1;
        row->attempts = i == 1;
        snprintf (row->source, sizeof (row->source), "test");
        snprintf (row->event_id, sizeof (row->event_id), "event-%d", i);
        snprintf (row->fault.cluster, sizeof (row->fault.cluster), "prod");
        snprintf (row->fault.name, sizeof (row->fault.name), "pod\"<b>%d", i);
        assert_int_equal (store_apply (self->store, &write), 0);

        step_write_t record = {.kind = STEP_WRITE_RECORD};
        record.as.record = (row_record_t){.seq = i,
                                          .prev = i - 1,
                                          .at_ms = 1,
                                          .kind = "incident",
                                          .cluster = "prod",
                                          .change = "pending"};
        assert_int_equal (store_apply (self->store, &record), 0);
    }
    step_write_t attempt = {.kind = STEP_WRITE_ATTEMPT};
    memcpy (attempt.as.attempt.incident.text, self->ids [1], IDENT_SIZE);
    attempt.as.attempt.number = 1;
    attempt.as.attempt.state = ROW_ATTEMPT_ENDED;
    attempt.as.attempt.outcome = VERDICT_AGENT;
    attempt.as.attempt.exit_code = 7;
    snprintf (attempt.as.attempt.worker, ROW_NAME, "w1");
    assert_int_equal (store_apply (self->store, &attempt), 0);
    step_write_t effect = {.kind = STEP_WRITE_EFFECT};
    effect.as.effect.id = 1;
    effect.as.effect.state = ROW_EFFECT_DEAD;
    snprintf (effect.as.effect.key, sizeof (effect.as.effect.key), "storage/%s", self->ids [1]);
    memcpy (effect.as.effect.incident.text, self->ids [1], IDENT_SIZE);
    assert_int_equal (store_apply (self->store, &effect), 0);
    assert_int_equal (store_commit (self->store), 0);
}

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof (fixture_t));
    snprintf (self->dir, sizeof (self->dir), "/tmp/test_admin.XXXXXX");
    assert_non_null (mkdtemp (self->dir));
    snprintf (self->db, sizeof (self->db), "%s/broker.db", self->dir);
    snprintf (self->root, sizeof (self->root), "%s/incidents", self->dir);
    snprintf (self->keys, sizeof (self->keys), "%s/keys", self->dir);
    self->settings = (settings_t){.admin_listen = "127.0.0.1:0",
                                  .keys_dir = self->keys,
                                  .state_path = self->db,
                                  .workspace_root = self->root};
    self->clk = clk_new ();
    self->snapshot = snapshot_new ();
    self->inbox = mailbox_new (4, mail_item_destroy);
    if (store_open (self->db, &self->store, &self->diag))
        fail_msg ("%s", self->diag.text);
    s_fill (self);
    s_publish (self, 0);
    self->admin = admin_new (&self->settings, self->snapshot, self->inbox, &self->diag);
    if (!self->admin)
        fail_msg ("%s", self->diag.text);
    *state = self;
    return 0;
}

static int
s_remove (const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    return remove (path);
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    admin_destroy (&self->admin);
    admin_destroy (&self->admin);
    mailbox_destroy (&self->inbox);
    snapshot_destroy (&self->snapshot);
    store_destroy (&self->store);
    clk_destroy (&self->clk);
    assert_int_equal (nftw (self->dir, s_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
    free (self);
    return 0;
}

//  --- health

static void
test_healthy_while_the_snapshot_is_young (void **state)
{
    fixture_t *self = *state;
    s_expect_status (s_get (self, "/healthz"), 200);
    s_expect_status (s_get (self, "/-/healthy"), 200);
    s_publish (self, LIMIT_SNAPSHOT_STALE_MS + 1);
    s_expect_error (s_get (self, "/healthz"), 503, "stale");
    s_expect_error (s_get (self, "/readyz"), 503, "stale");
}

static void
test_not_ready_while_draining_or_refusing (void **state)
{
    fixture_t *self = *state;
    s_expect_status (s_get (self, "/readyz"), 200);
    snapshot_edit (self->snapshot)->store.refusing = true;
    s_publish (self, 0);
    s_expect_error (s_get (self, "/readyz"), 503, "store");
    snapshot_edit (self->snapshot)->draining = true;
    s_publish (self, 0);
    s_expect_error (s_get (self, "/readyz"), 503, "draining");
    s_expect_status (s_get (self, "/healthz"), 200);
}

static void
test_metrics_are_prometheus_text_and_escaped (void **state)
{
    answer_t answer = s_get (*state, "/metrics");
    assert_int_equal (answer.status, 200);
    static const char *const lines [] = {
        "\ntriage_incidents{state=\"pending\"} 7\n",
        "\ntriage_events_received_total 42\n",
        "\ntriage_events_suppressed_total{reason=\"overflow\"} 3\n",
        "\ntriage_queue_oldest_age_seconds 1.500\n",
        "\ntriage_mcp_connection_up{cluster=\"prod\"} 1\n",
        "\ntriage_workers{state=\"quarantined\"} 1\n",
        "\ntriage_dead_letters 1\n",
        "\ntriage_effects{state=\"dead\"} 1\n",
        "\ntriage_worker_slots{worker=\"twin\",state=\"running\"} 3\n",
        "\ntriage_worker_slots{worker=\"evil\\\"}?\\\\name\",state=\"free\"} 0\n",
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
    answer_t answer = s_get (*state, "/api/v1/workers");
    own (json_drop) json_t *doc = s_body_json (&answer);
    const json_t *list = json_object_get (doc, "workers");
    assert_int_equal (json_array_size (list), 3);
    assert_string_equal (json_member_text (json_array_get (list, 0), "name", ""),
                         "evil\"}\n\\name");
    buf_fini (&answer.text);
}

static void
test_status_shows_the_snapshot (void **state)
{
    answer_t answer = s_get (*state, "/api/v1/status");
    own (json_drop) json_t *doc = s_body_json (&answer);
    assert_int_equal (json_member_int (json_object_get (doc, "incidents"), "pending", 0), 7);
    assert_int_equal (json_member_int (json_object_get (doc, "events"), "total", 0), 42);
    assert_int_equal (json_array_size (json_object_get (doc, "sources")), 1);
    assert_int_equal (json_member_int (json_object_get (doc, "effects"), "dead", 0), 1);
    assert_int_equal (json_member_int (doc, "dead_letters", 0), 1);
    buf_fini (&answer.text);
}

//  Read one page; returns its `next`, 0 for none, and adds its size to *count.
static int64_t
s_page (const fixture_t *self, const char *path, int64_t *first, size_t *count)
{
    answer_t answer = s_get (self, path);
    assert_int_equal (answer.status, 200);
    own (json_drop) json_t *doc = s_body_json (&answer);
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
    assert_int_equal (first, ROWS);
    assert_int_equal (s_page (*state, "/api/v1/incidents?before=6", &first, &count), 0);
    assert_int_equal (count, ROWS);
    assert_int_equal (first, 5);
    count = 0;
    assert_int_equal (s_page (*state, "/api/v1/incidents?state=resolved&limit=2", &first, &count),
                      202);
    assert_int_equal (count, 2);
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
    fixture_t *self = *state;
    answer_t answer = s_get (self, "/api/v1/effects");
    own (json_drop) json_t *doc = s_body_json (&answer);
    const json_t *list = json_object_get (doc, "effects");
    assert_int_equal (json_array_size (list), 1);
    assert_string_equal (json_member_text (json_array_get (list, 0), "incident", ""),
                         self->ids [1]);
    assert_string_equal (json_member_text (json_array_get (list, 0), "state", ""), "dead");
    buf_fini (&answer.text);
    answer = s_get (self, "/api/v1/effects?state=ready");
    own (json_drop) json_t *none = s_body_json (&answer);
    assert_int_equal (json_array_size (json_object_get (none, "effects")), 0);
    buf_fini (&answer.text);
}

static void
test_clusters_are_listed_with_a_summary (void **state)
{
    answer_t answer = s_get (*state, "/api/v1/clusters");
    own (json_drop) json_t *doc = s_body_json (&answer);
    const json_t *cluster = json_array_get (json_object_get (doc, "clusters"), 0);
    assert_string_equal (json_member_text (cluster, "cluster", ""), "prod");
    assert_int_equal (json_member_int (json_object_get (doc, "summary"), "active", 0), 1);
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
        s_expect_error (s_get (*state, paths [i]), 400, "bad_query");
}

static void
test_an_incident_has_its_attempts_effects_and_files (void **state)
{
    fixture_t *self = *state;
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
    answer_t answer = s_get (self, path);
    assert_int_equal (answer.status, 200);
    own (json_drop) json_t *doc = s_body_json (&answer);
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
    s_expect_error (s_get (*state, "/api/v1/incidents/../../etc/passwd"), 404, "not_found");
    s_expect_error (s_get (*state, "/api/v1/incidents/0190f5fe-7c00-7000-8000-000000000000"), 404,
                    "not_found");
    s_expect_error (s_get (*state, "/"), 404, "not_found");
    s_expect_error (s_get (*state, "/api/v1/incidents/999"), 404, "not_found");
    s_expect_status (s_get (*state, "/api/v1/incidents/7"), 200);
    s_expect_error (s_get (*state, "/api/v1/incidents/"), 404, "not_found");
}

static void
test_the_stream_is_replayed_a_page_at_a_time (void **state)
{
    answer_t answer = s_get (*state, "/api/v1/stream?after=3&limit=2");
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

    answer = s_get (*state, "/api/v1/stream?after=205");
    assert_int_equal (answer.status, 200);
    assert_non_null (strstr (answer.text.data, "X-Next-After: 205\r\n"));
    assert_string_equal (answer.body, "");
    buf_fini (&answer.text);
}

//  --- methods, bodies, origins

static void
test_a_wrong_method_names_the_right_one (void **state)
{
    fixture_t *self = *state;
    answer_t answer = s_request (self, "POST", "/api/v1/status", JSON);
    assert_non_null (strstr (answer.text.data, "Allow: GET, HEAD\r\n"));
    s_expect_error (answer, 405, "method");
    answer = s_get (self, "/api/v1/workers/w1/drain");
    assert_non_null (strstr (answer.text.data, "Allow: POST\r\n"));
    s_expect_error (answer, 405, "method");
    answer = s_request (self, "HEAD", "/healthz", "");
    assert_string_equal (answer.body, "");
    s_expect_status (answer, 200);
}

static void
test_a_large_body_is_refused (void **state)
{
    fixture_t *self = *state;
    s_expect_error (
        s_request (self, "POST", "/api/v1/workers/w1/drain", "Content-Length: 1048577\r\n"), 413,
        "too_large");

    own (own_fd) int fd = s_connect (self);
    own (buf_fini) buf_t chunk = buf_init (LIMIT_MIB (2));
    own (own_mem) char *zeros = calloc (1, LIMIT_KIB (64) + 1);
    memset (zeros, 'a', LIMIT_KIB (64));
    s_send_text (
        fd, "POST /api/v1/workers/w1/drain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
    buf_printf (&chunk, "10000\r\n%s\r\n", zeros);
    for (int i = 0; i < 17; i++)
        s_send_text (fd, chunk.data);
    s_send_text (fd, "0\r\n\r\n");
    answer_t answer;
    s_read_answer (fd, &answer);
    s_expect_error (answer, 413, "too_large");
    assert_int_equal (mailbox_count (self->inbox), 0);
}

static void
test_web_pages_cannot_command (void **state)
{
    fixture_t *self = *state;
    s_expect_error (s_request (self, "POST", "/api/v1/workers/w1/drain",
                               "Origin: http://evil.example\r\n" JSON),
                    403, "forbidden");
    //  What a page may send unasked (a form) is no command either.
    s_expect_error (s_request (self, "POST", "/api/v1/workers/w1/drain",
                               "Content-Type: text/plain; x=application/json\r\n"
                               "Content-Length: 0\r\n"),
                    415, "content_type");
    s_expect_error (s_request (self, "POST", "/api/v1/workers/w1/drain", "Content-Length: 0\r\n"),
                    415, "content_type");
    assert_int_equal (mailbox_count (self->inbox), 0);
}

//  DNS rebinding: the page's own name points here, so its browser sends that name.
static void
test_a_host_that_is_no_address_is_refused (void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases [] = {
        {"evil.example", 403},        {"evil.example:5580", 403}, {"127.0.0.1.evil.example", 403},
        {"localhost.evil", 403},      {"127.0.0.1@evil", 403},    {"[::1].evil", 403},
        {"127.0.0.1:5580.evil", 403}, {"127.0.0.1:5580", 200},    {"LOCALHOST:1", 200},
        {"[::1]:5580", 200},          {"192.168.0.7", 200},
    };
    fixture_t *self = *state;
    for (size_t i = 0; i < sizeof (cases) / sizeof (cases [0]); i++) {
        answer_t answer;
        own (own_fd) int fd = s_connect (self);
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
        buf_printf (&text, "GET /api/v1/status HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                    cases [i].host);
        s_send_text (fd, text.data);
        s_read_answer (fd, &answer);
        if (answer.status != cases [i].status)
            fail_msg ("%s: %d", cases [i].host, answer.status);
        buf_fini (&answer.text);
    }
}

//  --- commands

typedef struct {
    fixture_t *fixture;
    int rc;
    step_command_t command;
    char worker [ROW_NAME];
    ident_t incident;
    int64_t effect;
} answerer_t;

//  Stands where the broker's loop is: takes one COMMAND and answers it.
static void *
s_loop (void *arg)
{
    answerer_t *self = arg;
    struct pollfd item = {.fd = mailbox_fd (self->fixture->inbox), .events = POLLIN};
    if (poll (&item, 1, 10000) != 1)
        return NULL;
    own (mail_destroy) mail_t *mail = mailbox_recv (self->fixture->inbox);
    self->command = mail->as.command.command;
    self->incident = mail->as.command.incident;
    self->effect = mail->as.command.effect;
    memcpy (self->worker, mail->as.command.worker, ROW_NAME);
    own (mail_destroy) mail_t *reply = mail_new (MAIL_COMMAND_REPLY);
    reply->as.command_reply.cookie = mail->as.command.cookie;
    reply->as.command_reply.rc = self->rc;
    if (mailbox_send (mail->as.command.reply, &reply))
        return NULL;
    return self;
}

static answer_t
s_post (fixture_t *self, const char *path, int rc, answerer_t *ret_seen)
{
    pthread_t thread;
    *ret_seen = (answerer_t){.fixture = self, .rc = rc};
    assert_int_equal (pthread_create (&thread, NULL, s_loop, ret_seen), 0);
    answer_t answer = s_request (self, "POST", path, JSON);
    pthread_join (thread, NULL);
    return answer;
}

static void
test_a_command_goes_to_the_loop_and_its_answer_comes_back (void **state)
{
    fixture_t *self = *state;
    answerer_t seen;
    s_expect_status (s_post (self, "/api/v1/workers/w%2F1/drain", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_DRAIN);
    assert_string_equal (seen.worker, "w/1");

    char path [128];
    snprintf (path, sizeof (path), "/api/v1/incidents/%s/retry", self->ids [2]);
    s_expect_error (s_post (self, path, ERR_STALE, &seen), 409, "conflict");
    assert_int_equal (seen.command, STEP_COMMAND_RETRY);
    assert_string_equal (seen.incident.text, self->ids [2]);
    s_expect_error (s_post (self, path, ERR_NONE, &seen), 404, "not_found");
    s_expect_status (s_post (self, "/api/v1/incidents/2/cancel", 0, &seen), 200);
    assert_string_equal (seen.incident.text, self->ids [2]);
    s_expect_error (s_request (self, "POST", "/api/v1/incidents/999/cancel", JSON), 404,
                    "not_found");
    s_expect_error (s_post (self, path, ERR_STORE, &seen), 503, "refused");

    s_expect_status (s_post (self, "/api/v1/effects/17/retry", 0, &seen), 200);
    assert_int_equal (seen.command, STEP_COMMAND_EFFECT_RETRY);
    assert_int_equal (seen.effect, 17);
    s_expect_error (s_request (self, "POST", "/api/v1/effects/0/retry", JSON), 404, "not_found");
    s_expect_error (s_request (self, "POST", "/api/v1/effects/1x/retry", JSON), 404, "not_found");
}

static void
test_a_silent_loop_costs_two_seconds_and_holds_up_nobody (void **state)
{
    fixture_t *self = *state;
    own (own_fd) int fd = s_connect (self);
    int64_t from_ms = clk_now (self->clk).boot_ms;
    s_send_text (
        fd,
        "POST /api/v1/workers/w1/resume HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" JSON
        "\r\n");
    struct pollfd item = {.fd = mailbox_fd (self->inbox), .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    s_expect_status (s_get (self, "/healthz"), 200);
    assert_true (clk_now (self->clk).boot_ms - from_ms < LIMIT_COMMAND_MS);
    answer_t answer;
    s_read_answer (fd, &answer);
    assert_true (clk_now (self->clk).boot_ms - from_ms >= LIMIT_COMMAND_MS);
    s_expect_error (answer, 504, "timeout");
    s_expect_status (s_get (self, "/healthz"), 200);
}

static void
test_a_full_inbox_is_told_at_once (void **state)
{
    fixture_t *self = *state;
    for (int i = 0; i < 4; i++) {
        mail_t *mail = mail_new (MAIL_SOURCE);
        assert_int_equal (mailbox_send (self->inbox, &mail), 0);
    }
    s_expect_error (s_request (self, "POST", "/api/v1/workers/w1/drain", JSON), 503, "busy");
}

static void
test_stopping_answers_who_waits (void **state)
{
    fixture_t *self = *state;
    own (own_fd) int fd = s_connect (self);
    s_send_text (
        fd,
        "POST /api/v1/workers/w1/resume HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" JSON
        "\r\n");
    struct pollfd item = {.fd = mailbox_fd (self->inbox), .events = POLLIN};
    assert_int_equal (poll (&item, 1, 10000), 1);
    admin_destroy (&self->admin);
    answer_t answer;
    s_read_answer (fd, &answer);
    s_expect_error (answer, 503, "draining");
}

//  --- addresses

static void
test_a_foreign_address_needs_keys (void **state)
{
    fixture_t *self = *state;
    err_diag_t diag = {.text = ""};
    self->settings.admin_listen = "0.0.0.0:0";
    assert_null (admin_new (&self->settings, self->snapshot, self->inbox, &diag));
    assert_non_null (strstr (diag.text, "loopback"));
    assert_int_equal (mkdir (self->keys, 0700), 0);
    admin_t *other = admin_new (&self->settings, self->snapshot, self->inbox, &diag);
    assert_non_null (other);
    admin_destroy (&other);
}

static void
test_a_bad_or_taken_address_is_said (void **state)
{
    fixture_t *self = *state;
    static const char *const bad [] = {"5580", "127.0.0.1", "127.0.0.1:", "nosuch.host:1", ":5580"};
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        err_diag_t diag = {.text = ""};
        self->settings.admin_listen = bad [i];
        assert_null (admin_new (&self->settings, self->snapshot, self->inbox, &diag));
        assert_non_null (strstr (diag.text, "admin_listen"));
    }
    err_diag_t diag = {.text = ""};
    self->settings.admin_listen = admin_address (self->admin);
    assert_null (admin_new (&self->settings, self->snapshot, self->inbox, &diag));
    assert_non_null (strstr (diag.text, "admin_listen"));
}

#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        ADMIN_TEST (test_healthy_while_the_snapshot_is_young),
        ADMIN_TEST (test_not_ready_while_draining_or_refusing),
        ADMIN_TEST (test_metrics_are_prometheus_text_and_escaped),
        ADMIN_TEST (test_workers_with_hostile_names_stay_one_string),
        ADMIN_TEST (test_status_shows_the_snapshot),
        ADMIN_TEST (test_incidents_come_in_pages_newest_first),
        ADMIN_TEST (test_a_bad_query_is_refused),
        ADMIN_TEST (test_an_incident_has_its_attempts_effects_and_files),
        ADMIN_TEST (test_unknown_incidents_and_pages_are_not_found),
        ADMIN_TEST (test_the_stream_is_replayed_a_page_at_a_time),
        ADMIN_TEST (test_a_wrong_method_names_the_right_one),
        ADMIN_TEST (test_a_large_body_is_refused),
        ADMIN_TEST (test_web_pages_cannot_command),
        ADMIN_TEST (test_a_host_that_is_no_address_is_refused),
        ADMIN_TEST (test_effects_are_listed_by_state),
        ADMIN_TEST (test_clusters_are_listed_with_a_summary),
        ADMIN_TEST (test_a_command_goes_to_the_loop_and_its_answer_comes_back),
        ADMIN_TEST (test_a_silent_loop_costs_two_seconds_and_holds_up_nobody),
        ADMIN_TEST (test_a_full_inbox_is_told_at_once),
        ADMIN_TEST (test_stopping_answers_who_waits),
        ADMIN_TEST (test_a_foreign_address_needs_keys),
        ADMIN_TEST (test_a_bad_or_taken_address_is_said),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
