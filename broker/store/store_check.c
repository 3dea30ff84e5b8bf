//  SPDX-License-Identifier: Apache-2.0
#include "broker/store/store_check.h"

#include "broker/store/store_db.h"
#include "common/base/actor.h"
#include "common/base/clk.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct store_check {
    sqlite3 *db;
    actor_t *actor;   //  it gets no mail
    atomic_int state; //  store_check_state_t
    int64_t rows_total;
};

//  A walk over one tree of the file in the order of its key.
//  sql selects at most ?3 rows behind the key (?1, ?2).  Its first two columns are the key.
//  Of a table it reads all other columns too, with their overflow pages.
typedef struct {
    const char *name;
    bool text [2]; //  for each half of the key: text, else an integer
    const char *sql;
} walk_t;

#define TABLE(table, key)                                                                          \
    {                                                                                              \
        table, {false, false},                                                                     \
            "SELECT " key ", 0, * FROM " table " WHERE " key " > ?1 AND ?2 <= 0 ORDER BY " key     \
            " LIMIT ?3"                                                                            \
    }
//  Two searches: to compare both halves at once would scan all rows with the same first half.
#define PAIRS(columns, from, a, b)                                                                 \
    "SELECT " columns " FROM " from " WHERE " a " = ?1 AND " b " > ?2 UNION ALL"                   \
    " SELECT " columns " FROM " from " WHERE " a " > ?1 LIMIT ?3"
#define INDEX(table, index, a, b, a_text, b_text)                                                  \
    {                                                                                              \
        index, {a_text, b_text}, PAIRS (a ", " b, table " INDEXED BY " index, a, b)                \
    }

static const walk_t s_walks [] = {
    TABLE ("incident", "number"),
    TABLE ("event", "seq"),
    TABLE ("journal", "seq"),
    TABLE ("effect", "id"),
    {"attempt", {true, false}, PAIRS ("incident, number, *", "attempt", "incident", "number")},
    INDEX ("incident", "incident_state", "state", "number", false, false),
    INDEX ("incident", "incident_seen", "last_seen_ms", "number", false, false),
    INDEX ("incident", "sqlite_autoindex_incident_1", "id", "number", true, false),
    INDEX ("event", "event_age", "received_ms", "seq", false, false),
    INDEX ("event", "sqlite_autoindex_event_1", "source", "event_id", true, true),
    INDEX ("journal", "journal_kind", "kind", "seq", true, false),
    INDEX ("effect", "effect_state", "state", "id", false, false),
    INDEX ("effect", "effect_incident", "incident", "id", true, false),
    INDEX ("effect", "sqlite_autoindex_effect_1", "key", "id", true, false),
};

//  The position of a walk.
typedef struct {
    sqlite3_value *key [2]; //  owned; NULL = before the first
} s_place_t;

static void
s_place_fini (s_place_t *self)
{
    sqlite3_value_free (self->key [0]);
    sqlite3_value_free (self->key [1]);
    *self = (s_place_t){{NULL}};
}

static int
s_compare (sqlite3_value *a, sqlite3_value *b)
{
    if (sqlite3_value_type (a) != SQLITE_TEXT) {
        const int64_t x = sqlite3_value_int64 (a), y = sqlite3_value_int64 (b);
        return (x > y) - (x < y);
    }
    const unsigned char *x = sqlite3_value_text (a), *y = sqlite3_value_text (b);
    return x && y ? strcmp ((const char *) x, (const char *) y) : 0;
}

//  Move the position to the statement's row.
//  Err: -EBADMSG: the row is not behind the last one, so the tree is out of order.
static int
s_advance (sqlite3_stmt *stmt, s_place_t *place)
{
    s_place_t next = {{sqlite3_value_dup (sqlite3_column_value (stmt, 0)),
                       sqlite3_value_dup (sqlite3_column_value (stmt, 1))}};
    int order = next.key [0] && next.key [1] ? 1 : 0;
    if (order && place->key [0]) {
        order = s_compare (next.key [0], place->key [0]);
        if (order == 0)
            order = s_compare (next.key [1], place->key [1]);
    }
    s_place_fini (place);
    *place = next;
    return order > 0 ? 0 : -EBADMSG;
}

static void
s_bind (sqlite3_stmt *stmt, const walk_t *walk, const s_place_t *place)
{
    for (int i = 0; i < 2; i++) {
        if (place->key [i])
            (void) sqlite3_bind_value (stmt, i + 1, place->key [i]);
        else if (walk->text [i])
            (void) sqlite3_bind_text (stmt, i + 1, "", 0, SQLITE_STATIC);
        else
            (void) sqlite3_bind_int64 (stmt, i + 1, INT64_MIN);
    }
    (void) sqlite3_bind_int (stmt, 3, LIMIT_CHECK_ROWS);
}

