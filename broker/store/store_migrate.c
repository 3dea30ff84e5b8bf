//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_migrate.h"

#include "broker/store/store_copy.h"
#include "broker/store/store_schema.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/statvfs.h>

//  To 4: triggers count rows, and two lists have an index.  A store of version 3 may have all this
//  already, because it was first added without a new version.
static const char s_counts [] =
    "CREATE INDEX IF NOT EXISTS incident_reason ON incident (state, suppress, number)"
    " WHERE suppress <> 0;"
    "CREATE INDEX IF NOT EXISTS journal_kind ON journal (kind);"
    "CREATE TABLE IF NOT EXISTS counted (kind INTEGER, state INTEGER, reason INTEGER,"
    " n INTEGER NOT NULL, PRIMARY KEY (kind, state, reason)) WITHOUT ROWID;"
    "CREATE TRIGGER IF NOT EXISTS incident_added AFTER INSERT ON incident BEGIN"
    " INSERT INTO counted VALUES (0, new.state, new.suppress, 1)"
    " ON CONFLICT (kind, state, reason) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS incident_removed AFTER DELETE ON incident BEGIN"
    " UPDATE counted SET n = n - 1"
    " WHERE kind = 0 AND state = old.state AND reason = old.suppress; END;"
    "CREATE TRIGGER IF NOT EXISTS incident_changed AFTER UPDATE OF state, suppress ON incident"
    " WHEN new.state <> old.state OR new.suppress <> old.suppress BEGIN"
    " UPDATE counted SET n = n - 1"
    " WHERE kind = 0 AND state = old.state AND reason = old.suppress;"
    " INSERT INTO counted VALUES (0, new.state, new.suppress, 1)"
    " ON CONFLICT (kind, state, reason) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS effect_added AFTER INSERT ON effect BEGIN"
    " INSERT INTO counted VALUES (1, new.state, 0, 1)"
    " ON CONFLICT (kind, state, reason) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS effect_removed AFTER DELETE ON effect BEGIN"
    " UPDATE counted SET n = n - 1 WHERE kind = 1 AND state = old.state; END;"
    "CREATE TRIGGER IF NOT EXISTS effect_changed AFTER UPDATE OF state ON effect"
    " WHEN new.state <> old.state BEGIN"
    " UPDATE counted SET n = n - 1 WHERE kind = 1 AND state = old.state;"
    " INSERT INTO counted VALUES (1, new.state, 0, 1)"
    " ON CONFLICT (kind, state, reason) DO UPDATE SET n = n + 1; END;"
    "CREATE TABLE IF NOT EXISTS kept (kind TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER IF NOT EXISTS journal_added AFTER INSERT ON journal BEGIN"
    " INSERT INTO kept VALUES (new.kind, 1) ON CONFLICT (kind) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS journal_removed AFTER DELETE ON journal BEGIN"
    " UPDATE kept SET n = n - 1 WHERE kind = old.kind; END;"
    "DELETE FROM counted;"
    "INSERT INTO counted SELECT 0, state, suppress, count (*) FROM incident GROUP BY 2, 3;"
    "INSERT INTO counted SELECT 1, state, 0, count (*) FROM effect GROUP BY 2;"
    "DELETE FROM kept;"
    "INSERT INTO kept SELECT kind, count (*) FROM journal GROUP BY kind;";

//  To 5: the state `resolved` is called `reported`.  Rows hold its number, records its name.
static const char s_reported [] = "UPDATE OR FAIL journal SET change = 'reported'"
                                  " WHERE kind = 'incident' AND change = 'resolved';";

//  To 6: attempts say how their run ended and what it used, incidents what was given back.  What is
//  not known of earlier runs is -1.  The circuit breaker has counted those that had failed (4).
static const char s_classes [] =
    "ALTER TABLE incident ADD COLUMN partial INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN given_back INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN given_back_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN class INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempt ADD COLUMN usage_agent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempt ADD COLUMN usage_version TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempt ADD COLUMN usage_model TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE attempt ADD COLUMN usage_calls INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_turns INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_input INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_output INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_cache_read INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_cache_write INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_cost_micro_usd INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE attempt ADD COLUMN usage_duration_ms INTEGER NOT NULL DEFAULT -1;"
    "UPDATE OR FAIL incident SET counted = 1 WHERE state = 4;";

//  To 7: a message has a receiver, the circuit breaker counts by reason and knows which incidents
//  are part of a streak of failures.  Of earlier ones that is not known.
static const char s_receivers [] =
    "ALTER TABLE incident ADD COLUMN streak INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN revived INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE incident ADD COLUMN ended_occurrences INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE effect ADD COLUMN receiver TEXT NOT NULL DEFAULT '';"
    "UPDATE OR FAIL effect SET receiver = 'slack' WHERE channel = 1;"
    "ALTER TABLE breaker ADD COLUMN streak INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE breaker ADD COLUMN count_1 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE breaker ADD COLUMN count_2 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE breaker ADD COLUMN count_3 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE breaker ADD COLUMN reviving INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alert ADD COLUMN count_1 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alert ADD COLUMN count_2 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alert ADD COLUMN count_3 INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE alert ADD COLUMN revives INTEGER NOT NULL DEFAULT 0;";

