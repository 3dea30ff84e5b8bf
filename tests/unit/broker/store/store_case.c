//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/store/store_case.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
store_case_setup (void **state)
{
    store_case_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    snprintf (self->dir, sizeof self->dir, "/tmp/store_case.XXXXXX");
    assert_non_null (mkdtemp (self->dir));
    snprintf (self->path, sizeof self->path, "%s/state/broker.db", self->dir);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    *state = self;
    return 0;
}

static int
s_remove (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove (path);
}

int
store_case_teardown (void **state)
{
    store_case_t *self = *state;
    store_destroy (&self->store);
    store_destroy (&self->store); //  a second time is harmless
    const int rc = nftw (self->dir, s_remove, 8, FTW_DEPTH | FTW_PHYS);
    free (self);
    return rc;
}

row_incident_t
store_case_incident (int number, incident_state_t state)
{
    row_incident_t row;
    memset (&row, 0, sizeof row);
    snprintf (row.id.text, sizeof row.id.text, STORE_CASE_ID, number);
    row.number = number;
    row.state = state;
    snprintf (row.fault.cluster, sizeof row.fault.cluster, "prod");
    snprintf (row.fault.key, sizeof row.fault.key, "key-%d", number);
    snprintf (row.fault.name, sizeof row.fault.name, "it's \"odd\"; -- \xc3\xa4");
    row.fault.severity = FAULT_CRITICAL;
    row.fault.parsed = true;
    snprintf (row.source, sizeof row.source, "local");
    snprintf (row.event_id, sizeof row.event_id, "event-%d", number);
    row.created_ms = row.first_seen_ms = row.last_seen_ms = 1000000 + number;
    row.occurrences = 1;
    row.exit_code = -1;
    return row;
}

void
store_case_apply (store_t *store, const step_write_t *write)
{
    assert_int_equal (store_apply (store, write), 0);
}

void
store_case_put_incident (store_t *store, const row_incident_t *row)
{
    store_case_apply (store, &(step_write_t){.kind = STEP_WRITE_INCIDENT, .as.incident = *row});
}

step_write_t
store_case_event (const row_incident_t *incident, const char *body, int64_t received_ms)
{
    step_write_t write = {.kind = STEP_WRITE_EVENT};
    snprintf (write.as.event.source, sizeof write.as.event.source, "%s", incident->source);
    snprintf (write.as.event.event_id, sizeof write.as.event.event_id, "%s", incident->event_id);
    write.as.event.incident = incident->id;
    write.as.event.received_ms = received_ms;
    write.as.event.body = body;
    write.as.event.body_bytes = body ? (int64_t) strlen (body) : 0;
    return write;
}

int
store_case_known (store_case_t *self, const char *source, const char *event_id,
                  ident_t *ret_incident)
{
    row_event_t row = {0};
    snprintf (row.source, sizeof row.source, "%s", source);
    snprintf (row.event_id, sizeof row.event_id, "%s", event_id);
    return store_known_event (self->store, &row, ret_incident);
}
