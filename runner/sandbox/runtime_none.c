//  runtime none - no box: the script is executed as it is, as another user where one is named.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime_part.h"

static int
s_look (const sandbox_spec_t *spec, err_diag_t *diag)
{
    return 0;
}

static int
s_command (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag)
{
    if (!spec->has_user)
        return 0;
    words_add (words, "%s/triage-enter", spec->program_dir);
    words_add (words, "--user");
    words_add (words, "%u:%u", spec->uid, spec->gid);
    words_add (words, "--");
    return words->failed;
}

static unsigned
s_holes (const sandbox_spec_t *spec)
{
    return HOLE_ALL;
}

const runtime_t runtime_none = {
    .name = "none", .holds = "nothing", .look = s_look, .command = s_command, .holes = s_holes};
