//  config - a CONFIG mail as SIGHUP makes it, for tests of the broker's threads.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"

//  Send the settings of these flags (NULL at the end); prompt: text of the system prompt, or NULL.
void
config_send (mailbox_t *to, const char *const *flags, const char *prompt);
