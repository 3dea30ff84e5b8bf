//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/keeper.h"

#include "common/base/actor.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mailbox.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "worker/keeper/collect.h"
#include "worker/keeper/secrets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct keeper {
    actor_t *actor;    //  gets the items to keep
    mailbox_t *done;   //  finished items for the loop
    bool lines_logged; //  the thread's; logged that secrets have too many lines
};

//  Judge a run whose report exists but cannot be read: the agent closed it, or the disk is bad.
static void
s_unreadable (spool_verdict_t *verdict, int rc)
{
    bool agent = rc == -EACCES || rc == -EPERM || rc == ERR_LIMIT || rc == ERR_STALE;
    verdict->class = agent ? RUN_CLASS_INVALID_OUTPUT : RUN_CLASS_INFRA;
    verdict->outcome = run_class_rule (verdict->class)->outcome;
    snprintf (verdict->reason, sizeof verdict->reason, "%sinvestigation.md cannot be read: %s",
              agent ? "" : "agent execution error: ", err_str (rc));
}

//  Redact the texts of the verdict, which may quote the agent.
static void
s_clean_texts (const redact_t *secrets, spool_verdict_t *verdict)
{
    usage_t *usage = &verdict->usage;
    char *const texts [] = {verdict->reason, usage->agent, usage->version, usage->model};
    for (size_t i = 0; i < sizeof texts / sizeof texts [0]; i++)
        if (redact (secrets, texts [i], strlen (texts [i]), false) < 0)
            texts [i][0] = 0; //  out of memory
}

static void
s_tell_lines (keeper_t *self, const redact_t *secrets)
{
    if (secrets->lines_left > 0 && !self->lines_logged)
        log_warn (
            "secrets have too many lines: some are removed only where the whole secret stands",
            kv ("lines", secrets->lines), kv ("left", secrets->lines_left));
    self->lines_logged = self->lines_logged || secrets->lines_left > 0;
}

//  Keep one item.  If the disk fails, its files stay in the workspace and are uploaded from there.
static void
s_keep (keeper_t *self, keeper_item_t *item)
{
    home_claim (item->dir);
    const settings_t *settings = conf_settings (item->conf);
    redact_t *secrets = &item->granted;
    secrets_read (settings, secrets);
    s_tell_lines (self, secrets);
    int unsynced = 0;
    spool_verdict_t *verdict = &item->verdict;
    int rc = collect_files (item->dir, secrets, &item->prompt, verdict, &unsynced);
    if (rc == 0 && item->facts.run.started)
        rc = findings_judge (item->dir, &item->facts, SIZE_MAX, verdict);
    if (!*verdict->usage.agent)
        utf8_copy (verdict->usage.agent, sizeof verdict->usage.agent, settings_author (settings));
    if (rc < 0 && verdict->outcome == VERDICT_SUCCESS)
        s_unreadable (verdict, rc);
    s_clean_texts (secrets, verdict);
    redact_fini (secrets);
    item->error = unsynced ? unsynced : spool_keep (item->dir, item->spool, verdict);
    if (item->error == 0)
        snprintf (item->dir, sizeof item->dir, "%s", item->spool);
}

static void
s_run (void *arg)
{
    keeper_t *self = arg;
    while (actor_wait (self->actor, -1)) {
        keeper_item_t *item = actor_recv (self->actor);
        if (!item)
            continue;
        s_keep (self, item);
        actor_post (self->actor, &item);
    }
}

static void
s_item_destroy (void *item_p)
{
    keeper_item_destroy (item_p);
}

void
keeper_item_destroy (keeper_item_t **item_p)
{
    if (*item_p) {
        conf_destroy (&(*item_p)->conf);
        redact_fini (&(*item_p)->granted);
        buf_fini (&(*item_p)->prompt);
    }
    own_mem (item_p);
}

keeper_t *
keeper_new (void)
{
    keeper_t *self = calloc (1, sizeof (keeper_t));
    if (!self)
        return NULL;
    self->done = mailbox_new (LIMIT_SLOTS, s_item_destroy);
    if (self->done)
        self->actor = actor_new (LIMIT_SLOTS, s_item_destroy, self->done);
    if (!self->actor || actor_start (self->actor, s_run, self) < 0)
        keeper_destroy (&self);
    return self;
}

void
keeper_destroy (keeper_t **self_p)
{
    keeper_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    mailbox_destroy (&self->done);
    free (self);
    *self_p = NULL;
}

int
keeper_fd (const keeper_t *self)
{
    return mailbox_fd (self->done);
}

int
keeper_give (keeper_t *self, keeper_item_t **item_p)
{
    return mailbox_send (actor_inbox (self->actor), item_p);
}

keeper_item_t *
keeper_take (keeper_t *self)
{
    return mailbox_recv (self->done);
}
