//  world - a folder with a store, one incident and its attempts, for tests of the broker's threads.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/settings.h"
#include "broker/store/store.h"

typedef struct {
    char dir [64]; //  holds everything; removed by world_fini
    char root [96], state_path [96], prompt_path [96], endpoint [96];
    settings_t settings;
    store_t *store;
    row_incident_t incident;
} world_t;

//  Make the folder, the store and an incident with this event body.  It is investigating, without
//  an attempt.
void
world_init (world_t *self, const char *body, size_t size);
void
world_fini (world_t *self);
//  Write the incident's row with its current values.
void
world_save (world_t *self);
//  Write an attempt.
void
world_attempt (world_t *self, int64_t number, row_attempt_state_t state, verdict_outcome_t outcome,
               const char *identity);
//  Seal an attempt with two files.
void
world_seal (world_t *self, int64_t attempt, const char *const paths [2],
            const char *const texts [2]);
//  "<root>/<incident>/<path>"; a static buffer.
const char *
world_path (const world_t *self, const char *path);
//  The file's text, NULL when there is no file.  Own: fresh.
char *
world_read (const world_t *self, const char *path);
