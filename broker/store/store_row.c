//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_row.h"

#include "broker/core/row.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

_Static_assert(ROW_REASONS == 3, "one column each");
//  Rows hold these numbers: to change one, add a step to store_migrate.c.
_Static_assert(INCIDENT_PENDING == 1 && INCIDENT_INVESTIGATING == 2 && INCIDENT_REPORTED == 3
                   && INCIDENT_AGENT_FAILED == 4 && INCIDENT_FAILED == 5 && INCIDENT_SUPPRESSED == 6
                   && INCIDENT_CANCELLED == 7,
               "incident.state");
_Static_assert(INCIDENT_SUPPRESS_NONE == 0 && INCIDENT_SUPPRESS_BELOW_SEVERITY == 2
                   && INCIDENT_SUPPRESS_TRIAGE_DISABLED == 3 && INCIDENT_SUPPRESS_OVERFLOW == 4
                   && INCIDENT_SUPPRESS_UNPARSED == 5,
               "incident.suppress");
_Static_assert(ROW_ATTEMPT_LIVE == 0 && ROW_ATTEMPT_SUPERSEDED == 1 && ROW_ATTEMPT_ENDED == 2,
               "attempt.state");
_Static_assert(VERDICT_SUCCESS == 0 && VERDICT_AGENT == 1 && VERDICT_HOST == 2 && VERDICT_LOST == 3
                   && VERDICT_CANCELLED == 4,
               "attempt.outcome");
_Static_assert(FAULT_INFO == 0 && FAULT_WARNING == 1 && FAULT_CRITICAL == 2,
               "incident.fault_severity");
_Static_assert(ROW_CHANNEL_STORAGE == 0 && ROW_CHANNEL_MESSAGE == 1 && ROW_CHANNEL_RETIRE == 2,
               "effect.channel");
_Static_assert(ROW_PART_DETAIL == 1 && ROW_PART_FILE == 2 && ROW_PART_DOUBT == 4, "message.parts");
_Static_assert(ROW_EFFECT_READY == 0 && ROW_EFFECT_DONE == 1 && ROW_EFFECT_DEAD == 2
                   && ROW_EFFECT_SENDING == 3 && ROW_EFFECT_CANCELLED == 4,
               "effect.state");
_Static_assert(RUN_CLASS_NONE == 0 && RUN_CLASS_SUCCESS == 1 && RUN_CLASS_PARTIAL == 2
                   && RUN_CLASS_INVALID_OUTPUT == 3 && RUN_CLASS_REFUSED == 4
                   && RUN_CLASS_LIMIT == 5 && RUN_CLASS_TOO_LARGE == 6 && RUN_CLASS_TIMEOUT == 7
                   && RUN_CLASS_RATE_LIMITED == 8 && RUN_CLASS_OVERLOADED == 9
                   && RUN_CLASS_PROVIDER == 10 && RUN_CLASS_AUTH == 11 && RUN_CLASS_QUOTA == 12
                   && RUN_CLASS_CONFIG == 13 && RUN_CLASS_OOM == 14 && RUN_CLASS_KILLED == 15
                   && RUN_CLASS_INFRA == 16,
               "attempt.class");
_Static_assert(sizeof (run_class_t) == sizeof (int), "ENUM columns are read as int");
_Static_assert(sizeof (incident_state_t) == sizeof (int), "ENUM columns are read as int");
_Static_assert(sizeof (enum fault_severity) == sizeof (int), "ENUM columns are read as int");

#define MEMBER(kind, row, member, column, declared, never_changes)                                 \
    {                                                                                              \
        .name = (column), .type = (kind), .offset = offsetof (row, member),                        \
        .size = sizeof (((row *) NULL)->member), .decl = (declared), .fixed = (never_changes)      \
    }
#define COLUMN(kind, row, member, column, declared)                                                \
    MEMBER (kind, row, member, column, declared, false)
#define FIXED(kind, row, member, column, declared)                                                 \
    MEMBER (kind, row, member, column, declared, true)
