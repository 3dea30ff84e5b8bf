//  post - mails between the loop and the other threads.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Take and step one mail.  Err: -EAGAIN none there; else the bytes it had.
int64_t
post_receive (loop_t *self);
//  Send a mail to a thread, now or as soon as its mailbox has room; a waiting CONFIG
//  gives way to a newer one.
void
post_send (loop_t *self, mailbox_t *to, mail_t **mail_p);
//  Hand an effect to delivery.
void
post_effect (loop_t *self, const row_effect_t *row);
//  Offer again what did not fit, in order.  At most one effect a channel and one CONFIG a thread
//  wait.
void
post_retry (loop_t *self);
//  Forget the mails that found a mailbox full.
void
post_fini (loop_t *self);
