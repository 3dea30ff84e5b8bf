//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_probe.h"

#include "broker/delivery/storage_fs.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Wait between checks of a storage that does not work, doubled up to the second one.
enum { S_AGAIN_MIN_MS = 1000, S_AGAIN_MAX_MS = 60000, S_ASKS = 8 };

typedef struct {
    mailbox_t *reply;
    uint64_t cookie;
    bool begun;    //  a check has begun since
    bool answered; //  by found
} s_ask_t;

struct storage_probe {
    const storage_backend_t *const *backends;
    storage_env_t env;
    const storage_backend_t *backend; //  of the check under way, or of the last one
    storage_check_t check;
    bool running, checked; //  checked: it has ended, and nobody has looked yet
    int64_t next_ms;       //  boot time of the next check; INT64_MAX = none
    int failures;          //  in a row
    bool was_up;           //  with this configuration
    mail_storage_t found;  //  by the last check; count 0 = none yet
    s_ask_t asks [S_ASKS];
    size_t ask_count;
    bool tell, retry; //  mails to the loop that are due
    char trouble [LIMIT_REASON_BYTES];
    atomic_int up;
    atomic_llong good_ms, checks, failed;
};

storage_probe_t *
storage_probe_new (const storage_backend_t *const *backends, const storage_env_t *env)
{
    storage_probe_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->backends = backends;
    self->env = *env;
    atomic_store (&self->up, -1);
    return self;
}

static void
s_cancel (storage_probe_t *self)
{
    if (self->running && self->check.work)
        self->backend->cancel (self->check.work);
    self->running = self->checked = false;
}

void
storage_probe_destroy (storage_probe_t **self_p)
{
    storage_probe_t *self = *self_p;
    if (!self)
        return;
    s_cancel (self);
    free (self);
    *self_p = NULL;
}

static int64_t
s_now_ms (const storage_probe_t *self)
{
    return clk_now (self->env.clk).boot_ms;
}

void
storage_probe_configure (storage_probe_t *self, const settings_t *settings)
{
    s_cancel (self);
    self->env.settings = settings;
    self->failures = 0;
    self->was_up = false;
    self->next_ms = 0;
}

void
storage_probe_ask (storage_probe_t *self, const mail_t *ask)
{
    if (self->ask_count == S_ASKS) //  the oldest gives up its place; its request times out
        memmove (self->asks, self->asks + 1, --self->ask_count * sizeof self->asks [0]);
    self->asks [self->ask_count++] =
        (s_ask_t){.reply = ask->as.storage.reply, .cookie = ask->as.storage.cookie};
    self->next_ms = 0;
}

static int64_t
s_backoff (int failures)
{
    int64_t wait_ms = S_AGAIN_MIN_MS;
    for (int i = 1; i < failures && wait_ms < S_AGAIN_MAX_MS; i++)
        wait_ms *= 2;
    return wait_ms < S_AGAIN_MAX_MS ? wait_ms : S_AGAIN_MAX_MS;
}

void
storage_probe_saved (storage_probe_t *self, bool unreached)
{
    if (!unreached) {
        atomic_store (&self->good_ms, clk_now (self->env.clk).wall_ms);
        if (atomic_load (&self->up) == 1)
            self->failures = 0;
        return;
    }
    if (self->running || self->next_ms != INT64_MAX)
        return;
    //  A storage that passes each check and fails each upload is not checked all the time.
    self->failures++;
    self->next_ms = s_now_ms (self) + (self->failures > 1 ? s_backoff (self->failures) : 0);
}


//  --- what a check has found

static void
s_log_bad (const storage_probe_t *self, const mail_storage_step_t *bad)
{
    if (self->was_up || self->backend == &storage_fs)
        log_error ("storage does not work", kv ("mode", self->backend->name),
                   kv ("step", bad->name), kv ("reason", bad->text));
    else
        log_error ("failed to initialize Azure storage", kv ("step", bad->name),
                   kv ("reason", bad->text));
}

//  Are two sentences the same but for their numbers, such as times?
static bool
s_alike (const char *one, const char *other)
{
    static const char digits [] = "0123456789";
    while (*one && *other) {
        one += strspn (one, digits);
        other += strspn (other, digits);
        if (*one != *other)
            return false;
        one += *one != 0;
        other += *other != 0;
    }
    return *one == *other;
}

