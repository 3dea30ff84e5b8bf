//  SPDX-License-Identifier: Apache-2.0
#include "runner/run_result.h"

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RUN_RESULT_BYTES = LIMIT_KIB (16) };

void
run_result_boot (char ret_boot [RUN_RESULT_BOOT])
{
    ret_boot [0] = 0;
    own (own_fd) int fd = open ("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, ret_boot, RUN_RESULT_BOOT - 1);
    ret_boot [got > 0 ? got : 0] = 0;
}

json_t *
run_result_json (const run_result_t *self)
{
    char boot [RUN_RESULT_BOOT];
    run_result_boot (boot);
    own (json_drop) json_t *held = json_object ();
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++)
        (void) json_object_set_new (held, cgroup_place_part (part),
                                    json_string (cgroup_place_by (self->held [part])));
    return json_pack (
        "{s:i, s:i, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:i, s:s, s:s, s:s, s:O, s:I}", "exit_code",
        self->exit_code, "signal", self->signal, "timed_out", self->timed_out, "stopped",
        self->stopped, "timeout_ms", (json_int_t) self->timeout_ms, "started_ms",
        (json_int_t) self->started_ms, "completed_ms", (json_int_t) self->completed_ms,
        "stdout_bytes", (json_int_t) self->stdout_bytes, "stderr_bytes",
        (json_int_t) self->stderr_bytes, "left", self->left, "start_error", self->start_error,
        "boot", boot, "limit", self->limit, "held", held, "watch_us", (json_int_t) self->watch_us);
}

//  Can the numbers be those of a supervisor?  An agent can write this file, too.
static bool
s_sane (const json_t *doc)
{
    const int64_t timeout_ms = json_member_int (doc, "timeout_ms", 0);
    return timeout_ms >= 0 && timeout_ms <= LIMIT_AGENT_TIMEOUT_MS
           && clk_wall_valid (json_member_int (doc, "started_ms", 0))
           && clk_wall_valid (json_member_int (doc, "completed_ms", 0));
}

//  boot: the boot it must be from, NULL when it was received just now.
static int
s_parse (const char *text, size_t size, const char *boot, run_result_t *ret_result)
{
    own (json_drop) json_t *doc = NULL;
    int rc = json_parse (text, size, &doc, NULL);
    int64_t exit_code = rc < 0 ? -2 : json_member_int (doc, "exit_code", -2);
    if (exit_code < -1 || exit_code > UINT8_MAX || !s_sane (doc))
        return ERR_PROTO;
    if (boot && (!*boot || strcmp (json_member_text (doc, "boot", ""), boot) != 0))
        return ERR_STALE;
    *ret_result = (run_result_t){.valid = true,
                                 .exit_code = (int) exit_code,
                                 .signal = (int) json_member_int (doc, "signal", 0),
                                 .timed_out = json_is_true (json_object_get (doc, "timed_out")),
                                 .stopped = json_is_true (json_object_get (doc, "stopped")),
                                 .left = json_member_int (doc, "left", 0) != 0,
                                 .timeout_ms = json_member_int (doc, "timeout_ms", 0),
                                 .started_ms = json_member_int (doc, "started_ms", 0),
                                 .completed_ms = json_member_int (doc, "completed_ms", 0),
                                 .stdout_bytes = json_member_int (doc, "stdout_bytes", 0),
                                 .stderr_bytes = json_member_int (doc, "stderr_bytes", 0)};
    snprintf (ret_result->limit, sizeof ret_result->limit, "%s",
              json_member_text (doc, "limit", ""));
    snprintf (ret_result->start_error, sizeof ret_result->start_error, "%s",
              json_member_text (doc, "start_error", ""));
    return 0;
}

int
run_result_parse (const char *text, size_t size, run_result_t *ret_result)
{
    return s_parse (text, size, NULL, ret_result);
}

int
run_result_load (const char *workspace, run_result_t *ret_result)
{
    own (buf_fini) buf_t path = buf_init (PATH_MAX);
    own (buf_fini) buf_t text = buf_init (RUN_RESULT_BYTES);
    int rc = buf_printf (&path, "%s/" RUN_RESULT_FILE, workspace);
    if (rc == 0)
        rc = buf_read_file (&text, path.data);
    char boot [RUN_RESULT_BOOT];
    run_result_boot (boot);
    return rc < 0 ? rc : s_parse (text.data, text.size, boot, ret_result);
}

bool
run_result_final (const run_result_t *result)
{
    return result->valid && !result->stopped && !result->timed_out;
}
