//  peers - the simulator's other side: workers with spools, publishers that resend, delivery;
//  and the links between them and the broker that lose, repeat and delay.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

enum {
    PEERS_WORKERS = 6,
    PEERS_TWIN = 5, //  another process with the key of PEERS_TWINNED
    PEERS_TWINNED = 1,
    PEERS_JOBS = 3,
    PEERS_SPOOL = 64,
    PEERS_PUBLISHERS = 4,
    PEERS_UNACKED = 24,
    PEERS_SLOTS = PEERS_PUBLISHERS * PEERS_UNACKED
};

typedef struct mail {
    step_in_t in;
    step_fence_t running [PEERS_JOBS], spooled [PEERS_SPOOL]; //  of a HELLO
    struct mail *prev, *next;
} mail_t;

typedef struct {
    bool used, started;
    step_fence_t fence;
    int64_t start_ms, finish_ms, progress_ms;
} job_t;

typedef struct {
    step_fence_t fence;
    verdict_outcome_t outcome;
    bool stored;
    int64_t send_ms;
} spooled_t;

typedef struct {
    char identity [ROW_IDENTITY];
    uint64_t session, seq;
    bool up, welcomed;
    int64_t down_until_ms, heard_ms, hello_ms, ping_ms, credit_number;
    bool bad;        //  a host that cannot start agents
    bool refused;    //  for its twin's sake, since its last WELCOME
    int64_t told_ms; //  when the broker took a message of its session last
    job_t jobs [PEERS_JOBS];
    spooled_t spool [PEERS_SPOOL];
    int spool_count;
} peer_worker_t;

typedef struct {
    char event_id [32];
    int64_t number;
    int fault;
    int64_t send_ms;
    bool used;
} unacked_t;

typedef struct {
    char source [16];
    unacked_t unacked [PEERS_UNACKED];
} peer_publisher_t;

typedef struct {
    uint64_t random;
    disk_t *disk;
    clk_now_t now;
    bool calm; //  no faults any more
    bool held; //  the broker gives no prompt and takes no file
    peer_worker_t workers [PEERS_WORKERS];
    peer_publisher_t publishers [PEERS_PUBLISHERS];
    mail_t *link; //  to the broker; each peer's own in order, mostly
    int64_t link_count, events_made, events_acked, reports_made;
    row_effect_t flight [ROW_CHANNELS]; //  at delivery; id 0 = none
    fault_t fault;                      //  lent to the EVENT that is being stepped
} peers_t;

void
peers_init (peers_t *self, disk_t *disk, uint64_t seed);
void
peers_fini (peers_t *self);
uint64_t
peers_random (peers_t *self, uint64_t below);
//  Everybody does what time makes them do.
void
peers_act (peers_t *self);
//  Next message for the broker, NULL = none.  Own: fresh, free().
mail_t *
peers_next (peers_t *self);
//  A message of the broker arrives (or gets lost).
void
peers_receive (peers_t *self, const step_out_t *out);
//  Source and id of the event that an acknowledgement names.
void
peers_event (const peers_t *self, uint64_t cookie, char ret_source [16], char ret_event_id [32]);
//  The broker has a PING for this session.  Returns false when its connection is closed.
bool
peers_ping (peers_t *self, const char *identity, uint64_t session);
//  Who has this session, NULL = nobody any more.
peer_worker_t *
peers_worker (peers_t *self, const char *identity, uint64_t session);
//  The broker does not know the sender's session.
void
peers_unknown (peers_t *self, const step_peer_t *peer);
//  Did what delivery had under way happen?  Half of it did.
void
peers_crash_flights (peers_t *self);
//  The broker is gone: what was on its way is lost, delivery with it.
void
peers_broker_died (peers_t *self);
//  Delivery's report was heard but died with the broker: the effect may be repeated.
void
peers_ambiguous (peers_t *self, const step_in_t *done);
//  The loop steps delivery's report again after a rollback.
void
peers_again (peers_t *self, const step_in_t *done);
bool
peers_idle (const peers_t *self);
//  I16: of two processes with one key only one has work that is not lost.
void
peers_check_twins (const peers_t *self);
//  What a drain of the worker names.
void
peers_worker_name (const peers_t *self, uint64_t number, char ret_name [ROW_NAME]);
//  The fault of an EVENT in the link.
const fault_t *
peers_fault (peers_t *self, int number);
