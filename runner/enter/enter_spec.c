//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_USER = 256,
    OPTION_PROCESSES,
    OPTION_FILE_BYTES,
    OPTION_GATEWAY_FD,
    OPTION_GATEWAY,
    OPTION_LISTEN,
    OPTION_REPORT_FD,
    OPTION_INIT,
    OPTION_FORWARD,
    OPTION_SECCOMP,
    OPTION_SHARED,
    OPTION_LANDLOCK,
    OPTION_TCP,
    OPTION_SELF_TEST,
    OPTION_READ,
    OPTION_MUST_READ,
    OPTION_WRITE,
    OPTION_CONNECT
};

static const struct option s_options [] = {
    {"user", required_argument, NULL, OPTION_USER},
    {"processes", required_argument, NULL, OPTION_PROCESSES},
    {"file-bytes", required_argument, NULL, OPTION_FILE_BYTES},
    {"gateway-fd", required_argument, NULL, OPTION_GATEWAY_FD},
    {"gateway", required_argument, NULL, OPTION_GATEWAY},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"report-fd", required_argument, NULL, OPTION_REPORT_FD},
    {"init", no_argument, NULL, OPTION_INIT},
    {"forward", no_argument, NULL, OPTION_FORWARD},
    {"seccomp", no_argument, NULL, OPTION_SECCOMP},
    {"shared", no_argument, NULL, OPTION_SHARED},
    {"landlock", required_argument, NULL, OPTION_LANDLOCK},
    {"tcp", no_argument, NULL, OPTION_TCP},
    {"self-test", no_argument, NULL, OPTION_SELF_TEST},
    {"read", required_argument, NULL, OPTION_READ},
    {"must-read", required_argument, NULL, OPTION_MUST_READ},
    {"write", required_argument, NULL, OPTION_WRITE},
    {"connect", required_argument, NULL, OPTION_CONNECT},
    {0}};

static bool
s_number (const char *text, long long most, long long *ret_number)
{
    char *end = NULL;
    long long number = strtoll (text, &end, 10);
    if (end == text || *end || number < 0 || number > most)
        return false;
    *ret_number = number;
    return true;
}

static bool
s_fd (const char *text, int *ret_fd)
{
    long long number = 0;
    bool good = s_number (text, INT_MAX, &number);
    *ret_fd = (int) number;
    return good;
}

static bool
s_port (const char *text, uint16_t *ports, size_t *count)
{
    long long number = 0;
    if (*count >= ENTER_PORTS || !s_number (text, UINT16_MAX, &number) || number == 0)
        return false;
    ports [(*count)++] = (uint16_t) number;
    return true;
}

static bool
s_path (const char *text, const char **paths, size_t *count)
{
    if (*count >= ENTER_PATHS || *text != '/')
        return false;
    paths [(*count)++] = text;
    return true;
}

static bool
s_user (const char *text, enter_spec_t *spec)
{
    char *end = NULL;
    unsigned long uid = strtoul (text, &end, 10);
    if (end == text || *end != ':')
        return false;
    long long gid = 0;
    bool good = s_number (end + 1, UINT32_MAX - 1, &gid) && uid < UINT32_MAX;
    spec->has_user = true;
    spec->uid = (uid_t) uid;
    spec->gid = (gid_t) gid;
    return good;
}

static bool
s_count (const char *text, int64_t *ret_count)
{
    long long number = 0;
    bool good = s_number (text, LLONG_MAX, &number);
    *ret_count = number;
    return good;
}

static bool
s_option (int option, const char *text, enter_spec_t *spec)
{
    switch (option) {
        case OPTION_USER: return s_user (text, spec);
        case OPTION_PROCESSES: return s_count (text, &spec->processes);
        case OPTION_FILE_BYTES: return s_count (text, &spec->file_bytes);
        case OPTION_GATEWAY_FD: return s_fd (text, &spec->gateway_fd);
        case OPTION_GATEWAY: spec->gateway = text; return true;
        case OPTION_LISTEN: return s_port (text, spec->listen, &spec->listen_count);
        case OPTION_REPORT_FD: return s_fd (text, &spec->report_fd);
        case OPTION_INIT: return spec->init = true;
        case OPTION_FORWARD: return spec->forward = true;
        case OPTION_SECCOMP: return spec->seccomp = true;
        case OPTION_SHARED: return spec->shared = true;
        case OPTION_LANDLOCK: return s_fd (text, &spec->landlock);
        case OPTION_TCP: return spec->tcp = true;
        case OPTION_SELF_TEST: return spec->self_test = true;
        case OPTION_READ: return s_path (text, spec->read, &spec->read_count);
        case OPTION_MUST_READ: return s_path (text, spec->must_read, &spec->must_read_count);
        case OPTION_WRITE: return s_path (text, spec->write, &spec->write_count);
        case OPTION_CONNECT: return s_port (text, spec->connect, &spec->connect_count);
        default: return false;
    }
}

bool
enter_parse (int argc, char **argv, enter_spec_t *ret_spec)
{
    *ret_spec = (enter_spec_t){.gateway_fd = -1, .report_fd = -1};
    int option;
    while ((option = getopt_long (argc, argv, "+", s_options, NULL)) != -1)
        if (!s_option (option, optarg, ret_spec))
            return false;
    ret_spec->argv = argv + optind;
    return optind < argc || ret_spec->self_test;
}
