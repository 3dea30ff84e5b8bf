//  runtime none - no box: the script is executed as it is.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/hole.h"
#include "runner/sandbox/runtime_part.h"

static int
s_probe (const sandbox_spec_t *spec, err_diag_t *diag)
{
    return 0;
}

static int
s_command (const sandbox_spec_t *spec, words_t *words, err_diag_t *diag)
{
    return 0;
}

static unsigned
s_holes (const sandbox_spec_t *spec)
{
    return HOLE_ALL;
}

const runtime_t runtime_none = {
    .name = "none", .holds = "nothing", .probe = s_probe, .command = s_command, .holes = s_holes};
