//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/mail.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

mail_t *
mail_new (mail_kind_t kind)
{
    mail_t *self = calloc (1, sizeof (mail_t));
    if (self)
        self->kind = kind;
    return self;
}

void
mail_destroy (mail_t **self_p)
{
    assert (self_p);
    mail_t *self = *self_p;
    if (!self)
        return;
    if (self->kind == MAIL_EVENT)
        free (self->as.event.body);
    if (self->kind == MAIL_SLACK_CHECKED)
        free (self->as.slack.text);
    if (self->kind == MAIL_CONFIG) {
        conf_destroy (&self->as.config.conf);
        free (self->as.config.prompt);
    }
    free (self);
    *self_p = NULL;
}

mail_t *
mail_new_config (conf_t *conf, buf_t *prompt)
{
    assert (conf);
    mail_t *self = mail_new (MAIL_CONFIG);
    if (!self)
        return NULL;
    self->as.config.conf = conf_share (conf);
    if (!prompt)
        return self;
    self->as.config.prompt_size = prompt->size;
    self->as.config.prompt = buf_take (prompt);
    if (!self->as.config.prompt)
        mail_destroy (&self);
    return self;
}

const void *
mail_take_config (mail_t *self, conf_t **conf_p)
{
    assert (self && self->kind == MAIL_CONFIG && conf_p);
    conf_destroy (conf_p);
    *conf_p = self->as.config.conf;
    self->as.config.conf = NULL;
    return conf_settings (*conf_p);
}

void
mail_storage_found (mail_storage_t *self, const char *name, mail_storage_result_t result,
                    const char *format, ...)
{
    if (self->count == MAIL_STORAGE_STEPS)
        return;
    mail_storage_step_t *step = &self->steps [self->count++];
    va_list args;
    step->name = name;
    step->result = result;
    va_start (args, format);
    (void) vsnprintf (step->text, sizeof step->text, format, args);
    va_end (args);
}

const mail_storage_step_t *
mail_storage_bad (const mail_storage_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->steps [i].result == MAIL_STORAGE_BAD)
            return &self->steps [i];
    return NULL;
}

void
mail_item_destroy (void *item_p)
{
    mail_destroy (item_p);
}
