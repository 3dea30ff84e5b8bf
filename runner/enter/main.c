//  triage-enter - the innermost step into the box of a run; triage-run's runtimes start it.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"
#include "runner/enter/enter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char s_usage [] =
    "usage: triage-enter [FLAG...] -- SCRIPT [ARG...]\n"
    "\n"
    "Give up rights, then execute SCRIPT.  Started by triage-run in the box of a run; the flags\n"
    "say which rights, and change with the version.\n";

int
main (int argc, char **argv)
{
    enter_spec_t spec;
    if (argc == 2 && strcmp (argv [1], "--help") == 0)
        return fputs (s_usage, stdout) < 0 ? EXIT_RUNTIME : 0;
    if (!enter_parse (argc, argv, &spec)) {
        fputs (s_usage, stderr);
        return ENTER_FAILED;
    }
    //  Nothing runs after it: the filter would refuse what some exit handlers do.
    _exit (enter_run (&spec));
}
