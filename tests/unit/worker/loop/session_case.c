//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/loop/session_case.h"

static void
s_lists (void *owner, codec_list_t *ret_running, codec_list_t *ret_spooled)
{
    *ret_running = *ret_spooled = (codec_list_t){0};
}

static void
s_credit (void *owner, int64_t *ret_total, int64_t *ret_free)
{
    *ret_total = *ret_free = 1;
}

static const char *
s_held (void *owner, run_class_t *ret_class)
{
    return "";
}

static void
s_message (void *owner, const link_msg_t *msg, bool files)
{
}

session_spec_t
session_case_spec (link_t *broker, const char *files_endpoint, const curve_keys_t *keys)
{
    return (session_spec_t){.work_endpoint = link_endpoint (broker),
                            .files_endpoint = files_endpoint,
                            .name = "w",
                            .worker_id = "0190163d-8694-739b-aea5-966c26f8ad91",
                            .agent = "playbook",
                            .keys = keys,
                            .slots = 1,
                            .hooks = {NULL, s_lists, s_credit, s_held, s_message}};
}

void
session_case_welcome (link_t *broker)
{
    link_msg_t got = {0};
    err_diag_t diag;
    link_wait_t item = {.link = broker};
    link_wait (&item, 1, 20);
    while (link_recv (broker, &got, &diag) == 0) {
        msg_welcome_t welcome = {.proto = 1, .now_ms = 1, .ping_ms = 5000, .lease_ms = 60000};
        if (got.frame.type == MSG_HELLO)
            (void) link_send (broker, &got.route, MSG_WELCOME, &welcome, got.frame.seq);
    }
    link_msg_fini (&got);
}
