//  storage_azure_work - what a save, a check and a removal in Azure have in common.
//
//  Private to storage_azure*.c.  Each of them has it as its first member, and is the `work` of its
//  job.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/storage_call.h"

typedef struct storage_azure_work storage_azure_work_t;

struct storage_azure_work {
    void (*go_on) (storage_azure_work_t *self);
    void (*cancel) (storage_azure_work_t *self);
    storage_call_place_t place;
};

//  Begin.  Each ends by calling the hook of its job, later or, on failure, before it returns.
void
storage_azure_save_begin (storage_batch_t *batch, const storage_call_place_t *place);
void
storage_azure_check_begin (storage_check_t *check, const storage_call_place_t *place);
void
storage_azure_remove_begin (storage_removal_t *removal, const storage_call_place_t *place);
