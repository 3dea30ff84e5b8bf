//  store - the broker's durable state in one SQLite file; the port to SQLite.
//
//  Ensures: a committed turn survives a power failure; a turn is written whole or not at all.
//  Only one broker opens a store: locks on <path>.lock and on the file itself hold under any name.
//  Event bodies over LIMIT_EVENT_INLINE_BYTES are files events/<sha256>.json beside the store; a
//  file is durable before the row that names it.  A reserve file is freed when the disk is full.
//  Threads: the loop owns the one writer, which alone checkpoints.  Each other thread opens its own
//  reader; readers are read-only and leave no transaction open.
//  SQLite: WAL, synchronous=FULL, foreign_keys, busy_timeout 0, BEGIN IMMEDIATE, statements
//  prepared once.
//  Src: docs/store.md "The store"; sqlite.org/wal.html.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct store store_t;

//  Open the writer; make the store if it is missing.  An earlier schema is migrated, see
//  store_migrate.h.  Own: *ret_store is fresh.
//  Err: -EWOULDBLOCK: another broker holds the lock (exit with EXIT_SECOND); -EBADMSG: damaged, of
//  an unknown schema or with two hard links (EXIT_CORRUPT); ERR_STORE (EXIT_STORE).
//  diag says why; nothing is left open.
int
store_open (const char *path, store_t **ret_store, err_diag_t *diag) must_check;
//  Check by its files whether the store could be opened.  Makes nothing, and does not check the
//  database.  A lock that a broker holds is no error.  diag: may be NULL.
//  Err: as store_open, and -errno; diag says why.
int
store_look (const char *path, err_diag_t *diag) must_check;
//  Was the store too large to be checked whole at its opening?  store_check does the rest.
bool
store_unchecked (const store_t *self);
//  The exit code of the program after an error of the store: EXIT_CORRUPT if damage was found,
//  else EXIT_STORE.
int
store_exit (const store_t *self);
//  Close the writer after a last checkpoint.
void
store_destroy (store_t **self_p);

//  Load all rows that step needs (step.h "Loading") and call step_loaded.
//  dedup_ms: length of the dedup window.
//  Err: ERR_STORE, -EBADMSG, -ENOMEM, ERR_LIMIT; the step is then incomplete.
int
store_load (store_t *self, step_t *step, clk_now_t now, int64_t dedup_ms) must_check;

//  Add one write to the turn's transaction; the first write of a turn opens it.
//  Err: as store_commit; the turn must then be rolled back.
int
store_apply (store_t *self, const step_write_t *write) must_check;
//  Is this (source, event_id) known?  Returns 1 with its incident in *ret_incident, or 0.
//  Err: -ENOENT: not known, and the file of its body is missing; else as store_commit.
int
store_known_event (store_t *self, const row_event_t *row, ident_t *ret_incident) must_check;
//  Read a row as this turn has left it.  Err: ERR_NONE: there is none; -EBUSY, -ENOSPC, ERR_STORE.
int
store_incident (store_t *self, const char *incident, row_incident_t *ret_row) must_check;
int
store_effect (store_t *self, int64_t effect, row_effect_t *ret_row) must_check;
//  The incident that step_reviving looks for.  Err: likewise.
int
store_revivable (store_t *self, const step_revive_t *wanted, row_incident_t *ret_row) must_check;
//  The oldest dead effects of a lane (row_lane_name), at most max.
//  Returns how many, or an error as store_commit.
int
store_dead_effects (store_t *self, const char *lane, row_effect_t *ret_rows, int max) must_check;
//  Commit the turn; after 0 it is durable.
//  Err: -ENOSPC, -EBUSY: not committed; call store_rollback, then load the state again and go on.
//  ERR_STORE, -EBADMSG (damage): the state of the disk is unknown; the caller sends nothing and
//  exits with store_exit.
int
store_commit (store_t *self) must_check;
//  Undo the turn.
void
store_rollback (store_t *self);
//  Checkpoint between turns, if the log has grown enough.  Err: ERR_STORE.
int
store_checkpoint (store_t *self) must_check;
//  Is the disk full?  The loop then refuses events until store_tidy has found room again.
bool
store_refusing (const store_t *self);
//  Delete a few old journal rows, old event ids and files of events that no row names.  After a
//  full disk, check for room.  Call it when idle.
//  Returns > 0 if there is more to do.  Err: ERR_STORE.
int
store_tidy (store_t *self, int64_t now_wall_ms) must_check;
//  Figures for /metrics.
typedef struct {
    int64_t commits_total, commit_us_total, commit_us_last, wal_bytes, file_bytes, full_total,
        busy_total;
    bool wal_long; //  the log is over LIMIT_WAL_BYTES: another program reads for long
    bool refusing; //  disk full: events are refused
} store_stats_t;
void
store_stats (const store_t *self, store_stats_t *ret_stats);

