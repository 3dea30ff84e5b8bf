//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/config.h"

#include "broker/base/settings.h"
#include "common/base/own.h"

#include <assert.h>
#include <string.h>

enum { WORDS = 32 };

void
config_send (mailbox_t *to, const char *const *flags, const char *prompt)
{
    char *argv [WORDS + 2] = {strdup ("triage-broker")};
    char *envp [] = {NULL};
    int argc = 1;
    for (; flags [argc - 1] && argc < WORDS; argc++)
        argv [argc] = strdup (flags [argc - 1]);
    own (conf_destroy) conf_t *conf = NULL;
    int rc = conf_load (&settings_spec, argc, argv, envp, &conf);
    assert (rc == 0);
    for (int i = 0; i < argc; i++)
        free (argv [i]);
    own (buf_fini) buf_t text = buf_init (LIMIT_SYSTEM_PROMPT_BYTES);
    rc = prompt ? buf_append (&text, prompt, strlen (prompt)) : 0;
    assert (rc == 0);
    mail_t *mail = mail_new_config (conf, prompt ? &text : NULL);
    assert (mail);
    rc = mailbox_send (to, &mail);
    assert (rc == 0);
    (void) rc;
}