#define INT(row, member) COLUMN (STORE_ROW_INT, row, member, #member, "")
#define ENUM(row, member) COLUMN (STORE_ROW_ENUM, row, member, #member, "")
#define BOOL(row, member) COLUMN (STORE_ROW_BOOL, row, member, #member, "")
#define TEXT(row, member) COLUMN (STORE_ROW_TEXT, row, member, #member, "")
#define FIXED_INT(row, member) FIXED (STORE_ROW_INT, row, member, #member, "")
#define FIXED_TEXT(row, member) FIXED (STORE_ROW_TEXT, row, member, #member, "")
#define USAGE(kind, member) COLUMN (kind, row_attempt_t, usage.member, "usage_" #member, "")
#define FAULT(kind, member) FIXED (kind, row_incident_t, fault.member, "fault_" #member, "")

static const store_row_column_t s_incident [] = {
    FIXED (STORE_ROW_TEXT, row_incident_t, id, "id", "UNIQUE"),
    FIXED (STORE_ROW_INT, row_incident_t, number, "number", "PRIMARY KEY"),
    ENUM (row_incident_t, state),
    ENUM (row_incident_t, suppress),
    FAULT (STORE_ROW_TEXT, cluster),
    FAULT (STORE_ROW_TEXT, source_cluster),
    FAULT (STORE_ROW_TEXT, fault_id),
    FAULT (STORE_ROW_TEXT, subscription_id),
    FAULT (STORE_ROW_TEXT, fault_type),
    FAULT (STORE_ROW_ENUM, severity),
    FAULT (STORE_ROW_TEXT, api_version),
    FAULT (STORE_ROW_TEXT, kind),
    FAULT (STORE_ROW_TEXT, namespace_),
    FAULT (STORE_ROW_TEXT, name),
    FAULT (STORE_ROW_TEXT, uid),
    FAULT (STORE_ROW_TEXT, timestamp),
    FAULT (STORE_ROW_INT, time_ms),
    FAULT (STORE_ROW_TEXT, key),
    FAULT (STORE_ROW_TEXT, summary),
    FAULT (STORE_ROW_BOOL, parsed),
    FIXED_TEXT (row_incident_t, source),
    FIXED_TEXT (row_incident_t, event_id),
    FIXED_TEXT (row_incident_t, linked),
    FIXED_INT (row_incident_t, created_ms),
    INT (row_incident_t, started_ms),
    INT (row_incident_t, completed_ms),
    FIXED_INT (row_incident_t, first_seen_ms),
    INT (row_incident_t, last_seen_ms),
    INT (row_incident_t, occurrences),
    INT (row_incident_t, ended_occurrences),
    INT (row_incident_t, attempts),
    INT (row_incident_t, forgiven),
    INT (row_incident_t, charged),
    INT (row_incident_t, lost),
    INT (row_incident_t, not_before_ms),
    INT (row_incident_t, winner),
    INT (row_incident_t, partial),
    BOOL (row_incident_t, counted),
    INT (row_incident_t, streak),
    BOOL (row_incident_t, revived),
    INT (row_incident_t, given_back),
    INT (row_incident_t, given_back_ms),
    ENUM (row_incident_t, exit_code),
    TEXT (row_incident_t, reason),
    {0},
};

static const store_row_column_t s_attempt [] = {
    FIXED (STORE_ROW_TEXT, row_attempt_t, incident, "incident",
           "REFERENCES incident (id) DEFERRABLE INITIALLY DEFERRED"),
    FIXED_INT (row_attempt_t, number),
    ENUM (row_attempt_t, state),
    TEXT (row_attempt_t, identity),
    TEXT (row_attempt_t, worker),
    BOOL (row_attempt_t, started),
    INT (row_attempt_t, assigned_ms),
    INT (row_attempt_t, started_ms),
    INT (row_attempt_t, ended_ms),
    INT (row_attempt_t, deadline_ms),
    ENUM (row_attempt_t, outcome),
    ENUM (row_attempt_t, exit_code),
    TEXT (row_attempt_t, reason),
    ENUM (row_attempt_t, class),
    USAGE (STORE_ROW_TEXT, agent),
    USAGE (STORE_ROW_TEXT, version),
    USAGE (STORE_ROW_TEXT, model),
    USAGE (STORE_ROW_INT, calls),
    USAGE (STORE_ROW_INT, turns),
    USAGE (STORE_ROW_INT, input),
    USAGE (STORE_ROW_INT, output),
    USAGE (STORE_ROW_INT, cache_read),
    USAGE (STORE_ROW_INT, cache_write),
    USAGE (STORE_ROW_INT, cost_micro_usd),
    USAGE (STORE_ROW_INT, duration_ms),
    {0},
};

