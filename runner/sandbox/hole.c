//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/hole.h"

#include <stddef.h>

typedef struct {
    hole_t hole;
    const char *name, *text;
} row_t;

static const row_t s_rows [] = {
    {HOLE_ALL, "all", "nothing is held: the agent can do what its user can do"},
    {HOLE_PROCESSES, "processes", "the agent sees all processes and their command lines"},
    {HOLE_METADATA, "metadata",
     "the agent sees names, sizes and modes of files that it cannot read"},
    {HOLE_OWN_FILES, "own-files", "the agent can change modes and times of files of its own user"},
    {HOLE_TCP, "tcp", "the agent can connect to any host by TCP"},
    {HOLE_TCP_PORTS, "tcp-ports",
     "the agent can connect to any host at the port of the gateway and at forwarded ports"},
    {HOLE_NETWORK, "network", "the agent uses the host's network (agent_network is host)"},
    {HOLE_SIGNALS, "signals", "the agent can signal other processes of its own user"},
    {HOLE_ROOM, "hidden-room",
     "the agent can hide room that it takes of the disk, until its run ends"},
};

enum { ROWS = sizeof s_rows / sizeof s_rows [0] };

const char *
hole_name (hole_t hole)
{
    for (int i = 0; i < ROWS; i++)
        if (s_rows [i].hole == hole)
            return s_rows [i].name;
    return NULL;
}

const char *
hole_text (hole_t hole)
{
    for (int i = 0; i < ROWS; i++)
        if (s_rows [i].hole == hole)
            return s_rows [i].text;
    return "";
}