//  The storage does not work: log it once, and check again later.
static void
s_bad (storage_probe_t *self, const mail_storage_step_t *bad)
{
    const mail_storage_step_t *before = mail_storage_bad (&self->found);
    if (!before || !s_alike (before->text, bad->text))
        s_log_bad (self, bad);
    self->failures++;
    atomic_fetch_add (&self->failed, 1);
    atomic_store (&self->up, 0);
    self->next_ms = s_now_ms (self) + s_backoff (self->failures);
}

static void
s_good (storage_probe_t *self)
{
    const bool again = atomic_load (&self->up) == 0;
    if (again)
        log_info ("storage works again", kv ("mode", self->backend->name));
    self->retry = again;
    self->was_up = true;
    if (again)
        self->failures = 0;
    atomic_store (&self->up, 1);
    atomic_store (&self->good_ms, clk_now (self->env.clk).wall_ms);
    self->next_ms = INT64_MAX;
}

static void
s_look (storage_probe_t *self)
{
    const mail_storage_t *found = &self->check.found;
    const mail_storage_step_t *bad = mail_storage_bad (found);
    self->running = self->checked = false;
    atomic_fetch_add (&self->checks, 1);
    if (bad)
        s_bad (self, bad);
    else
        s_good (self);
    self->found = *found;
    snprintf (self->trouble, sizeof self->trouble, "%s", bad && found->stops ? bad->text : "");
    for (size_t i = 0; i < self->ask_count; i++) {
        self->asks [i].answered = self->asks [i].begun;
        if (!self->asks [i].begun) //  asked for while it ran: what it says may be out of date
            self->next_ms = 0;
    }
    self->tell = true;
}

static void
s_checked (storage_check_t *check)
{
    storage_probe_t *self = check->arg;
    self->checked = true;
}

static void
s_begin (storage_probe_t *self)
{
    self->backend = storage_choose (self->backends, self->env.settings);
    self->check = (storage_check_t){.env = &self->env, .checked = s_checked, .arg = self};
    self->check.found.backend = self->backend->name;
    for (size_t i = 0; i < self->ask_count; i++)
        self->asks [i].begun = true;
    self->next_ms = INT64_MAX;
    self->running = true;
    self->backend->check (&self->check);
}

void
storage_probe_go_on (storage_probe_t *self)
{
    if (self->running && self->check.work)
        self->backend->go_on (self->check.work);
    if (self->checked)
        s_look (self);
    if (!self->running && self->next_ms <= s_now_ms (self))
        s_begin (self);
    if (self->checked)
        s_look (self);
}


//  --- to the loop

static mail_t *
s_mail_storage (const storage_probe_t *self, mail_kind_t kind)
{
    mail_t *mail = mail_new (kind);
    if (mail)
        mail->as.storage.found = self->found;
    return mail;
}

mail_t *
storage_probe_mail (storage_probe_t *self)
{
    mail_t *mail = NULL;
    if (self->ask_count > 0 && self->asks [0].answered) {
        mail = s_mail_storage (self, MAIL_STORAGE_CHECKED);
        if (mail) {
            mail->as.storage.reply = self->asks [0].reply;
            mail->as.storage.cookie = self->asks [0].cookie;
        }
        memmove (self->asks, self->asks + 1, --self->ask_count * sizeof self->asks [0]);
    }
    else if (self->tell) {
        mail = s_mail_storage (self, MAIL_STORAGE);
        self->tell = !mail;
    }
    else if (self->retry) {
        mail = mail_new (MAIL_COMMAND);
        if (mail) {
            mail->as.command.command = STEP_COMMAND_CHANNEL_RETRY;
            snprintf (mail->as.command.channel, sizeof mail->as.command.channel, "storage");
        }
        self->retry = !mail;
    }
    return mail;
}

int64_t
storage_probe_wait_ms (const storage_probe_t *self, int64_t max_ms)
{
    if (self->checked || self->tell || self->retry
        || (self->ask_count > 0 && self->asks [0].answered))
        return 0;
    if (self->running || self->next_ms == INT64_MAX)
        return max_ms;
    const int64_t left_ms = self->next_ms - s_now_ms (self);
    return left_ms < 0 ? 0 : left_ms < max_ms ? left_ms : max_ms;
}

bool
storage_probe_worked (const storage_probe_t *self)
{
    return self->was_up;
}

const char *
storage_probe_trouble (const storage_probe_t *self)
{
    return self->trouble;
}

void
storage_probe_stats (const storage_probe_t *self, storage_probe_stats_t *ret_stats)
{
    *ret_stats = (storage_probe_stats_t){.up = atomic_load (&self->up),
                                         .good_ms = atomic_load (&self->good_ms),
                                         .checks_total = atomic_load (&self->checks),
                                         .failed_total = atomic_load (&self->failed)};
}
