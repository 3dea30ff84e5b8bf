//  fuzz_conf - a YAML configuration file against the broker's real option table.
//
//  Input: the file.  Comments at its head may add to the call: "#arg TEXT", "#env NAME=TEXT".
//  Holds: a file is taken or refused, never half; every refusal has clean error lines that name a
//  place; a configuration printed by --print-config is taken again and prints the same; a file that
//  did not change can be reloaded.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/base/settings.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CALL_ENTRIES = 8 };

//  What conf prints, caught: its two streams for the time of one call.
typedef struct {
    char *out, *err;
    size_t out_size, err_size;
    FILE *old_out, *old_err;
} caught_t;

static void
s_catch (caught_t *self)
{
    *self = (caught_t){.old_out = stdout, .old_err = stderr};
    stdout = open_memstream (&self->out, &self->out_size);
    stderr = open_memstream (&self->err, &self->err_size);
    assert (stdout && stderr);
}

static void
s_release (caught_t *self)
{
    fclose (stdout);
    fclose (stderr);
    stdout = self->old_out;
    stderr = self->old_err;
}

static void
s_caught_fini (caught_t *self)
{
    free (self->out);
    free (self->err);
}

//  The arguments and environment of one call.
typedef struct {
    char *args [CALL_ENTRIES + 4]; //  program, -c, path, ..., NULL
    char *env [CALL_ENTRIES + 1];
    size_t arg_count, env_count;
} call_t;

static char *
s_copy (const char *text, size_t size)
{
    char *copy = strndup (text, size);
    assert (copy);
    return copy;
}

//  What the comment lines at the head of the file ask for: "#arg TEXT", "#env TEXT".
static void
s_call (const char *bytes, size_t size, call_t *ret_call)
{
    *ret_call = (call_t){.arg_count = 3};
    ret_call->args [0] = s_copy ("fuzz", 4);
    ret_call->args [1] = s_copy ("-c", 2);
    while (size > 5 && *bytes == '#') {
        const char *end = memchr (bytes, '\n', size);
        size_t line = end ? (size_t) (end - bytes) : size;
        if (memcmp (bytes, "#arg ", 5) == 0 && ret_call->arg_count < CALL_ENTRIES)
            ret_call->args [ret_call->arg_count++] = s_copy (bytes + 5, line - 5);
        if (memcmp (bytes, "#env ", 5) == 0 && ret_call->env_count < CALL_ENTRIES)
            ret_call->env [ret_call->env_count++] = s_copy (bytes + 5, line - 5);
        line += end != NULL;
        bytes += line;
        size -= line;
    }
}

static void
s_call_fini (call_t *self)
{
    for (char **entry = self->args; *entry; entry++)
        free (*entry);
    for (char **entry = self->env; *entry; entry++)
        free (*entry);
}

static int
s_load (const void *bytes, size_t size, call_t *call, caught_t *ret_caught)
{
    own (own_fd) int fd = memfd_create ("conf", MFD_CLOEXEC);
    assert (fd >= 0 && write (fd, bytes, size) == (ssize_t) size);
    char path [64];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    call->args [2] = s_copy (path, strlen (path));
    own (conf_destroy) conf_t *conf = NULL;
    s_catch (ret_caught);
    int rc = conf_load (&settings_spec, (int) call->arg_count, call->args, call->env, &conf);
    s_release (ret_caught);
    assert ((rc == 0) == (conf != NULL));
    if (conf) {
        step_settings_t step;
        settings_step (conf_settings (conf), &step);
        settings_cluster_t clusters [LIMIT_CLUSTERS];
        (void) settings_clusters (conf_settings (conf), clusters, LIMIT_CLUSTERS);
        own (conf_destroy) conf_t *fresh = NULL;
        assert (conf_reload (conf, NULL, &fresh) == 0);
    }
    return rc;
}

static int
s_print (const void *bytes, size_t size, caught_t *ret_caught)
{
    own (s_call_fini) call_t call;
    s_call ("", 0, &call);
    call.args [call.arg_count++] = s_copy ("--print-config", 14);
    return s_load (bytes, size, &call, ret_caught);
}

//  Lines for a terminal: text, each with a place and a message.
static void
s_check_errors (const caught_t *caught)
{
    assert (caught->err_size > 0 && caught->err [caught->err_size - 1] == '\n');
    assert (json_utf8_valid (caught->err, caught->err_size));
    size_t lines = 0;
    for (const char *line = caught->err; *line; lines++) {
        size_t size = strcspn (line, "\n");
        for (size_t i = 0; i < size; i++)
            assert ((unsigned char) line [i] >= ' ' && line [i] != 0x7f);
        assert (memmem (line, size, ": ", 2) || strncmp (line, "more errors", 11) == 0);
        line += size + 1;
    }
    assert (lines <= LIMIT_CONFIG_ERRORS + 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    own (s_call_fini) call_t call;
    s_call ((const char *) data, size, &call);
    own (s_caught_fini) caught_t loaded;
    int rc = s_load (data, size, &call, &loaded);
    assert (rc >= 0 || rc == ERR_CONFIG || rc == -EINVAL);
    assert (json_utf8_valid (loaded.out, loaded.out_size));
    if (rc < 0)
        s_check_errors (&loaded);
    else
        assert (loaded.err_size == 0);

    own (s_caught_fini) caught_t printed;
    rc = s_print (data, size, &printed);
    assert (rc == ERR_CONFIG || rc > 0);
    if (rc == ERR_CONFIG) {
        s_check_errors (&printed);
        return 0;
    }
    own (s_caught_fini) caught_t again;
    assert (json_utf8_valid (printed.out, printed.out_size));
    assert (s_print (printed.out, printed.out_size, &again) > 0);
    assert (strcmp (printed.out, again.out) == 0);
    return 0;
}
