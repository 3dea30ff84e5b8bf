//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/loop_mail.h"

#include "broker/loop/asked.h"
#include "broker/loop/turn_step.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct loop_waiting {
    mailbox_t *to;
    mail_t *mail;
    loop_waiting_t *next, *prev;
};

//  --- answers

static void
s_answer_event (loop_t *self, const asked_t *asked, const asked_answer_t *answer)
{
    const bool accepted = !answer->refused;
    mail_t *mail = mail_new (MAIL_REPLY);
    if (!mail)
        return;
    mail->as.reply.cookie = asked->cookie;
    mail->as.reply.accepted = accepted;
    mail->as.reply.disposition = answer->disposition;
    mail->as.reply.retry_ms = answer->retry_ms;
    if (answer->incident)
        mail->as.reply.incident = *answer->incident;
    if (mailbox_send (asked->reply, &mail) < 0) {
        log_warn ("reply lost, mailbox full", kv ("accepted", accepted));
        mail_destroy (&mail);
    }
}

static void
s_answer_command (loop_t *self, const asked_t *asked, const asked_answer_t *answer)
{
    const char *text = answer->refused ? "the store refused; try again soon" : answer->text;
    mail_t *mail = asked->reply ? mail_new (MAIL_COMMAND_REPLY) : NULL;
    if (!mail)
        return;
    mail->as.command_reply.cookie = asked->cookie;
    mail->as.command_reply.rc = answer->refused ? -EAGAIN : answer->rc;
    snprintf (mail->as.command_reply.text, sizeof mail->as.command_reply.text, "%s", text);
    if (mailbox_send (asked->reply, &mail) < 0)
        mail_destroy (&mail);
}

//  --- in

static void
s_mail_event (loop_t *self, mail_t *mail)
{
    const asked_t asked = {
        .answer = s_answer_event, .reply = mail->as.event.reply, .cookie = mail->as.event.cookie};
    mail->as.event.row.body = mail->as.event.body;
    asked_event (self, &mail->as.event.row, &mail->as.event.fault, mail->as.event.triage_enabled,
                 &asked);
}

//  Look up the dead effects of a channel.  *ret_dead holds them.
static int
s_dead_effects (loop_t *self, const mail_t *mail, step_in_t *in, row_effect_t **ret_dead)
{
    *ret_dead = calloc (LIMIT_CHANNEL_RETRY, sizeof **ret_dead);
    if (!*ret_dead)
        return -ENOMEM;
    snprintf (in->as.command.channel, sizeof in->as.command.channel, "%s",
              mail->as.command.channel);
    const int count = store_dead_effects (self->args.store, mail->as.command.channel, *ret_dead,
                                          LIMIT_CHANNEL_RETRY);
    in->as.command.dead = *ret_dead;
    in->as.command.dead_count = count > 0 ? (size_t) count : 0;
    return count < 0 ? count : 0;
}

static void
s_mail_command (loop_t *self, const mail_t *mail)
{
    const asked_t asked = {.answer = s_answer_command,
                           .looks = true,
                           .reply = mail->as.command.reply,
                           .cookie = mail->as.command.cookie};
    const uint64_t cookie = asked_cookie (self, asked_add (self, &asked));
    row_incident_t incident;
    row_effect_t effect;
    own (own_mem) row_effect_t *dead = NULL;
    step_in_t in = {.kind = STEP_IN_COMMAND};
    in.as.command.command = mail->as.command.command;
    in.as.command.cookie = cookie;
    snprintf (in.as.command.worker, sizeof in.as.command.worker, "%s", mail->as.command.worker);
    int rc = ERR_NONE;
    switch (in.as.command.command) {
        case STEP_COMMAND_RETRY:
        case STEP_COMMAND_CANCEL:
            rc = store_incident (self->args.store, mail->as.command.incident.text, &incident);
            in.as.command.incident = rc == 0 ? &incident : NULL;
            break;
        case STEP_COMMAND_EFFECT_RETRY:
        case STEP_COMMAND_EFFECT_CANCEL:
            rc = store_effect (self->args.store, mail->as.command.effect, &effect);
            in.as.command.effect = rc == 0 ? &effect : NULL;
            break;
        case STEP_COMMAND_CHANNEL_RETRY: rc = s_dead_effects (self, mail, &in, &dead); break;
        case STEP_COMMAND_DRAIN:
        case STEP_COMMAND_RESUME:
        case STEP_COMMAND_PROBE:
        case STEP_COMMAND_RETIRE: break;
        case STEP_COMMANDS: assert (false && "no command");
    }
    if (rc < 0 && rc != ERR_NONE) {
        self->failed = rc;
        return;
    }
    rc = turn_step (self, &in);
    if (rc < 0)
        asked_answer (self, cookie, &(asked_answer_t){.rc = rc, .text = err_str (rc)});
}

static void
s_mail_source (loop_t *self, const mail_t *mail)
{
    step_in_t in = {.kind = STEP_IN_SOURCE};
    snprintf (in.as.source.cluster, sizeof in.as.source.cluster, "%s", mail->as.source.cluster);
    snprintf (in.as.source.change, sizeof in.as.source.change, "%s", mail->as.source.change);
    snprintf (in.as.source.reason, sizeof in.as.source.reason, "%s", mail->as.source.reason);
    turn_step_once (self, &in);
}

