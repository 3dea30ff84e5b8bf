//  The store at its start, and as its history grows.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/store_db.h"

#include "common/base/own.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    char dir [64];
    char path [128];
    store_t *store;
    err_diag_t diag;
} s_world_t;

static int
s_setup (void **state)
{
    s_world_t *self = calloc (1, sizeof (s_world_t));
    assert_non_null (self);
    snprintf (self->dir, sizeof self->dir, "/tmp/test_store_start.XXXXXX");
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

static int
s_teardown (void **state)
{
    s_world_t *self = *state;
    store_destroy (&self->store);
    const int rc = nftw (self->dir, s_remove, 8, FTW_DEPTH | FTW_PHYS);
    free (self);
    return rc;
}

static void
s_put_incident (store_t *store, int number, incident_state_t state, incident_suppress_t suppress)
{
    step_write_t write = {.kind = STEP_WRITE_INCIDENT};
    row_incident_t *row = &write.as.incident;
    snprintf (row->id.text, sizeof row->id.text, "0190a000-0000-7000-8000-%012d", number);
    row->number = number;
    row->state = state;
    row->suppress = suppress;
    snprintf (row->fault.cluster, sizeof row->fault.cluster, "prod");
    snprintf (row->source, sizeof row->source, "local");
    snprintf (row->event_id, sizeof row->event_id, "event-%d", number);
    row->last_seen_ms = number;
    row->exit_code = -1;
    assert_int_equal (store_apply (store, &write), 0);
}

//  A lock beside the file is bound to its name: another name has another one.
static void
test_a_second_open_by_another_name_is_refused_while_the_first_lives (void **state)
{
    s_world_t *self = *state;
    char hard [256], soft [256];
    store_t *second = NULL;
    snprintf (hard, sizeof hard, "%s/hard.db", self->dir);
    snprintf (soft, sizeof soft, "%s/soft.db", self->dir);
    assert_int_equal (link (self->path, hard), 0);
    assert_int_equal (symlink (self->path, soft), 0);
    assert_int_equal (store_open (hard, &second, &self->diag), -EWOULDBLOCK);
    assert_int_equal (store_open (soft, &second, &self->diag), -EWOULDBLOCK);
    assert_non_null (strstr (self->diag.text, "another broker"));
    //  the failed tries have not taken SQLite's own locks from the first one
    sqlite3 *other = NULL;
    s_put_incident (self->store, 1, INCIDENT_PENDING, INCIDENT_SUPPRESS_NONE);
    assert_int_equal (sqlite3_open (self->path, &other), SQLITE_OK);
    assert_int_equal (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    sqlite3_close (other);
    assert_int_equal (store_commit (self->store), 0);
    store_destroy (&self->store);
    //  nobody has it now, but the log of one name is not seen by the other
    assert_int_equal (store_open (hard, &second, &self->diag), -EBADMSG);
    assert_non_null (strstr (self->diag.text, "2 names"));
    assert_int_equal (unlink (hard), 0);
    assert_int_equal (store_open (soft, &self->store, &self->diag), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_second_open_by_another_name_is_refused_while_the_first_lives),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
