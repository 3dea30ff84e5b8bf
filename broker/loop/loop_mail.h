//  loop_mail - mails between the loop and the other threads.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Receive and step one mail.  Returns its size in bytes.  Err: -EAGAIN: there is none.
int64_t
loop_mail_receive (loop_t *self);
//  Send a mail to a thread, now or as soon as its mailbox has room.  A newer CONFIG replaces a
//  waiting one.  Own: takes the mail.  Out of memory it is logged and lost.
void
loop_mail_send (loop_t *self, mailbox_t *to, mail_t **mail_p);
//  Send an effect to delivery.  Out of memory its row stays as it is (READY, or SENDING for a
//  message), and it is sent after the next start.
void
loop_mail_effect (loop_t *self, const row_effect_t *row);
//  Send the waiting mails in order, as far as there is room.
//  At most one effect of each channel and one CONFIG of each thread wait.
void
loop_mail_retry (loop_t *self);
//  Free the waiting mails.
void
loop_mail_fini (loop_t *self);
