//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/tenant.h"

#include "common/base/base64.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

//  --- what it may

static int
s_base_url (tenant_t *self, tenant_key_t *key, const char *text, err_diag_t *diag)
{
    char host [HTTP_HOST], rule [HTTP_HOST + 8];
    uint16_t port = 0;
    const int rc = http_base (text, host, &port);
    if (rc == -EINVAL) {
        err_diag (diag, "%s: the base URL of %s must be http or https, without user and query",
                  text, provider_name (key->provider));
        return ERR_CONFIG;
    }
    key->base_url = rc ? NULL : strdup (text);
    if (!key->base_url)
        return -ENOMEM;
    size_t size = strlen (key->base_url);
    while (size > 0 && key->base_url [size - 1] == '/')
        key->base_url [--size] = 0;
    snprintf (rule, sizeof rule, "%s:%d", host, port);
    return self->proxy ? hosts_add (&self->hosts, rule, diag) : 0;
}

static int
s_add_key (tenant_t *self, const gateway_key_t *from, err_diag_t *diag)
{
    tenant_key_t *key = &self->keys [self->key_count++];
    key->provider = provider_find (from->provider);
    if (!key->provider) {
        err_diag (diag, "%s: there is no provider of this name", from->provider);
        return ERR_CONFIG;
    }
    if (strpbrk (from->key, "\r\n")) {
        err_diag (diag, "the key of %s has more than one line", from->provider);
        return ERR_CONFIG;
    }
    key->key = strdup (from->key);
    const bool given = from->base_url && from->base_url [0];
    return key->key ? s_base_url (self, key,
                                  given ? from->base_url : provider_base_url (key->provider), diag)
                    : -ENOMEM;
}

int
tenant_new (tenant_house_t *house, const gateway_spec_t *spec, tenant_t **ret_tenant,
            err_diag_t *diag)
{
    own (tenant_destroy) tenant_t *self = calloc (1, sizeof (tenant_t));
    if (strlen (spec->token) > TENANT_TOKEN) {
        err_diag (diag, "the token is longer than %d bytes", TENANT_TOKEN);
        return ERR_CONFIG;
    }
    if (!self || !(self->name = strdup (spec->name)) || !(self->token = strdup (spec->token)))
        return -ENOMEM; //  what known_fini frees is still zero
    self->known = known_init ();
    self->house = house;
    self->proxy = spec->proxy;
    self->reach = spec->reach;
    self->enclosed = spec->socket_dir != NULL;
    self->budget.limit = spec->budget_micro_usd;
    gateway_report_t *report = &self->report;
    report->input = report->output = report->cache_read = report->cache_write = -1;
    report->cost_micro_usd = -1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < spec->host_count; i++)
        rc = hosts_add (&self->hosts, spec->hosts [i], diag);
    for (size_t i = 0; rc == 0 && i < spec->key_count; i++)
        rc = s_add_key (self, &spec->keys [i], diag);
    if (rc < 0)
        return rc;
    *ret_tenant = own_take (self);
    return 0;
}

void
tenant_destroy (tenant_t **self_p)
{
    tenant_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->key_count; i++) {
        free (self->keys [i].base_url);
        free (self->keys [i].key);
    }
    known_fini (&self->known);
    free (self->name);
    free (self->token);
    free (self);
    *self_p = NULL;
}

//  Takes the same time for every text of one length.
static bool
s_is_same (const char *text, size_t size, const char *secret)
{
    unsigned char differs = 0;
    if (size == 0 || size != strlen (secret))
        return false;
    for (size_t i = 0; i < size; i++)
        differs |= (unsigned char) (text [i] ^ secret [i]);
    return differs == 0;
}

bool
tenant_knows (const tenant_t *self, const char *token, size_t size)
{
    return s_is_same (token, size, self->token);
}

bool
tenant_knows_proxy (const tenant_t *self, const char *value)
{
    char user [TENANT_TOKEN + sizeof "run:"];
    own (buf_fini) buf_t expected = buf_init (2 * sizeof user);
    const size_t scheme = strncasecmp (value, "Basic ", 6) == 0 ? 6 : strlen (value);
    snprintf (user, sizeof user, "run:%s", self->token);
    base64_encode (&expected, user, strlen (user));
    return self->token [0] && !expected.failed
           && s_is_same (value + scheme, strlen (value + scheme), expected.data);
}

//  --- what it has used

void
tenant_stranger (tenant_t *self)
{
    if (self->report.strangers++ == 0)
        log_warn ("the gateway was asked without the token of the run", kv ("run", self->name));
}

void
tenant_reaches (tenant_t *self, const char *sentence)
{
    if (!self->reached)
        log_warn ("a call of an agent is refused", kv ("run", self->name), kv ("reason", sentence));
    self->reached = true;
    tenant_failed (self, 400, RUN_CLASS_INVALID_OUTPUT, sentence, 0);
}

void
tenant_asked (tenant_t *self, const hosts_rule_t *host, bool allowed, const char *why)
{
    for (size_t i = 0; i < self->asked_count; i++)
        if (self->asked [i].port == host->port && self->asked [i].below == allowed
            && strcmp (self->asked [i].name, host->name) == 0)
            return;
    if (self->asked_count == TENANT_ASKED)
        return;
    hosts_rule_t *asked = &self->asked [self->asked_count++];
    *asked = *host;
    asked->below = allowed; //  here: the answer
    if (allowed) {
        self->report.hosts_allowed++;
        log_info ("agent reaches a host", kv ("run", self->name), kv ("host", host->name),
                  kv ("port", (int) host->port));
        return;
    }
    self->report.hosts_refused++;
    log_warn ("agent asked for a host that is refused", kv ("run", self->name),
              kv ("host", host->name), kv ("port", (int) host->port), kv ("reason", why));
}

//  Put stars over each copy of a key.
static void
s_hide (char *text, const char *key)
{
    const size_t size = strlen (key);
    for (char *at = text; size > 0 && (at = strstr (at, key)) != NULL; at += size)
        memset (at, '*', size);
}

void
tenant_failed (tenant_t *self, int status, run_class_t class, const char *sentence,
               int64_t retry_ms)
{
    char whole [4 * GATEWAY_TEXT];
    utf8_copy (whole, sizeof whole, sentence);
    for (size_t i = 0; i < self->key_count; i++)
        s_hide (whole, self->keys [i].key);
    utf8_clean (whole);
    utf8_copy (self->report.failure.sentence, GATEWAY_TEXT, whole);
    self->report.failure.class = class;
    self->report.failure.status = status;
    self->report.failure.retry_ms = retry_ms;
    self->report.ok_after_failure = false;
}

void
tenant_unpriced (tenant_t *self, const char *model)
{
    tenant_house_t *house = self->house;
    char name [GATEWAY_MODEL];
    utf8_copy (name, sizeof name, model);
    utf8_clean (name);
    self->unpriced = true;
    self->report.cost_micro_usd = -1;
    for (size_t i = 0; i < house->unpriced_count; i++)
        if (strcmp (house->unpriced [i], name) == 0)
            return;
    if (house->unpriced_count == TENANT_UNPRICED)
        return;
    memcpy (house->unpriced [house->unpriced_count++], name, sizeof name);
    log_warn ("the price of this model is not known: what runs cost stays unknown, and a budget "
              "counts it as the dearest of its provider; choose a model of a known family",
              kv ("model", name));
}
