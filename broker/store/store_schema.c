//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_schema.h"

#include "common/base/failpoint.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

static const char s_schema [] =
    "CREATE TABLE IF NOT EXISTS meta (k TEXT PRIMARY KEY, v INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS topic (topic TEXT PRIMARY KEY, last_seq INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY, source TEXT NOT NULL,"
    " event_id TEXT NOT NULL, incident TEXT NOT NULL, received_ms INTEGER NOT NULL, body BLOB,"
    " body_bytes INTEGER NOT NULL, body_sha TEXT NOT NULL, UNIQUE (source, event_id));"
    "CREATE INDEX IF NOT EXISTS event_age ON event (received_ms);"
    "CREATE INDEX IF NOT EXISTS event_sha ON event (body_sha) WHERE body_sha <> '';"
    "CREATE INDEX IF NOT EXISTS incident_state ON incident (state, number);"
    "CREATE INDEX IF NOT EXISTS incident_reason ON incident (state, suppress, number)"
    " WHERE suppress <> 0;"
    "CREATE INDEX IF NOT EXISTS incident_seen ON incident (last_seen_ms);"
    "CREATE INDEX IF NOT EXISTS incident_streak ON incident (streak, number)"
    " WHERE streak <> 0 AND revived = 0;"
    "CREATE INDEX IF NOT EXISTS message_incident ON message (incident);"
    "CREATE INDEX IF NOT EXISTS folder_saved ON folder (saved_ms);"
    "CREATE INDEX IF NOT EXISTS effect_state ON effect (state, id);"
    "CREATE INDEX IF NOT EXISTS effect_incident ON effect (incident);"
    "CREATE INDEX IF NOT EXISTS effect_retire ON effect (state) WHERE channel = 2;"
    "CREATE INDEX IF NOT EXISTS alert_at ON alert (at_ms);"
    "CREATE INDEX IF NOT EXISTS journal_kind ON journal (kind);";

//  Counts of rows by kind (0 incidents, 1 effects) and state; of folders (2) their number as state
//  0 and their bytes as state 1.  Triggers update them with each row, because counting would read
//  all history.
static const char s_counted [] =
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
    "CREATE TRIGGER IF NOT EXISTS folder_added AFTER INSERT ON folder BEGIN"
    " INSERT INTO counted VALUES (2, 0, 0, 1), (2, 1, 0, new.bytes)"
    " ON CONFLICT (kind, state, reason) DO UPDATE SET n = n + excluded.n; END;"
    "CREATE TRIGGER IF NOT EXISTS folder_removed AFTER DELETE ON folder BEGIN"
    " UPDATE counted SET n = n - 1 WHERE kind = 2 AND state = 0;"
    " UPDATE counted SET n = n - old.bytes WHERE kind = 2 AND state = 1; END;"
    "CREATE TRIGGER IF NOT EXISTS folder_changed AFTER UPDATE OF bytes ON folder"
    " WHEN new.bytes <> old.bytes BEGIN"
    " UPDATE counted SET n = n + new.bytes - old.bytes WHERE kind = 2 AND state = 1; END;";

static const char s_count [] =
    "DELETE FROM counted;"
    "INSERT INTO counted SELECT 0, state, suppress, count (*) FROM incident GROUP BY 2, 3;"
    "INSERT INTO counted SELECT 1, state, 0, count (*) FROM effect GROUP BY 2;"
    "INSERT INTO counted SELECT 2, 0, 0, count (*) FROM folder;"
    "INSERT INTO counted SELECT 2, 1, 0, coalesce (sum (bytes), 0) FROM folder;";

//  Counts of the journal's records by kind, also kept by triggers.
static const char s_kept [] =
    "CREATE TABLE IF NOT EXISTS kept (kind TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER IF NOT EXISTS journal_added AFTER INSERT ON journal BEGIN"
    " INSERT INTO kept VALUES (new.kind, 1) ON CONFLICT (kind) DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS journal_removed AFTER DELETE ON journal BEGIN"
    " UPDATE kept SET n = n - 1 WHERE kind = old.kind; END;";
static const char s_keep [] = "DELETE FROM kept;"
                              "INSERT INTO kept SELECT kind, count (*) FROM journal GROUP BY kind;";

int
store_schema_version (store_t *self, int64_t *ret_version, err_diag_t *diag)
{
    assert (self && ret_version);
    *ret_version = 0;
    const int64_t tables = store_db_number (self->db, "SELECT count (*) FROM sqlite_schema", -1);
    if (tables <= 0)
        return tables < 0 ? store_db_said (self, sqlite3_errcode (self->db), diag) : 0;
    const int64_t version =
        store_db_number (self->db, "SELECT v FROM meta WHERE k = 'schema_version'", -1);
    if (version >= STORE_SCHEMA_OLDEST && version <= STORE_SCHEMA) {
        *ret_version = version;
        return 0;
    }
    if (version < 0)
        err_diag (diag, "%s is not a database of this broker; choose another state_path",
                  self->path);
    else
        err_diag (diag,
                  "%s has schema %lld, this program knows %d to %d; use the version that wrote it",
                  self->path, (long long) version, STORE_SCHEMA_OLDEST, STORE_SCHEMA);
    return -EBADMSG;
}

//  Make the counts of an older store.  After damage make them again: they still include the rows
//  that a salvage has lost.
static int
s_counts (store_t *self, err_diag_t *diag)
{
    const struct {
        const char *known, *make, *fill;
    } counts [] = {
        {"SELECT 1 FROM sqlite_schema WHERE name = 'counted'", s_counted, s_count},
        {"SELECT 1 FROM sqlite_schema WHERE name = 'kept'", s_kept, s_keep},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof counts / sizeof counts [0]; i++) {
        const bool known = !self->suspect && store_db_number (self->db, counts [i].known, 0) == 1;
        rc = store_db_exec (self, counts [i].make, diag);
        if (rc == 0 && !known)
            rc = store_db_exec (self, counts [i].fill, diag);
    }
    return rc;
}

int
store_schema_make (store_t *self, err_diag_t *diag)
{
    assert (self);
    static const store_row_table_t *const tables [] = {
        &store_row_incident, &store_row_attempt, &store_row_effect,
        &store_row_breaker,  &store_row_alert,   &store_row_record,
        &store_row_message,  &store_row_folder,  &store_row_retention};
    int rc = store_db_exec (self, "BEGIN IMMEDIATE", diag);
    for (size_t i = 0; rc == 0 && i < sizeof tables / sizeof tables [0]; i++)
        rc = store_db_said (self, store_row_create (self->db, tables [i]), diag);
    if (rc == 0)
        rc = store_db_exec (self, s_schema, diag);
    if (rc == 0)
        rc = s_counts (self, diag);
    char meta [256];
    snprintf (meta, sizeof meta,
              "INSERT OR IGNORE INTO meta VALUES ('schema_version', %d);"
              "INSERT INTO meta VALUES ('boot', 1) ON CONFLICT (k) DO UPDATE SET v = v + 1;",
              STORE_SCHEMA);
    if (rc == 0)
        rc = store_db_exec (self, meta, diag);
    if (rc == 0 && failpoint_before ("open", "commit") < 0)
        rc = ERR_STORE;
    if (rc == 0)
        rc = store_db_exec (self, "COMMIT", diag);
    if (rc == 0)
        failpoint_after ("open", "commit");
    return rc;
}
