//  store - the broker's facts in one SQLite file; the port to SQLite.
//
//  One writer connection (the loop's) writes and checkpoints; readers open read-only, never
//  checkpoint and leave no transaction open.  WAL, synchronous=FULL, foreign_keys, busy_timeout 0,
//  BEGIN IMMEDIATE, statements prepared once.  Event bodies over LIMIT_EVENT_INLINE_BYTES are files
//  events/<sha256>.json beside the store (blob.h), on disk before the row that names them.
//  flock on <path>.lock and on the file first: no two brokers, whatever names it has.  A 64 MiB
//  reserve file is freed when the disk is full.
//  Src: docs/store.md "The store"; sqlite.org/wal.html.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct store store_t;

//  Open (and make) the writer.  Err, each with a diag: -EWOULDBLOCK another broker holds
//  the lock (exit EXIT_SECOND); -EBADMSG damaged, of an unknown schema or with two hard links
//  (EXIT_CORRUPT); ERR_STORE (EXIT_STORE).  An earlier schema is migrated, see store_migrate.h.
int
store_open (const char *path, store_t **ret_store, err_diag_t *diag) must_check;
//  Could it be opened, as far as its files tell?  Nothing is made, and a lock that a broker holds
//  is no error; whether the database is sound is not looked at.
//  Err, each with a diag: as above, and -errno.
int
store_look (const char *path, err_diag_t *diag) must_check;
//  Was history left for store_check?
bool
store_unchecked (const store_t *self);
//  How the program ends after an error of the store: EXIT_CORRUPT when damage was seen
//  in it, else EXIT_STORE.
int
store_exit (const store_t *self);
void
store_destroy (store_t **self_p); //  final checkpoint TRUNCATE on the writer

//  Read everything step needs (step.h "Loading") and call step_loaded.  dedup_ms: the dedup window.
int
store_load (store_t *self, step_t *step, clk_now_t now, int64_t dedup_ms) must_check;

//  One turn.  begin is lazy: store_apply opens the transaction with the first write.
int
store_apply (store_t *self, const step_write_t *write) must_check;
//  Is this (source, event_id) known?  1 yes (its incident in *ret_incident), 0 no.
//  Err: -ENOENT no, and the file of its body is not there; else as store_commit.
int
store_known_event (store_t *self, const row_event_t *row, ident_t *ret_incident) must_check;
//  The row as this turn left it.  Err: ERR_NONE there is none; -EBUSY, -ENOSPC, ERR_STORE.
int
store_incident (store_t *self, const char *incident, row_incident_t *ret_row) must_check;
int
store_effect (store_t *self, int64_t effect, row_effect_t *ret_row) must_check;
//  Err: 0 durable.  -ENOSPC, -EBUSY: rolled back, the caller reloads and goes on.
//  ERR_STORE: nothing is known about the disk any more, exit store_exit without sending anything;
//  so it is with -EBADMSG, damage.
int
store_commit (store_t *self) must_check;
void
store_rollback (store_t *self);
//  Between turns: checkpoint when the WAL has grown enough.  Err: ERR_STORE.
int
store_checkpoint (store_t *self) must_check;
//  Disk full: events are to be refused until store_tidy has found room again.
bool
store_refusing (const store_t *self);
//  When idle: delete old journal rows and event ids in small chunks, and files of events that no
//  row names; look for room after a full disk.  Returns > 0 if there is more.  Err: ERR_STORE.
int
store_tidy (store_t *self, int64_t now_wall_ms) must_check;
//  Counters for /metrics.
typedef struct {
    int64_t commits_total, commit_us_total, commit_us_last, wal_bytes, file_bytes, full_total,
        busy_total;
    bool wal_long; //  the log is over LIMIT_WAL_BYTES: somebody outside reads for long
    bool refusing; //  disk full: events are refused
} store_stats_t;
void
store_stats (const store_t *self, store_stats_t *ret_stats);

//  --- readers (admin, artifact, delivery): each thread opens its own
typedef struct store_reader store_reader_t;
int
store_reader_open (const char *path, store_reader_t **ret_reader, err_diag_t *diag) must_check;
void
store_reader_destroy (store_reader_t **self_p);
//  Err: ERR_NONE no such row; ERR_STORE.
int
store_reader_incident (store_reader_t *self, const char *incident,
                       row_incident_t *ret_row) must_check;
//  The id of the incident with this number.  Err: the same.
int
store_reader_incident_id (store_reader_t *self, int64_t number, ident_t *ret_id) must_check;
//  Attempts in order; returns how many, < 0 on error.  Of more than max those that are open
//  come first, then those that cost something, then the newest: an incident may have any
//  number that cost nothing.
int
store_reader_attempts (store_reader_t *self, const char *incident, row_attempt_t *ret_rows,
                       int max) must_check;
//  The triggering event's body, wherever it is.  Own: fresh, free().
int
store_reader_event_body (store_reader_t *self, const char *incident, char **ret_body,
                         size_t *ret_size) must_check;
//  A page of incidents, newest first.  state INCIDENT_STATES = any, reason INCIDENT_SUPPRESS_NONE =
//  any (another one goes with INCIDENT_SUPPRESSED); before_number 0 = from the newest.
int
store_reader_incidents (store_reader_t *self, incident_state_t state, incident_suppress_t reason,
                        int64_t before_number, row_incident_t *ret_rows, int max) must_check;
//  A page of the journal after seq.
int
store_reader_records (store_reader_t *self, int64_t after_seq, row_record_t *ret_rows,
                      int max) must_check;
//  All that the store has, ended long ago or not.
typedef struct {
    int64_t incidents [INCIDENT_STATES];
    int64_t suppressed [INCIDENT_SUPPRESS_REASONS]; //  incidents in the state suppressed
    int64_t dead_letters;                           //  incidents in the state failed
    int64_t dead_effects;
} store_counts_t;
int
store_reader_counts (store_reader_t *self, store_counts_t *ret_counts) must_check;
//  A page of effects in this state, newest first.  before_id 0 = from the newest.
int
store_reader_effects_in (store_reader_t *self, row_effect_state_t state, int64_t before_id,
                         row_effect_t *ret_rows, int max) must_check;
//  What an alert says.  Err: ERR_NONE, ERR_STORE.
int
store_reader_alert (store_reader_t *self, const char *key, row_alert_t *ret_row) must_check;
//  Effects of one incident.
int
store_reader_effects (store_reader_t *self, const char *incident, row_effect_t *ret_rows,
                      int max) must_check;
