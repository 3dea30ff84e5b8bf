//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/rival.h"

bool
rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now)
{
    if (!worker->connected || !hello->as.hello.holder_asked)
        return true;
    if (!worker->rival)
        worker->rival_ms = now.boot_ms;
    worker->rival = hello->peer.session;
    return now.boot_ms - worker->rival_ms >= LIMIT_RIVAL_MS;
}

void
rival_heard (worker_t *worker, journal_t *journal, state_t *state, clk_now_t now)
{
    if (!worker->rival)
        return;
    step_peer_t peer = {.session = worker->rival};
    state_text (peer.identity, worker->identity);
    step_out_t *out = state_out (state, STEP_OUT_REFUSE, &peer);
    out->as.refuse.holder = worker->session;
    out->as.refuse.log =
        !worker->refused_total || now.boot_ms - worker->refusal_logged_ms >= LIMIT_REFUSAL_LOG_MS;
    worker->rival = 0;
    worker->refused_total++;
    worker->refused_ms = now.boot_ms;
    state->stats.workers_refused_total++;
    if (!out->as.refuse.log)
        return;
    worker->refusal_logged_ms = now.boot_ms;
    journal_worker (journal, state, worker, "refused", "another live worker has the same key", now);
}