//  The text of a step never changes, and uses no name of today's program.
//  A step that changes many rows says OR FAIL.  With OR ABORT, the default, SQLite would keep all
//  changed pages in memory; the transaction is rolled back on failure anyway.
static const struct {
    int from; //  the version before the step
    const char *what;
    const char *sql;
} s_steps [] = {
    {3, "rows are counted", s_counts},
    {4, "resolved is called reported", s_reported},
    {5, "runs have a class and a usage", s_classes},
    {6, "messages have a receiver", s_receivers},
};

_Static_assert(sizeof s_steps / sizeof s_steps [0] == STORE_SCHEMA - STORE_SCHEMA_OLDEST,
               "each version has a step");

//  The path of the database itself: if state_path is a link, it is in another folder.
static const char *
s_file (const store_t *self)
{
    const char *file = sqlite3_db_filename (self->db, "main");
    return file && file [0] ? file : self->path;
}

static int64_t
s_bytes (const store_t *self)
{
    return store_db_number (self->db, "PRAGMA page_count", 0)
           * store_db_number (self->db, "PRAGMA page_size", 0);
}

//  Is there room for the copy, and as much again for the log of steps that rewrite the whole store?
static int
s_room (const store_t *self, err_diag_t *diag)
{
    struct statvfs fs;
    const int64_t wanted = 2 * s_bytes (self) + LIMIT_RESUME_BYTES;
    if (statvfs (s_file (self), &fs) < 0) {
        err_diag (diag, "cannot see how much room there is beside %s: %s", s_file (self),
                  err_str (-errno));
        return ERR_STORE;
    }
    const uint64_t room = (uint64_t) fs.f_bavail * fs.f_frsize;
    if (room >= (uint64_t) wanted)
        return 0;
    err_diag (diag,
              "the store must be copied before it is migrated, which needs %" PRId64
              " bytes of room beside it, and there are %" PRIu64
              "; make room and start again: it is as it was",
              wanted, room);
    return ERR_STORE;
}

static int
s_step (store_t *self, size_t i, err_diag_t *diag)
{
    char version [128];
    snprintf (version, sizeof version, "UPDATE meta SET v = %d WHERE k = 'schema_version'",
              s_steps [i].from + 1);
    if (failpoint_before ("migrate", "step") < 0) {
        err_diag (diag, "a step failed");
        return ERR_STORE;
    }
    int rc = store_db_exec (self, s_steps [i].sql, diag);
    if (rc == 0)
        rc = store_db_exec (self, version, diag);
    if (rc < 0)
        return rc;
    failpoint_after ("migrate", "step");
    log_info ("step of the migration done", kv ("schema", s_steps [i].from + 1),
              kv ("what", s_steps [i].what));
    return 0;
}

static int
s_commit (store_t *self, err_diag_t *diag)
{
    if (failpoint_before ("migrate", "commit") < 0) {
        err_diag (diag, "the steps could not be committed");
        return ERR_STORE;
    }
    const int rc = store_db_exec (self, "COMMIT", diag);
    if (rc == 0)
        failpoint_after ("migrate", "commit");
    return rc;
}

//  Run the steps in one transaction.  Foreign keys are off: a step may replace a table that others
//  refer to.
static int
s_run (store_t *self, int64_t version, err_diag_t *diag)
{
    int rc = store_db_exec (self, "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", diag);
    for (size_t i = 0; rc == 0 && i < sizeof s_steps / sizeof s_steps [0]; i++)
        if (s_steps [i].from >= version)
            rc = s_step (self, i, diag);
    if (rc == 0)
        rc = s_commit (self, diag);
    if (rc < 0 && !sqlite3_get_autocommit (self->db))
        (void) sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
    return rc < 0 ? rc : store_db_exec (self, "PRAGMA foreign_keys = ON", diag);
}

int
store_migrate (store_t *self, int64_t version, err_diag_t *diag)
{
    assert (self && version >= STORE_SCHEMA_OLDEST && version < STORE_SCHEMA);
    char copy [STORE_DB_PATH_BYTES + 32];
    snprintf (copy, sizeof copy, "%.*s.schema-%" PRId64, STORE_DB_PATH_BYTES, s_file (self),
              version);
    log_info ("the store has an earlier schema: it is copied, then migrated",
              kv ("state_path", s_file (self)), kv ("schema", version),
              kv ("to_schema", STORE_SCHEMA), kv ("bytes", s_bytes (self)));
    int rc = s_room (self, diag);
    if (rc == 0)
        rc = store_copy (self, copy, diag);
    if (rc == 0)
        log_info ("store copied", kv ("copy", copy));
    if (rc == 0)
        rc = s_run (self, version, diag);
    if (rc == -EBADMSG)
        store_db_mark (self->db);
    if (rc == 0)
        log_info ("store migrated; keep the copy as long as you may go back to the earlier version",
                  kv ("schema", STORE_SCHEMA), kv ("copy", copy));
    return rc;
}
