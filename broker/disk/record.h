//  record - turns the folder of an ended incident into its record for readers.
//
//  Ensures: result.json is written last; when it exists, the folder is complete.  Doing it again,
//  after a crash at any point, gives the same folder.
//  The winner's files of output/ and logs/ get a second name in the incident's folder: a hard link,
//  or a copy.  attempts/<n>/ keeps its own.  The same holds for the last attempt of a failed
//  incident if upload_failed_investigations is set.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/poison.h"
#include "broker/base/settings.h"
#include "broker/core/row.h"
#include "broker/disk/render.h"
#include "broker/disk/report.h"

//  The rows and the event of one incident.
typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    int attempt_count;
    char *body; //  its event, owned; NULL: the store has deleted it
    size_t body_size;
    report_t report; //  set by record_complete, if there is one
} record_t;

//  Free its members.
void
record_fini (record_t *self);

//  The files of a record, as paths below the folder.
enum { RECORD_FILES = LIMIT_ATTEMPT_FILES + 5, RECORD_PATH_BYTES = LIMIT_PATH_BYTES };
typedef struct {
    size_t count;
    char paths [RECORD_FILES][RECORD_PATH_BYTES];
} record_files_t;

//  The last file of every record.
extern const char record_result_path [];

//  The page of every record; it is the broker's own.
extern const char record_page_path [];

//  Complete the folder, except for result.json.  fd: the incident's folder.
//  A page that cannot be made, or that the broker died of, is replaced by one that says so.
//  poison: of this thread, may be NULL.
//  *ret_files: all files of the record, without result.json.
//  Err: ERR_NONE: the winner has sealed nothing; -errno.  A part may be done.
int
record_complete (record_t *self, int fd, const settings_t *settings, poison_t *poison,
                 record_files_t *ret_files) must_check;
//  Write result.json, after record_complete.  links: may be NULL.
//  Err: -errno: this result.json was not written.
int
record_result (const record_t *self, int fd, const render_links_t *links) must_check;
