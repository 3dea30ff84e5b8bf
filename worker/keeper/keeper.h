//  keeper - the thread that moves finished attempts into the spool.
//
//  It reads, redacts, hashes, syncs and renames their files, so that a slow disk does not hold up
//  the loop, which renews leases.  Threads: an actor; the functions belong to the loop.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/base/home.h"
#include "worker/base/settings.h"
#include "worker/keeper/findings.h"
#include "worker/keeper/redact.h"
#include "worker/keeper/spool.h"

typedef struct keeper keeper_t;

//  A finished attempt on its way into the spool, and the result on its way back.
typedef struct {
    conf_t *conf;           //  in: the agent ran with its keys.  Own: a share
    char dir [HOME_PATH];   //  in: its workspace; out: the folder that has its files
    char spool [HOME_PATH]; //  in: its name in the spool
    facts_t facts;          //  in
    redact_t granted;       //  in: secrets that only this agent had.  Own: of the item
    buf_t prompt;           //  in: what it was given; empty = not known.  Own: of the item
    //  in: outcome from exit code and report size; out: outcome from the contents too, and the
    //  list of files
    spool_verdict_t verdict;
    int error; //  out: 0, or why it could not be spooled; its files are still in `dir`
} keeper_item_t;

void
keeper_item_destroy (keeper_item_t **item_p);

//  Start the thread.  Own: fresh.  NULL when out of memory or threads.
keeper_t *
keeper_new (void);
//  Finish the current item and end the thread.  Items not begun stay in their workspaces.
void
keeper_destroy (keeper_t **self_p);
//  Readable while there is an item to take.
int
keeper_fd (const keeper_t *self);
//  Queue an item.  Own: takes it.  Err: ERR_FULL: the caller keeps it.
int
keeper_give (keeper_t *self, keeper_item_t **item_p) must_check;
//  Take a finished item; NULL: there is none.  Own: the caller's.
keeper_item_t *
keeper_take (keeper_t *self);
