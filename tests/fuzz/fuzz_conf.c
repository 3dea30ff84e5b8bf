//  fuzz_conf - a YAML configuration file against the broker's real option table.
//
//  Holds: a file is taken or refused, never half; every refusal has clean error lines that name a
//  place; a configuration printed by --print-config is taken again and prints the same.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/io/settings.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static int
s_load (const void *bytes, size_t size, const char *mode, caught_t *ret_caught)
{
    own (own_fd) int fd = memfd_create ("conf", MFD_CLOEXEC);
    assert (fd >= 0 && write (fd, bytes, size) == (ssize_t) size);
    char program [] = "fuzz", flag [] = "-c", path [64], ask [32], log [] = "--log-level=info";
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf (ask, sizeof ask, "%s", mode);
    char *argv [] = {program, flag, path, ask, NULL};
    char *envp [] = {NULL};
    if (!*ask)
        argv [3] = log;
    own (conf_destroy) conf_t *conf = NULL;
    s_catch (ret_caught);
    int rc = conf_load (&settings_spec, 4, argv, envp, &conf);
    s_release (ret_caught);
    assert ((rc == 0) == (conf != NULL));
    if (conf) {
        step_settings_t step;
        settings_step (conf_settings (conf), &step);
        settings_cluster_t clusters [LIMIT_CLUSTERS];
        (void) settings_clusters (conf_settings (conf), clusters, LIMIT_CLUSTERS);
    }
    return rc;
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
    own (s_caught_fini) caught_t loaded;
    int rc = s_load (data, size, "", &loaded);
    assert (rc == 0 || rc == ERR_CONFIG);
    if (rc) {
        s_check_errors (&loaded);
        return 0;
    }
    assert (loaded.err_size == 0);
    own (s_caught_fini) caught_t printed;
    assert (s_load (data, size, "--print-config", &printed) > 0);
    assert (json_utf8_valid (printed.out, printed.out_size));
    own (s_caught_fini) caught_t again;
    assert (s_load (printed.out, printed.out_size, "--print-config", &again) > 0);
    assert (strcmp (printed.out, again.out) == 0);
    return 0;
}
