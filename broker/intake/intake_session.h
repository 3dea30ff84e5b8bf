//  intake_session - one event source: its MCP session, transfers, mark and losses.
//
//  Its events and notices go into the queue, and its progress into its mark, a file.
//  Threads: intake only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/intake/intake.h"
#include "broker/intake/intake_config.h"
#include "broker/intake/intake_lost.h"
#include "broker/intake/intake_mark.h"
#include "broker/intake/intake_queue.h"
#include "broker/intake/intake_read.h"
#include "common/base/clk.h"
#include "common/base/digest.h"
#include "common/net/http.h"
#include "common/net/mcp.h"

enum { INTAKE_TRANSFERS = 10 }; //  of one source; mcp uses fewer

typedef struct intake_session intake_session_t;

//  Shared by all sources.  Own: each borrows it.
typedef struct {
    clk_t *clk;
    http_t *http;
    intake_read_t *read;        //  guards the reading of messages and events
    intake_queue_t *queue;      //  events and notices for the loop
    intake_session_t *sessions; //  all of them, linked by prev and next
    const char *sessions_dir;   //  the folder of the marks
} intake_shared_t;

//  A slot for one HTTP transfer of a source.
typedef struct {
    intake_session_t *session;
    uint64_t cookie;
    http_transfer_t *transfer; //  NULL = free
} intake_flight_t;

struct intake_session {
    intake_session_t *prev, *next; //  for the owner's list
    const intake_shared_t *shared;
    intake_config_t config;
    mcp_t *mcp;
    char id [ROW_SOURCE];        //  "mcp:<name>", the source of its events
    char mark_name [DIGEST_HEX]; //  its file in sessions_dir
    intake_mark_t mark;          //  as last written
    int64_t mark_ms;             //  boot time of the next write
    bool absent;                 //  an earlier process followed it, this one not yet
    char *token_header;          //  "Authorization: Bearer ...", NULL without a token; a secret
    bool token_untried;          //  no request has carried it yet
    intake_lost_t lost;          //  lost events, not yet reported
    int64_t bad_logged;          //  malformed messages, as last logged
    bool away_logged;            //  logged that it is not reached, since it was last followed
    char several [LIMIT_REASON_BYTES]; //  the clusters of its server, as last logged
    bool stopping;
    intake_flight_t flights [INTAKE_TRANSFERS];
    intake_source_t stats;
};

//  Start to connect, with the MCP session of the mark if there is one.  The owner puts the result
//  into the list.
//  Own: fresh; NULL when out of memory.  *config is taken on success and on failure.
intake_session_t *
intake_session_new (const intake_shared_t *shared, intake_config_t *config, int64_t backoff_min_ms,
                    int64_t backoff_max_ms);
//  Cancel the transfers and free the session.  The owner has removed it from the list.
void
intake_session_destroy (intake_session_t **self_p);
//  Go on under this configuration, one that intake_config_same_session accepts.
//  False: the source must be stopped and started again.
bool
intake_session_keep (intake_session_t *self, const intake_config_t *config, int64_t backoff_min_ms,
                     int64_t backoff_max_ms);
//  Begin to close the MCP session; intake_session_turn returns false when it is closed.
void
intake_session_stop (intake_session_t *self);
//  Does a source with this configuration have the same mark?  Token and mode may differ.
bool
intake_session_is_marked (const intake_session_t *self, const intake_config_t *config);
//  Remove the mark.
void
intake_session_forget (const intake_session_t *self);
//  Run timers and outputs.  False: the session is closed, and its losses are reported.
bool
intake_session_turn (intake_session_t *self, int64_t boot_ms);
//  The boot time in ms of the next timer.
int64_t
intake_session_wake (const intake_session_t *self);
//  Report the losses as a gap, including this source's events that the full queue
//  dropped to make room.
//  Returns the boot time in ms of the next call.
int64_t
intake_session_tell_lost (intake_session_t *self, int64_t boot_ms);
//  Update the figures and copy them.
void
intake_session_stats (intake_session_t *self, clk_now_t now, intake_source_t *ret_stats);
