//  intake_session - one event source: its MCP session, transfers, mark and losses.
//
//  Events and notices go into the queue, the session's state into a file, its mark.  Threads:
//  intake only.
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

enum { INTAKE_TRANSFERS = 10 }; //  of one source; mcp has fewer

typedef struct intake_session intake_session_t;

//  What all sources share.  Own: borrowed by each.
typedef struct {
    clk_t *clk;
    http_t *http;
    intake_read_t *read;        //  what is being read
    intake_queue_t *queue;      //  events and notices on their way to the loop
    intake_session_t *sessions; //  all of them, a list by prev and next
    const char *sessions_dir;   //  their marks
} intake_shared_t;

//  One transfer of one source; done and cancelled ones have no handle.
typedef struct {
    intake_session_t *session;
    uint64_t cookie;
    http_transfer_t *transfer; //  NULL = free
} intake_flight_t;

struct intake_session {
    intake_session_t *prev, *next; //  the owner's
    const intake_shared_t *shared;
    intake_config_t config;
    mcp_t *mcp;
    char id [ROW_SOURCE];        //  "mcp:<name>", the source of its events
    char mark_name [DIGEST_HEX]; //  its file in sessions_dir
    intake_mark_t mark;          //  as it was written last
    int64_t mark_ms;             //  boot time when it is written again
    bool absent;                 //  followed in an earlier life, not yet in this one
    char *token_header;          //  "Authorization: Bearer ...", NULL without a token; a secret
    bool token_untried;          //  no request has carried it yet
    intake_lost_t lost;          //  events that are gone, to be told
    int64_t bad_told;            //  messages without sense, as told last
    bool away_told;              //  that it is not reached, since it was followed last
    char several [LIMIT_REASON_BYTES]; //  the clusters of its server, as told last
    bool stopping;
    intake_flight_t flights [INTAKE_TRANSFERS];
    intake_source_t stats;
};

//  Connects, with the session of its mark where there is one.  Own: fresh, NULL when out of
//  memory; *config is taken on success and on failure.  The owner puts it into the list.
intake_session_t *
intake_session_new (const intake_shared_t *shared, intake_config_t *config, int64_t backoff_min_ms,
                    int64_t backoff_max_ms);
//  Cancels its transfers.  It is in no list any more.
void
intake_session_destroy (intake_session_t **self_p);
//  Go on under this configuration, which may be its session's.  False: it has to begin anew.
bool
intake_session_keep (intake_session_t *self, const intake_config_t *config, int64_t backoff_min_ms,
                     int64_t backoff_max_ms);
//  End the session; intake_session_turn returns false when it has ended.
void
intake_session_stop (intake_session_t *self);
//  Is its mark the one of a source that is configured so, if with another token or mode?
bool
intake_session_is_marked (const intake_session_t *self, const intake_config_t *config);
//  Remove its mark.
void
intake_session_forget (const intake_session_t *self);
//  Timers and outputs.  False: it has stopped, and has told what it lost.
bool
intake_session_turn (intake_session_t *self, int64_t boot_ms);
//  When its next timer is due, boot ms.
int64_t
intake_session_wake (const intake_session_t *self);
//  Tell what it has lost, also by what others sent.  Returns when to look again.
int64_t
intake_session_tell_lost (intake_session_t *self, int64_t boot_ms);
//  Brings its figures up to date.
void
intake_session_stats (intake_session_t *self, clk_now_t now, intake_source_t *ret_stats);
