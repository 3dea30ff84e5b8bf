//  ready - looks if agents can run here, before any work is taken and until they can.
//
//  It looks at the agent's script and program, the key, the runtime, and the files
//  and folders that options name.
//  Threads: an actor, because programs are asked; its functions belong to the loop.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/limits.h"
#include "common/domain/run_class.h"
#include "worker/base/settings.h"
#include "worker/loop/driver.h"

#include <stdbool.h>

//  Borrowed until the actor has ended; a newer configuration may take the place of `settings`.
typedef struct {
    const settings_t *settings;
    const char *script, *program_dir;
    const char *home; //  folder of the worker, absolute; a runtime is tried out in it
} ready_spec_t;

typedef struct {
    bool good;
    char why [LIMIT_REASON_BYTES]; //  what is missing and what to do, one sentence; "" when good
    run_class_t class;             //  of a run that lacks the first of it; NONE when good
    char runtime [DRIVER_WORD];    //  the one to use
    driver_t driver;
    conf_t *conf; //  it was looked with this; NULL = that of the spec.  Own: a share
} ready_report_t;

typedef struct ready ready_t;

//  Look now, in the caller's thread.  Waits for programs, some seconds at most.  `why` names all
//  that is missing, as far as there is room.
void
ready_look (const ready_spec_t *spec, ready_report_t *ret_report);
//  Log once what works, but not as one may think: no box, a key in the box, logins that call a
//  program.
void
ready_warn (const ready_spec_t *spec, const ready_report_t *report);

void
ready_report_destroy (ready_report_t **report_p);

//  Start the thread, which looks at once, and again every LIMIT_READY_MS until all is good.  As
//  often it reads the files of keys, and looks when one has changed.
//  conf: of spec's settings.  Own: fresh; shares conf.  NULL when out of memory or threads.
ready_t *
ready_new (const ready_spec_t *spec, conf_t *conf);
void
ready_destroy (ready_t **self_p);
//  Look again now, and with this configuration from now on.  NULL: with the last one, which the
//  thread may have read itself.  Own: shares conf.
void
ready_ask (ready_t *self, conf_t *conf);
//  The fd to wait for: readable while there is a report.
int
ready_fd (const ready_t *self);
//  The next report.  Own: fresh; NULL when there is none.
ready_report_t *
ready_take (ready_t *self);
