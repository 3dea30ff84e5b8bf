//  runtime_enter - the command line of triage-enter.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter.h"
#include "runner/sandbox/runtime_part.h"

#include <inttypes.h>
#include <unistd.h>

enum { ENTER_FILE_ABOVE = 32 << 20 }; //  bytes

void
runtime_enter (const runtime_t *self, const sandbox_spec_t *spec, words_t *words)
{
    words_add (words, "%s/triage-enter", spec->program_dir);
    words_add (words, "--seccomp");
    if (spec->has_user) {
        words_add (words, "--user");
        words_add (words, "%u:%u", spec->uid, spec->gid);
    }
    //  Above agent_disk: a run over it is to end by the watch, which says why.
    if (spec->disk > 0)
        words_number (words, "--file-bytes", spec->disk + ENTER_FILE_ABOVE);
    words_flag (words, "--write", spec->workspace);
    if (spec->self_test)
        words_add (words, "--self-test");
    else if (self->inherits)
        words_number (words, "--report-fd", ENTER_REPORT_FD);
}

void
runtime_listen (const runtime_t *self, const sandbox_spec_t *spec, words_t *words)
{
    if (!spec->gateway || spec->network == SANDBOX_HOST)
        return;
    if (self->inherits)
        words_number (words, "--gateway-fd", ENTER_GATEWAY_FD);
    else
        words_flag (words, "--gateway", RUNTIME_GATEWAY);
    words_number (words, "--listen", SANDBOX_GATEWAY_PORT);
    for (size_t i = 0; i < spec->listen_count; i++)
        words_number (words, "--listen", spec->listen [i]);
}

int
runtime_user (const sandbox_spec_t *spec, err_diag_t *diag)
{
    const uid_t uid = spec->has_user ? spec->uid : geteuid ();
    if (uid != 0)
        return 0;
    err_diag (diag, "an agent may not run as root: agent_user names another user");
    return ERR_CONFIG;
}
