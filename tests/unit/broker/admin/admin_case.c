//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/admin/admin_case.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

//  --- a small HTTP client that can also be rude

int
admin_case_connect (const admin_case_t *self)
{
    const char *colon = strrchr (admin_address (self->admin), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (connect (fd, (struct sockaddr *) &to, sizeof (to)), 0);
    return fd;
}

void
admin_case_send_text (int fd, const char *text)
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

void
admin_case_read_answer (int fd, admin_answer_t *ret)
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

admin_answer_t
admin_case_request (const admin_case_t *self, const char *method, const char *path,
                    const char *headers)
{
    admin_answer_t answer;
    own (own_fd) int fd = admin_case_connect (self);
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    buf_printf (&text, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
                path, headers);
    admin_case_send_text (fd, text.data);
    admin_case_read_answer (fd, &answer);
    return answer;
}

admin_answer_t
admin_case_get (const admin_case_t *self, const char *path)
{
    return admin_case_request (self, "GET", path, "");
}

json_t *
admin_case_body_json (const admin_answer_t *answer)
{
    json_t *doc = NULL;
    err_diag_t diag = {.text = ""};
    int rc = json_parse (answer->body, strlen (answer->body), &doc, &diag);
    if (rc)
        fail_msg ("not ADMIN_CASE_JSON: %s in %s", diag.text, answer->text.data);
    return doc;
}

void
admin_case_expect_error (admin_answer_t answer, int status, const char *code)
{
    assert_int_equal (answer.status, status);
    json_t *doc = admin_case_body_json (&answer);
    const json_t *error = json_object_get (doc, "error");
    assert_string_equal (json_member_text (error, "code", ""), code);
    assert_true (strlen (json_member_text (error, "message", "")) > 0);
    json_decref (doc);
    buf_fini (&answer.text);
}

void
admin_case_expect_status (admin_answer_t answer, int status)
{
    assert_int_equal (answer.status, status);
    buf_fini (&answer.text);
}

//  --- setting up

void
admin_case_publish (admin_case_t *self, int64_t age_ms)
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
    data->workers [0].held = true;
    data->workers [0].class = RUN_CLASS_INFRA;
    data->workers [1].quarantined = true;
    data->workers [1].class = RUN_CLASS_QUOTA;
    data->workers [1].running = 1;
    data->workers [2].running = 2;
    data->reloaded = true;
    data->stats.report_time.buckets [5] = 1;
    data->stats.report_time.buckets [STEP_BOUNDS] = 2;
    data->stats.report_time.sum_ms = 8000500;
    data->cluster_count = 1;
    memset (data->clusters, 0, sizeof (step_cluster_t));
    snprintf (data->clusters [0].cluster, sizeof (data->clusters [0].cluster), "edge\"");
    data->clusters [0].events [FAULT_CRITICAL] = 42;
    data->clusters [0].suppressed [INCIDENT_SUPPRESS_OVERFLOW] = 3;
    data->clusters [0].states [INCIDENT_PENDING] = 7;
    data->clusters [0].states [INCIDENT_INVESTIGATING] = 2;
    data->source_count = 1;
    memset (data->sources, 0, sizeof (intake_source_t));
    snprintf (data->sources [0].cluster, sizeof (data->sources [0].cluster), "prod");
    snprintf (data->sources [0].state, sizeof (data->sources [0].state), "active");
    data->sources [0].reconnects_total = 5;
    data->sources [0].reopened_total = 2;
    data->stats.untold_total [STEP_UNTOLD_DISABLED] = 4;
    snapshot_publish (self->snapshot);
}

static void
s_fill (admin_case_t *self)
{
    for (int i = 1; i <= ADMIN_CASE_ROWS; i++) {
        step_write_t write = {.kind = STEP_WRITE_INCIDENT};
        row_incident_t *row = &write.as.incident;
        row->id = ident_new (1000 + i);
        memcpy (self->ids [i], row->id.text, IDENT_SIZE);
        row->number = i;
        row->state = i % 2 ? INCIDENT_PENDING : INCIDENT_REPORTED;
        if (i == 3)
            row->state = INCIDENT_FAILED;
        if (i == 5 || i == 7) {
            row->state = INCIDENT_SUPPRESSED;
            row->suppress = i == 5 ? INCIDENT_SUPPRESS_OVERFLOW : INCIDENT_SUPPRESS_UNPARSED;
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

void
admin_case_token (const admin_case_t *self, const char *text)
{
    own (own_fd) int fd = open (self->token, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
}

int
admin_case_setup (void **state)
{
    admin_case_t *self = calloc (1, sizeof (admin_case_t));
    snprintf (self->dir, sizeof (self->dir), "/tmp/test_admin.XXXXXX");
    assert_non_null (mkdtemp (self->dir));
    snprintf (self->db, sizeof (self->db), "%s/broker.db", self->dir);
    snprintf (self->root, sizeof (self->root), "%s/incidents", self->dir);
    snprintf (self->keys, sizeof (self->keys), "%s/keys", self->dir);
    snprintf (self->token, sizeof (self->token), "%s/operators.token", self->dir);
    admin_case_token (self, ADMIN_CASE_TOKEN "\n");
    self->settings = (settings_t){.admin_listen = "127.0.0.1:0",
                                  .admin_token_file = self->token,
                                  .keys_dir = self->keys,
                                  .state_path = self->db,
                                  .workspace_root = self->root};
    self->clk = clk_new ();
    self->snapshot = snapshot_new ();
    self->inbox = mailbox_new (4, mail_item_destroy);
    if (store_open (self->db, &self->store, &self->diag))
        fail_msg ("%s", self->diag.text);
    s_fill (self);
    admin_case_publish (self, 0);
    if (admin_new (&self->settings, self->snapshot, self->inbox, &self->admin, &self->diag) < 0)
        fail_msg ("%s", self->diag.text);
    *state = self;
    return 0;
}

static int
s_remove (const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    return remove (path);
}

int
admin_case_teardown (void **state)
{
    admin_case_t *self = *state;
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