static const store_row_column_t s_effect [] = {
    COLUMN (STORE_ROW_INT, row_effect_t, id, "id", "PRIMARY KEY"),
    FIXED (STORE_ROW_ENUM, row_effect_t, channel, "channel", ""),
    FIXED_TEXT (row_effect_t, receiver),
    FIXED (STORE_ROW_TEXT, row_effect_t, key, "key", "UNIQUE"),
    FIXED_TEXT (row_effect_t, incident),
    ENUM (row_effect_t, state),
    BOOL (row_effect_t, unsure),
    INT (row_effect_t, tries),
    INT (row_effect_t, next_ms),
    TEXT (row_effect_t, error),
    {0},
};

static const store_row_column_t s_breaker [] = {
    COLUMN (STORE_ROW_INT, row_breaker_t, id, "id", "PRIMARY KEY"),
    BOOL (row_breaker_t, open),
    BOOL (row_breaker_t, announced),
    INT (row_breaker_t, openings),
    INT (row_breaker_t, streak),
    INT (row_breaker_t, failures),
    INT (row_breaker_t, first_ms),
    INT (row_breaker_t, last_ms),
    INT (row_breaker_t, opened_ms),
    TEXT (row_breaker_t, probe),
    INT (row_breaker_t, probe_attempt),
    COLUMN (STORE_ROW_TEXT, row_breaker_t, reasons [0], "reason_1", ""),
    COLUMN (STORE_ROW_TEXT, row_breaker_t, reasons [1], "reason_2", ""),
    COLUMN (STORE_ROW_TEXT, row_breaker_t, reasons [2], "reason_3", ""),
    COLUMN (STORE_ROW_INT, row_breaker_t, counts [0], "count_1", ""),
    COLUMN (STORE_ROW_INT, row_breaker_t, counts [1], "count_2", ""),
    COLUMN (STORE_ROW_INT, row_breaker_t, counts [2], "count_3", ""),
    INT (row_breaker_t, reviving),
    {0},
};

static const store_row_column_t s_alert [] = {
    COLUMN (STORE_ROW_TEXT, row_alert_t, key, "key", "PRIMARY KEY"),
    TEXT (row_alert_t, cluster),
    INT (row_alert_t, at_ms),
    INT (row_alert_t, count),
    INT (row_alert_t, first_ms),
    INT (row_alert_t, last_ms),
    COLUMN (STORE_ROW_TEXT, row_alert_t, reasons [0], "reason_1", ""),
    COLUMN (STORE_ROW_TEXT, row_alert_t, reasons [1], "reason_2", ""),
    COLUMN (STORE_ROW_TEXT, row_alert_t, reasons [2], "reason_3", ""),
    COLUMN (STORE_ROW_INT, row_alert_t, counts [0], "count_1", ""),
    COLUMN (STORE_ROW_INT, row_alert_t, counts [1], "count_2", ""),
    COLUMN (STORE_ROW_INT, row_alert_t, counts [2], "count_3", ""),
    BOOL (row_alert_t, revives),
    {0},
};

static const store_row_column_t s_record [] = {
    COLUMN (STORE_ROW_INT, row_record_t, seq, "seq", "PRIMARY KEY"),
    INT (row_record_t, prev),
    INT (row_record_t, at_ms),
    TEXT (row_record_t, kind),
    TEXT (row_record_t, cluster),
    TEXT (row_record_t, change),
    TEXT (row_record_t, incident),
    INT (row_record_t, attempt),
    TEXT (row_record_t, worker),
    TEXT (row_record_t, reason),
    TEXT (row_record_t, fault_type),
    ENUM (row_record_t, severity),
    TEXT (row_record_t, resource),
    INT (row_record_t, occurrences),
    {0},
};

