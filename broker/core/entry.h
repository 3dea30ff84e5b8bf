//  entry - one incident in memory.  book owns it; other files of broker/core read it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/tally.h"

typedef struct lane lane_t;

typedef enum { ENTRY_NOWHERE, ENTRY_CLOSED, ENTRY_WATCHED } entry_list_t;

//  One incident.  Its row is packed (pack_row, book_save); fields that are read often are copied
//  beside it.
struct entry {
    ident_t id;
    char key [DIGEST_HEX];
    tally_t *tally; //  of its cluster
    unsigned char *packed;
    size_t packed_size;
    written_t written;
    int64_t number, charged, lost;
    incident_state_t state;
    incident_suppress_t suppress;
    enum fault_severity severity;
    bool keyed;             //  its fault key leads to this incident
    source_t *source;       //  of its event
    lane_t *lane;           //  NULL = not queued
    entry_t *prev, *next;   //  in the lane
    entry_t *sprev, *snext; //  of its source, while it is queued and was never attempted
    bool listed;            //  it is in that list
    int64_t queued_ms;      //  boot time since which it waits
    int64_t not_before_ms, prefer_until_ms, held_until_ms;
    bool returned;          //  it is in the list of those that were given back
    int64_t returned_ms;    //  boot time when it was first given back
    entry_t *rprev, *rnext; //  in that list
    attempt_t *attempts;    //  of an open incident, by number
    int attempt_count, host_count, free_count;
    bool attempted; //  once at least, also before it was put back into the queue
    entry_list_t list;
    entry_t *lprev, *lnext; //  closed (oldest first) or watched (held, or failed on a host)
    int64_t touched_ms;     //  last seen
    int64_t recurred_ms;    //  boot time at which a repeat was last shown, 0 = none was
    bool noticed;           //  the time until its first message with a report is counted
    UT_hash_handle hh, hk;
    char cluster [];
};