//  --- readers, for admin, artifact and delivery
typedef struct store_reader store_reader_t;
//  Open a reader.  Own: *ret_reader is fresh.  Threads: the caller's alone.
//  Err: ERR_STORE, -ENOMEM; diag says why, nothing is left open.
int
store_reader_open (const char *path, store_reader_t **ret_reader, err_diag_t *diag) must_check;
void
store_reader_destroy (store_reader_t **self_p);
//  Read one incident.  Err: ERR_NONE: there is no such row; ERR_STORE.
int
store_reader_incident (store_reader_t *self, const char *incident,
                       row_incident_t *ret_row) must_check;
//  The id of the incident with this number.  Err: as store_reader_incident.
int
store_reader_incident_id (store_reader_t *self, int64_t number, ident_t *ret_id) must_check;
//  Read the attempts of an incident in their order.  Returns how many.  Err: ERR_STORE.
//  If there are more than max, it prefers open ones, then those that cost something, then the
//  newest: an incident may have any number of attempts that cost nothing.
int
store_reader_attempts (store_reader_t *self, const char *incident, row_attempt_t *ret_rows,
                       int max) must_check;
//  Read the body of the event that opened the incident, from its row or its file.
//  Own: fresh; free it with free ().  Err: ERR_NONE, ERR_STORE, -errno.
int
store_reader_event_body (store_reader_t *self, const char *incident, char **ret_body,
                         size_t *ret_size) must_check;
//  Read a page of incidents, newest first.  Returns how many.  Err: ERR_STORE.
//  state: INCIDENT_STATES = any.  reason: INCIDENT_SUPPRESS_NONE = any; another one only with
//  INCIDENT_SUPPRESSED.  before_number: 0 = from the newest.
int
store_reader_incidents (store_reader_t *self, incident_state_t state, incident_suppress_t reason,
                        int64_t before_number, row_incident_t *ret_rows, int max) must_check;
//  Read a page of the journal after after_seq.  Returns how many.  Err: ERR_STORE.
int
store_reader_records (store_reader_t *self, int64_t after_seq, row_record_t *ret_rows,
                      int max) must_check;
//  Counts of all rows in the store.
typedef struct {
    int64_t incidents [INCIDENT_STATES];
    int64_t suppressed [INCIDENT_SUPPRESS_REASONS]; //  incidents in the state suppressed
    int64_t dead_letters;                           //  incidents in the state failed
    int64_t dead_effects;
    int64_t folders, folder_bytes; //  of ended incidents
    int64_t oldest_ms;             //  when the first incident that is kept was made; 0 = none
} store_counts_t;
//  Read the counts.  Err: ERR_STORE.
int
store_reader_counts (store_reader_t *self, store_counts_t *ret_counts) must_check;
//  Read a page of effects in one state, newest first.  before_id: 0 = from the newest.
//  Returns how many.  Err: ERR_STORE.
int
store_reader_effects_in (store_reader_t *self, row_effect_state_t state, int64_t before_id,
                         row_effect_t *ret_rows, int max) must_check;
//  Read one alert.  Err: ERR_NONE: there is no such row; ERR_STORE.
int
store_reader_alert (store_reader_t *self, const char *key, row_alert_t *ret_row) must_check;
//  Read the message of this effect, and the folder of this incident.  Err: as store_reader_alert.
int
store_reader_message (store_reader_t *self, const char *key, row_message_t *ret_row) must_check;
int
store_reader_folder (store_reader_t *self, const char *incident, row_folder_t *ret_row) must_check;
//  Read when removing begins.  Err: ERR_NONE: nothing was ever to be removed; ERR_STORE.
int
store_reader_retention (store_reader_t *self, row_retention_t *ret_row) must_check;
//  Read the effects of one incident.  Returns how many.  Err: ERR_STORE.
int
store_reader_effects (store_reader_t *self, const char *incident, row_effect_t *ret_rows,
                      int max) must_check;
