//  keeper - the thread that does what a slow disk may hold up: a finished attempt is read, hashed,
//  synced and renamed into the spool, while the loop goes on renewing leases.
//
//  Threads: give and take belong to the loop.  Uses: spool, mailbox.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/base/home.h"
#include "worker/base/settings.h"
#include "worker/keeper/spool.h"

typedef struct keeper keeper_t;

//  A finished attempt on its way into the spool.
typedef struct {
    char dir [HOME_PATH];   //  its workspace; given back: where its files are now
    char spool [HOME_PATH]; //  the name it is to get
    spool_report_t report;  //  judged; given back: with its files
    int error;              //  given back: 0, or why it could not be spooled
} keeper_item_t;

//  NULL when out of memory or threads.  Own: borrows settings.
keeper_t *
keeper_new (const settings_t *settings);
//  Waits for the item at hand; what is not begun stays in its workspace.
void
keeper_destroy (keeper_t **self_p);
//  Readable while there is an item to take.
int
keeper_fd (const keeper_t *self);
//  Own: takes the item.  Err: ERR_FULL, the caller keeps it.
int
keeper_give (keeper_t *self, keeper_item_t **item_p) must_check;
//  Own: a finished item or NULL; free it with own_mem.
keeper_item_t *
keeper_take (keeper_t *self);
