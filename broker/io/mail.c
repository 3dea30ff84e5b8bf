//  mail - what the broker's threads say to each other.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/mail.h"

#include <assert.h>
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
    free (self);
    *self_p = NULL;
}

void
mail_item_destroy (void *item_p)
{
    mail_destroy (item_p);
}