static const store_row_column_t s_message [] = {
    COLUMN (STORE_ROW_TEXT, row_message_t, key, "key", "PRIMARY KEY"),
    FIXED_TEXT (row_message_t, incident),
    FIXED_TEXT (row_message_t, receiver),
    TEXT (row_message_t, channel),
    TEXT (row_message_t, ts),
    INT (row_message_t, parts),
    TEXT (row_message_t, shown),
    INT (row_message_t, at_ms),
    {0},
};

static const store_row_column_t s_folder [] = {
    COLUMN (STORE_ROW_TEXT, row_folder_t, incident, "incident", "PRIMARY KEY"),
    INT (row_folder_t, bytes),
    INT (row_folder_t, saved_ms),
    BOOL (row_folder_t, uploaded),
    {0},
};

static const store_row_column_t s_retention [] = {
    COLUMN (STORE_ROW_INT, row_retention_t, id, "id", "PRIMARY KEY"),
    INT (row_retention_t, not_before_ms),
    {0},
};

const store_row_table_t store_row_incident = {"incident", s_incident, sizeof (row_incident_t),
                                              "id",       NULL,       ")"};
const store_row_table_t store_row_attempt = {
    "attempt",          s_attempt, sizeof (row_attempt_t),
    "incident, number", NULL,      ", PRIMARY KEY (incident, number)) WITHOUT ROWID"};
const store_row_table_t store_row_effect = {"effect", s_effect, sizeof (row_effect_t),
                                            "id",     "key",    ")"};
const store_row_table_t store_row_breaker = {"breaker", s_breaker, sizeof (row_breaker_t),
                                             "id",      NULL,      ")"};
const store_row_table_t store_row_alert = {"alert", s_alert, sizeof (row_alert_t),
                                           "key",   NULL,    ")"};
const store_row_table_t store_row_record = {"journal", s_record, sizeof (row_record_t),
                                            NULL,      NULL,     ")"};
const store_row_table_t store_row_message = {"message", s_message, sizeof (row_message_t),
                                             "key",     NULL,      ") WITHOUT ROWID"};
const store_row_table_t store_row_folder = {"folder",   s_folder, sizeof (row_folder_t),
                                            "incident", NULL,     ") WITHOUT ROWID"};
const store_row_table_t store_row_retention = {"retention", s_retention, sizeof (row_retention_t),
                                               "id",        NULL,        ")"};

//  A statement under construction.  It is too long only by a bug in the tables above.
typedef struct {
    char text [STORE_ROW_SQL_BYTES];
    size_t size;
} s_sql_t;

static void
s_add (s_sql_t *self, const char *text)
{
    const size_t size = strlen (text);
    assert (self->size + size < sizeof self->text);
    memcpy (self->text + self->size, text, size + 1);
    self->size += size;
}

static void
s_add_columns (s_sql_t *self, const store_row_table_t *table)
{
    for (const store_row_column_t *column = table->columns; column->name; column++) {
        s_add (self, column == table->columns ? "" : ", ");
        s_add (self, column->name);
    }
}

static void
s_add_conflict (s_sql_t *self, const store_row_table_t *table, const char *key)
{
    s_add (self, " ON CONFLICT (");
    s_add (self, key);
    s_add (self, ") DO UPDATE SET ");
    const char *comma = "";
    for (const store_row_column_t *column = table->columns; column->name; column++) {
        if (column->fixed || strcmp (column->name, key) == 0)
            continue;
        s_add (self, comma);
        comma = ", ";
        s_add (self, column->name);
        s_add (self, " = excluded.");
        s_add (self, column->name);
    }
}

int
store_row_create (sqlite3 *db, const store_row_table_t *table)
{
    s_sql_t sql = {.size = 0};
    s_add (&sql, "CREATE TABLE IF NOT EXISTS ");
    s_add (&sql, table->name);
    s_add (&sql, " (");
    for (const store_row_column_t *column = table->columns; column->name; column++) {
        s_add (&sql, column == table->columns ? "" : ", ");
        s_add (&sql, column->name);
        s_add (&sql, column->type == STORE_ROW_TEXT ? " TEXT NOT NULL " : " INTEGER NOT NULL ");
        s_add (&sql, column->decl);
    }
    s_add (&sql, table->constraints);
    return sqlite3_exec (db, sql.text, NULL, NULL, NULL);
}