//  Read one piece.  Returns 1 when there is more, 0 at the end of the tree.
//  Err: -EBADMSG: damaged; any other: the file cannot be read now.
static int
s_piece (store_check_t *self, sqlite3_stmt *stmt, const walk_t *walk, s_place_t *place)
{
    const int64_t until_ms = clk_us () / 1000 + LIMIT_CHECK_MS;
    int rows = 0, code, rc = 0;
    s_bind (stmt, walk, place);
    while ((code = sqlite3_step (stmt)) == SQLITE_ROW) {
        if (++rows < LIMIT_CHECK_ROWS && clk_us () / 1000 < until_ms)
            continue;
        rc = s_advance (stmt, place);
        break;
    }
    self->rows_total += rows;
    const int ended = store_db_end (self->db, stmt, code, walk->name);
    return rc < 0 ? rc : ended < 0 ? ended : code == SQLITE_ROW;
}

//  Check one tree.  Returns 0 when it is sound, 1 when the thread must end.
//  Err: -EBADMSG: damaged; any other: given up.
static int
s_walk (store_check_t *self, const walk_t *walk)
{
    sqlite3_stmt *stmt = NULL;
    s_place_t place = {{NULL}};
    int tries = 0;
    int rc = store_db_rc (self->db, sqlite3_prepare_v2 (self->db, walk->sql, -1, &stmt, NULL),
                          walk->name);
    rc = rc < 0 ? rc : 1;
    while (rc == 1) {
        const int64_t from_ms = clk_us () / 1000;
        rc = s_piece (self, stmt, walk, &place);
        int64_t wait_ms = (clk_us () / 1000 - from_ms) * LIMIT_CHECK_REST;
        tries = rc < 0 ? tries + 1 : 0;
        if (rc < 0 && rc != -EBADMSG && tries < LIMIT_CHECK_TRIES) {
            wait_ms = LIMIT_SNAPSHOT_MS;
            rc = 1;
        }
        if (rc == 1 && !actor_wait (self->actor, wait_ms))
            break;
    }
    sqlite3_finalize (stmt);
    s_place_fini (&place);
    return rc;
}

static void
s_run (void *ctx)
{
    store_check_t *self = ctx;
    const int64_t from_ms = clk_us () / 1000;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof s_walks / sizeof s_walks [0]; i++) {
        rc = s_walk (self, &s_walks [i]);
        if (rc < 0)
            log_error (rc == -EBADMSG ? "store is damaged: keep a copy, then restore a backup, or "
                                        "salvage it as docs/operations.md says"
                                      : "store cannot be checked",
                       kv ("file", sqlite3_db_filename (self->db, "main")),
                       kv ("tree", s_walks [i].name), kv ("error", err_str (rc)));
    }
    if (rc == -EBADMSG)
        store_db_mark (self->db);
    if (rc == 0)
        log_info ("store checked", kv ("rows", self->rows_total),
                  kv ("ms", clk_us () / 1000 - from_ms));
    if (rc <= 0)
        atomic_store (&self->state, rc == 0          ? STORE_CHECK_SOUND
                                    : rc == -EBADMSG ? STORE_CHECK_DAMAGED
                                                     : STORE_CHECK_FAILED);
}

int
store_check_new (const char *path, store_check_t **ret_check, err_diag_t *diag)
{
    assert (path && ret_check);
    own (store_check_destroy) store_check_t *self = calloc (1, sizeof (store_check_t));
    if (!self)
        return -ENOMEM;
    self->actor = actor_new (0, NULL, NULL);
    int rc = self->actor ? store_db_open_reader (path, &self->db, diag) : -ENOMEM;
    if (rc == 0 && sqlite3_exec (self->db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL))
        rc = ERR_STORE;
    if (rc < 0)
        return rc;
    rc = actor_start (self->actor, s_run, self);
    if (rc < 0) {
        err_diag (diag, "store check: no thread: %s", err_str (rc));
        return rc;
    }
    *ret_check = own_take (self);
    return 0;
}

void
store_check_destroy (store_check_t **self_p)
{
    assert (self_p);
    store_check_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    sqlite3_close (self->db);
    free (self);
    *self_p = NULL;
}

store_check_state_t
store_check_state (const store_check_t *self)
{
    assert (self);
    return (store_check_state_t) atomic_load (&self->state);
}
