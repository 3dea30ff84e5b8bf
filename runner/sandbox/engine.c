//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/engine.h"

#include "common/base/own.h"
#include "runner/sandbox/probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ENGINE_MS = 10000,
    ENGINE_IDS = 4000 //  bytes; some 300 containers
};

const char *const engine_variables [] = {"HOME",
                                         "XDG_RUNTIME_DIR",
                                         "DBUS_SESSION_BUS_ADDRESS",
                                         "DOCKER_HOST",
                                         "DOCKER_CONFIG",
                                         "DOCKER_CONTEXT",
                                         "DOCKER_TLS_VERIFY",
                                         "DOCKER_CERT_PATH",
                                         "CONTAINERS_CONF",
                                         "CONTAINERS_STORAGE_CONF",
                                         "PODMAN_IGNORE_CGROUPSV1_WARNING",
                                         NULL};

static const struct {
    const char *name, *paths [3];
} s_programs [] = {
    {"podman", {"/usr/bin/podman", "/usr/local/bin/podman", "/bin/podman"}},
    {"docker", {"/usr/bin/docker", "/usr/local/bin/docker", "/bin/docker"}},
};

const char *
engine_program (const char *name)
{
    for (size_t i = 0; i < sizeof s_programs / sizeof s_programs [0]; i++)
        for (size_t at = 0; strcmp (s_programs [i].name, name) == 0 && at < 3; at++)
            if (access (s_programs [i].paths [at], X_OK) == 0)
                return s_programs [i].paths [at];
    return NULL;
}

bool
engine_is_variable (const char *name, size_t size)
{
    for (const char *const *at = engine_variables; *at; at++)
        if (strlen (*at) == size && memcmp (*at, name, size) == 0)
            return true;
    return false;
}

void
engine_environment (words_t *ret_words)
{
    for (const char *const *name = engine_variables; *name; name++) {
        const char *value = getenv (*name);
        if (value)
            words_add (ret_words, "%s=%s", *name, value);
    }
}

static int
s_ask (const char *program, const words_t *more, char *answer, size_t size, err_diag_t *diag)
{
    own (words_fini) words_t environment = {0};
    own (words_fini) words_t line = {0};
    engine_environment (&environment);
    words_add (&line, "%s", program);
    for (size_t i = 0; i < more->count; i++)
        words_add (&line, "%s", more->items [i]);
    const probe_spec_t spec = {.words = &line,
                               .environment = &environment,
                               .limit_ms = ENGINE_MS,
                               .answer = answer,
                               .answer_size = size};
    return more->failed ? more->failed : probe_run (&spec, diag);
}

int
engine_ask (const char *program, const char *const words [], char ret_answer [ENGINE_ANSWER],
            err_diag_t *diag)
{
    own (words_fini) words_t list = {0};
    for (; *words; words++)
        words_add (&list, "%s", *words);
    ret_answer [0] = 0;
    const int rc = s_ask (program, &list, ret_answer, ENGINE_ANSWER, diag);
    ret_answer [strcspn (ret_answer, "\n")] = 0;
    return rc;
}

int
engine_sweep (const char *program, const char *owner, err_diag_t *diag)
{
    own (words_fini) words_t look = {0}, gone = {0};
    char ids [ENGINE_IDS] = "", *rest = ids;
    words_add (&look, "ps");
    words_add (&look, "--all");
    words_add (&look, "--quiet");
    words_add (&look, "--filter");
    words_add (&look, "label=" ENGINE_OWNER "=%s", owner);
    int rc = s_ask (program, &look, ids, sizeof ids, diag);
    words_add (&gone, "rm");
    words_add (&gone, "--force");
    words_add (&gone, "--volumes");
    int count = 0;
    for (char *id; rc == 0 && (id = strtok_r (rest, " \n", &rest)); count++)
        words_add (&gone, "%s", id);
    char answer [ENGINE_ANSWER];
    if (rc == 0 && count > 0)
        rc = s_ask (program, &gone, answer, sizeof answer, diag);
    return rc < 0 ? rc : count;
}
