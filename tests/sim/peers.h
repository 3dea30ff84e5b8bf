//  peers - simulates the broker's peers: workers with spools, publishers that resend, delivery.
//
//  The links between them and the broker lose, repeat and delay messages.
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

enum { PEERS_LANES = 5 }; //  storage, retention and the three receivers

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
    run_class_t class;
    int64_t retry_ms;
    bool stored;
    int64_t send_ms;
} spooled_t;

typedef struct {
    char identity [ROW_IDENTITY];
    uint64_t session, seq;
    bool up, welcomed;
    int64_t down_until_ms, heard_ms, hello_ms, ping_ms, credit_number;
    bool bad; //  its host cannot start agents
    //  Boot times until which its key is refused, and until which it says that it takes no work.
    int64_t keyless_ms, held_ms;
    bool refused;    //  in favour of its twin, since its last WELCOME
    int64_t told_ms; //  boot time of its last message that the broker accepted
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
    bool calm; //  no more faults
    bool held; //  the broker serves no prompt and accepts no file
    peer_worker_t workers [PEERS_WORKERS];
    peer_publisher_t publishers [PEERS_PUBLISHERS];
    mail_t *link; //  to the broker; messages of one peer mostly keep their order
    int64_t link_count, events_made, events_acked, reports_made;
    row_effect_t flight [PEERS_LANES]; //  at delivery; id 0 = none
    fault_t fault;                     //  of the EVENT that is being stepped
} peers_t;

void
peers_init (peers_t *self, disk_t *disk, uint64_t seed);
void
peers_fini (peers_t *self);
//  A random number below `below`.
uint64_t
peers_random (peers_t *self, uint64_t below);
//  Let all peers do what is due.
void
peers_act (peers_t *self);
//  The next message for the broker; NULL: none.  Own: fresh; free it with free ().
mail_t *
peers_next (peers_t *self);
//  Deliver a message of the broker, or lose it.
void
peers_receive (peers_t *self, const step_out_t *out);
//  The source and id of the event that an acknowledgement names.
void
peers_event (const peers_t *self, uint64_t cookie, char ret_source [16], char ret_event_id [32]);
//  Send a PING of the broker to this session.  False: its connection is closed.
bool
peers_ping (peers_t *self, const char *identity, uint64_t session);
//  The worker with this session; NULL: none has it any more.
peer_worker_t *
peers_worker (peers_t *self, const char *identity, uint64_t session);
//  Answer a sender whose session the broker does not know.
void
peers_unknown (peers_t *self, const step_peer_t *peer);
//  The broker has died: messages under way are lost, and delivery with them.
void
peers_broker_died (peers_t *self);
//  A report of delivery was stepped but not committed: the effect may be repeated.
void
peers_ambiguous (peers_t *self, const step_in_t *done);
//  The loop steps delivery's report again after a rollback.
void
peers_again (peers_t *self, const step_in_t *done);
//  Has every peer finished its work?
bool
peers_idle (const peers_t *self);
//  Check I16: of two processes with one key, only one has work that is not lost.
void
peers_check_twins (const peers_t *self);
//  The name of a worker, for a drain.
void
peers_worker_name (const peers_t *self, uint64_t number, char ret_name [ROW_NAME]);
//  The fault of an EVENT, by its number.  Own: borrowed until the next call.
const fault_t *
peers_fault (peers_t *self, int number);
