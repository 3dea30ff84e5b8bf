//  sandbox - one table of flags: it writes them and it reads them.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    FLAG_TEXT,
    FLAG_COUNT,
    FLAG_PORT,
    FLAG_USER,
    FLAG_PATHS,
    FLAG_PORTS,
    FLAG_NETWORK
} kind_t;

typedef struct {
    const char *name;
    kind_t kind;
    size_t offset; //  of the member; for lists and the user, kind says which
} flag_t;

#define MEMBER(name) offsetof (sandbox_spec_t, name)

static const flag_t s_flags [] = {
    {"runtime", FLAG_TEXT, MEMBER (runtime)},
    {"user", FLAG_USER, 0},
    {"memory", FLAG_COUNT, MEMBER (memory)},
    {"cpus", FLAG_COUNT, MEMBER (cpus_milli)},
    {"pids", FLAG_COUNT, MEMBER (pids)},
    {"disk", FLAG_COUNT, MEMBER (disk)},
    {"files", FLAG_COUNT, MEMBER (files)},
    {"read-only", FLAG_PATHS, 0},
    {"gateway", FLAG_TEXT, MEMBER (gateway)},
    {"gateway-port", FLAG_PORT, MEMBER (gateway_port)},
    {"listen", FLAG_PORTS, 0},
    {"network", FLAG_NETWORK, 0},
    {"landlock-abi", FLAG_COUNT, MEMBER (landlock_abi)},
    {"cgroup", FLAG_TEXT, MEMBER (cgroup)},
    {"name", FLAG_TEXT, MEMBER (name)},
    {"image", FLAG_TEXT, MEMBER (image)},
    {"owner", FLAG_TEXT, MEMBER (owner)},
};

enum { FLAGS = sizeof s_flags / sizeof s_flags [0] };

static const char *const s_networks [SANDBOX_NETWORKS] = {"gateway", "proxy", "host"};

const char *
sandbox_flag_at (size_t index)
{
    return index < FLAGS ? s_flags [index].name : NULL;
}

const char *
sandbox_network_name (sandbox_network_t network)
{
    return s_networks [network];
}

int
sandbox_network_parse (const char *name, sandbox_network_t *ret_network)
{
    for (int i = 0; i < SANDBOX_NETWORKS; i++)
        if (strcmp (s_networks [i], name) == 0) {
            *ret_network = (sandbox_network_t) i;
            return 0;
        }
    return ERR_NONE;
}

static const void *
s_member (const sandbox_spec_t *self, const flag_t *flag)
{
    return (const char *) self + flag->offset;
}

static void *
s_slot (sandbox_spec_t *self, const flag_t *flag)
{
    return (char *) self + flag->offset;
}

//  Read a number of at most `most` that ends at the character `end`.
static int
s_number (const char *text, char end, int64_t most, int64_t *ret_number, const char **ret_rest)
{
    char *rest = NULL;
    errno = 0;
    long long number = *text >= '0' && *text <= '9' ? strtoll (text, &rest, 10) : -1;
    if (errno != 0 || number < 0 || number > most || *rest != end)
        return ERR_CONFIG;
    *ret_number = number;
    if (ret_rest)
        *ret_rest = rest + 1;
    return 0;
}

static int
s_parse_user (sandbox_spec_t *self, const char *value)
{
    int64_t uid = 0, gid = 0;
    const char *rest = "";
    int rc = s_number (value, ':', UINT32_MAX - 1, &uid, &rest);
    rc = rc ? rc : s_number (rest, 0, UINT32_MAX - 1, &gid, NULL);
    if (rc < 0)
        return rc;
    self->has_user = true;
    self->uid = (uid_t) uid;
    self->gid = (gid_t) gid;
    return 0;
}

static int
s_parse_port (const char *value, uint16_t *ret_port)
{
    int64_t port = 0;
    int rc = s_number (value, 0, UINT16_MAX, &port, NULL);
    if (rc == 0 && port > 0)
        *ret_port = (uint16_t) port;
    return rc < 0 || port == 0 ? ERR_CONFIG : 0;
}

static int
s_parse_path (sandbox_spec_t *self, const char *value)
{
    if (self->read_only_count >= SANDBOX_PATHS)
        return ERR_LIMIT;
    if (*value != '/')
        return ERR_CONFIG;
    self->read_only [self->read_only_count++] = value;
    return 0;
}

static int
s_parse_listen (sandbox_spec_t *self, const char *value)
{
    if (self->listen_count >= SANDBOX_PORTS)
        return ERR_LIMIT;
    int rc = s_parse_port (value, &self->listen [self->listen_count]);
    self->listen_count += rc == 0;
    return rc;
}

static int
s_parse (sandbox_spec_t *self, const flag_t *flag, const char *value)
{
    switch (flag->kind) {
        case FLAG_TEXT: *(const char **) s_slot (self, flag) = value; return 0;
        case FLAG_COUNT: return s_number (value, 0, INT64_MAX, s_slot (self, flag), NULL);
        case FLAG_PORT: return s_parse_port (value, s_slot (self, flag));
        case FLAG_USER: return s_parse_user (self, value);
        case FLAG_PATHS: return s_parse_path (self, value);
        case FLAG_PORTS: return s_parse_listen (self, value);
        case FLAG_NETWORK:
            return sandbox_network_parse (value, &self->network) < 0 ? ERR_CONFIG : 0;
    }
    return ERR_NONE;
}

int
sandbox_parse_flag (sandbox_spec_t *self, const char *name, const char *value)
{
    for (size_t i = 0; i < FLAGS; i++)
        if (strcmp (s_flags [i].name, name) == 0)
            return s_parse (self, &s_flags [i], value);
    return ERR_NONE;
}

static void
s_count (words_t *words, const char *name, int64_t value)
{
    if (value == 0)
        return;
    words_add (words, "--%s", name);
    words_add (words, "%lld", (long long) value);
}

static void
s_text (words_t *words, const char *name, const char *value)
{
    if (!value)
        return;
    words_add (words, "--%s", name);
    words_add (words, "%s", value);
}

static void
s_user (words_t *words, const sandbox_spec_t *self)
{
    if (!self->has_user)
        return;
    words_add (words, "--user");
    words_add (words, "%u:%u", self->uid, self->gid);
}

static void
s_write (const sandbox_spec_t *self, const flag_t *flag, words_t *words)
{
    switch (flag->kind) {
        case FLAG_TEXT:
            s_text (words, flag->name, *(const char *const *) s_member (self, flag));
            break;
        case FLAG_COUNT:
            s_count (words, flag->name, *(const int64_t *) s_member (self, flag));
            break;
        case FLAG_PORT:
            s_count (words, flag->name, *(const uint16_t *) s_member (self, flag));
            break;
        case FLAG_USER: s_user (words, self); break;
        case FLAG_PATHS:
            for (size_t i = 0; i < self->read_only_count; i++)
                s_text (words, flag->name, self->read_only [i]);
            break;
        case FLAG_PORTS:
            for (size_t i = 0; i < self->listen_count; i++)
                s_count (words, flag->name, self->listen [i]);
            break;
        case FLAG_NETWORK: s_text (words, flag->name, sandbox_network_name (self->network)); break;
    }
}

void
sandbox_words (const sandbox_spec_t *self, words_t *words)
{
    for (size_t i = 0; i < FLAGS; i++)
        s_write (self, &s_flags [i], words);
}
