//  record - the folder of an incident made its record: complete, browsable, result.json last.
//
//  The winner's files move up from attempts/<n>/ to output/ and logs/.  Of an incident that failed,
//  the last attempt's do when upload_failed_investigations is set, else they stay where they are.
//  Doing it again, after a crash at any place, gives the same folder.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/poison.h"
#include "broker/base/settings.h"
#include "broker/core/row.h"

//  What the store knows of one incident.
typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    int attempt_count;
    char *body; //  its event, owned; NULL: older than what the store keeps
    size_t body_size;
} record_t;

//  Free what it holds.
void
record_fini (record_t *self);

//  The files of a record, paths below the folder.
enum { RECORD_FILES = LIMIT_ATTEMPT_FILES + 4, RECORD_PATH_BYTES = LIMIT_PATH_BYTES };
typedef struct {
    size_t count;
    char paths [RECORD_FILES][RECORD_PATH_BYTES];
} record_files_t;

//  The last file of every record.
extern const char record_result_path [];

//  Make the folder complete but for result.json.  fd: of the incident's folder.  *ret_files: what
//  the record then consists of, without result.json.
//  Err: ERR_NONE the winner has sealed nothing, -errno; a part of it may be done.
int
record_complete (const record_t *self, int fd, const settings_t *settings,
                 record_files_t *ret_files) must_check;
//  Write result.json: whoever sees it sees a complete folder.  poison: of this thread, NULL = none
//  (artifact_report).  Err: -errno; no result.json of this record is there.
int
record_result (const record_t *self, int fd, poison_t *poison) must_check;