static void
s_mail_effect_done (loop_t *self, const mail_t *mail)
{
    step_in_t in = {.kind = STEP_IN_EFFECT_DONE};
    in.as.effect.id = mail->as.effect_done.id;
    in.as.effect.result = mail->as.effect_done.result;
    in.as.effect.unreached = mail->as.effect_done.unreached;
    in.as.effect.down = mail->as.effect_done.down;
    in.as.effect.retry_after_ms = mail->as.effect_done.retry_after_ms;
    snprintf (in.as.effect.error, sizeof in.as.effect.error, "%s", mail->as.effect_done.error);
    in.as.effect.message = mail->as.effect_done.message;
    in.as.effect.folder = mail->as.effect_done.folder;
    turn_step_once (self, &in);
}

//  Pass an operator's request for a check on to delivery.
static void
s_mail_check (loop_t *self, mail_t **mail_p)
{
    loop_mail_send (self, delivery_inbox (self->threads.delivery), mail_p);
}

//  Pass the answer on to who asked.
static void
s_mail_checked (mail_t **mail_p)
{
    const bool slack = (*mail_p)->kind == MAIL_SLACK_CHECKED;
    mailbox_t *reply = slack ? (*mail_p)->as.slack.reply : (*mail_p)->as.storage.reply;
    if (mailbox_send (reply, mail_p) < 0)
        log_warn ("answer to a check lost, mailbox full", kv ("of", slack ? "slack" : "storage"));
}

//  The core does not know folders: their rows only go into this turn's transaction.
static void
s_mail_folder (loop_t *self, const mail_t *mail)
{
    const step_write_t write = {.kind = STEP_WRITE_FOLDER, .as.folder = mail->as.folder};
    self->failed = store_apply (self->args.store, &write);
}

int64_t
loop_mail_receive (loop_t *self)
{
    own (mail_destroy) mail_t *mail =
        turn_step_room (self) ? mailbox_recv (self->args.inbox) : NULL;
    if (!mail)
        return -EAGAIN;
    switch (mail->kind) {
        case MAIL_EVENT: s_mail_event (self, mail); return mail->as.event.row.body_bytes;
        case MAIL_COMMAND: s_mail_command (self, mail); break;
        case MAIL_SOURCE: s_mail_source (self, mail); break;
        case MAIL_EFFECT_DONE: s_mail_effect_done (self, mail); break;
        case MAIL_STORAGE: self->storage = mail->as.storage.found; break;
        case MAIL_STORAGE_CHECK:
        case MAIL_SLACK_CHECK:
        case MAIL_SLACK_SEND: s_mail_check (self, &mail); break;
        case MAIL_STORAGE_CHECKED:
        case MAIL_SLACK_CHECKED: s_mail_checked (&mail); break;
        case MAIL_CHECKED:
            if (turn_step (self, &mail->as.check.verdict) < 0)
                log_debug ("verdict refused", kv ("peer", mail->as.check.verdict.peer.identity));
            break;
        case MAIL_SPARE:
            step_spare (self->step, &mail->as.spare.fence, mail->as.spare.finished, self->now);
            break;
        case MAIL_FOLDER: s_mail_folder (self, mail); break;
        case MAIL_REPLY:
        case MAIL_CHECK:
        case MAIL_EFFECT:
        case MAIL_COMMAND_REPLY:
        case MAIL_CONFIG: assert (false && "a mail that is not for the loop");
    }
    return (int64_t) sizeof (mail_t);
}

//  --- out

static void
s_drop (loop_t *self, loop_waiting_t *waiting)
{
    DL_DELETE (self->waiting, waiting);
    mail_destroy (&waiting->mail);
    free (waiting);
}

void
loop_mail_fini (loop_t *self)
{
    while (self->waiting)
        s_drop (self, self->waiting);
}

void
loop_mail_retry (loop_t *self)
{
    while (self->waiting && mailbox_send (self->waiting->to, &self->waiting->mail) == 0)
        s_drop (self, self->waiting);
}

void
loop_mail_send (loop_t *self, mailbox_t *to, mail_t **mail_p)
{
    assert (to && mail_p && *mail_p);
    loop_waiting_t *waiting, *next;
    DL_FOREACH_SAFE (self->waiting, waiting, next) {
        if ((*mail_p)->kind == MAIL_CONFIG && waiting->mail->kind == MAIL_CONFIG
            && waiting->to == to)
            s_drop (self, waiting);
    }
    if (!self->waiting && mailbox_send (to, mail_p) == 0)
        return;
    waiting = calloc (1, sizeof (loop_waiting_t));
    if (!waiting) {
        log_error ("mail not handed over, out of memory");
        mail_destroy (mail_p);
        return;
    }
    waiting->to = to;
    waiting->mail = *mail_p;
    *mail_p = NULL;
    DL_APPEND (self->waiting, waiting);
}

void
loop_mail_effect (loop_t *self, const row_effect_t *row)
{
    mail_t *mail = mail_new (MAIL_EFFECT);
    if (!mail) {
        //  Its row in the store is not done, so it goes out after the next start.
        log_error ("effect not handed over, out of memory", kv ("effect", row->id));
        return;
    }
    mail->as.effect.row = *row;
    loop_mail_send (self, delivery_inbox (self->threads.delivery), &mail);
}
