//  load_worker - a worker whose agent takes no time: it answers an ASSIGN with a verdict at once.
//
//  With a report it uploads one file before the verdict, as a real worker does.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/link.h"
#include "tests/bench/bench.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct load_answer load_answer_t; //  a message that waits until the socket takes it

typedef struct {
    link_t *work, *files; //  files: NULL without a report
    link_msg_t in;
    char id [37], name [32];
    int64_t slots, busy;
    int64_t credit_number, credit_free; //  last sent
    int64_t hello_us, ping_us;
    bool welcome;
    load_answer_t *out_work, *out_files;
    const char *report; //  borrowed; NULL: verdicts of failed runs, no files
    size_t report_size;
    char report_sha [65];
    int64_t assigned, done; //  ASSIGNs taken, VERDICTs acknowledged
    int64_t assigned_us;    //  when the last ASSIGN came
} load_worker_t;

//  files_endpoint and report: NULL for verdicts without files.
void
load_worker_init (load_worker_t *self, const char *work_endpoint, const char *files_endpoint,
                  const curve_keys_t *keys, const char *name, int64_t slots, const char *report);
void
load_worker_fini (load_worker_t *self);
//  Take what has come, send what is due: HELLO, CREDIT, PING, answers.
void
load_worker_turn (load_worker_t *self);