int
store_row_prepare_write (sqlite3 *db, const store_row_table_t *table, sqlite3_stmt **ret_stmt)
{
    s_sql_t sql = {.size = 0};
    s_add (&sql, "INSERT INTO ");
    s_add (&sql, table->name);
    s_add (&sql, " (");
    s_add_columns (&sql, table);
    s_add (&sql, ") VALUES (");
    for (const store_row_column_t *column = table->columns; column->name; column++)
        s_add (&sql, column == table->columns ? "?" : ", ?");
    s_add (&sql, ")");
    if (table->key)
        s_add_conflict (&sql, table, table->key);
    if (table->other_key)
        s_add_conflict (&sql, table, table->other_key);
    return sqlite3_prepare_v3 (db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);
}

int
store_row_prepare_read (sqlite3 *db, const store_row_table_t *table, const char *tail,
                        sqlite3_stmt **ret_stmt)
{
    s_sql_t sql = {.size = 0};
    s_add (&sql, "SELECT ");
    s_add_columns (&sql, table);
    s_add (&sql, " FROM ");
    s_add (&sql, table->name);
    s_add (&sql, " ");
    s_add (&sql, tail);
    return sqlite3_prepare_v3 (db, sql.text, -1, SQLITE_PREPARE_PERSISTENT, ret_stmt, NULL);
}

void
store_row_bind (sqlite3_stmt *stmt, const store_row_table_t *table, const void *row)
{
    int index = 1;
    for (const store_row_column_t *column = table->columns; column->name; column++, index++) {
        const char *member = (const char *) row + column->offset;
        int64_t wide = 0;
        int number = 0;
        bool flag = false;
        size_t length = 0;
        int rc = SQLITE_OK;
        switch (column->type) {
            case STORE_ROW_INT:
                memcpy (&wide, member, sizeof wide);
                rc = sqlite3_bind_int64 (stmt, index, wide);
                break;
            case STORE_ROW_ENUM:
                memcpy (&number, member, sizeof number);
                rc = sqlite3_bind_int (stmt, index, number);
                break;
            case STORE_ROW_BOOL:
                memcpy (&flag, member, sizeof flag);
                rc = sqlite3_bind_int (stmt, index, flag);
                break;
            case STORE_ROW_TEXT:
                length = strnlen (member, column->size);
                assert (length < column->size);
                rc = sqlite3_bind_text (stmt, index, member, (int) length, SQLITE_STATIC);
                break;
        }
        assert (rc == SQLITE_OK);
    }
}

static void
s_read_text (sqlite3_stmt *stmt, int index, char *ret_text, size_t size)
{
    const unsigned char *text = sqlite3_column_text (stmt, index);
    const size_t length = text ? (size_t) sqlite3_column_bytes (stmt, index) : 0;
    const size_t count = length < size ? length : size - 1;
    if (count > 0)
        memcpy (ret_text, text, count);
    ret_text [count] = '\0';
}

void
store_row_read (sqlite3_stmt *stmt, const store_row_table_t *table, void *ret_row)
{
    memset (ret_row, 0, table->row_size);
    int index = 0;
    for (const store_row_column_t *column = table->columns; column->name; column++, index++) {
        char *member = (char *) ret_row + column->offset;
        const int64_t wide = sqlite3_column_int64 (stmt, index);
        const int number = (int) wide;
        const bool flag = wide != 0;
        switch (column->type) {
            case STORE_ROW_INT: memcpy (member, &wide, sizeof wide); break;
            case STORE_ROW_ENUM: memcpy (member, &number, sizeof number); break;
            case STORE_ROW_BOOL: memcpy (member, &flag, sizeof flag); break;
            case STORE_ROW_TEXT: s_read_text (stmt, index, member, column->size); break;
        }
    }
}
