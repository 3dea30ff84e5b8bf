//  hole - what a runtime does not keep an agent from, by name.
//
//  A runtime says which holes are open on this host.  The list is what an operator reads, and
//  what the escape test checks: each named hole is open, everything else is closed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

typedef enum {
    HOLE_ALL = 1 << 0,       //  nothing is held
    HOLE_PROCESSES = 1 << 1, //  /proc lists the host's processes and their command lines
    HOLE_METADATA = 1 << 2,  //  names, sizes and modes of any file
    HOLE_OWN_FILES = 1 << 3, //  modes and times of files that belong to the same user
    HOLE_TCP = 1 << 4,       //  any host and port by TCP
    HOLE_TCP_PORTS = 1 << 5, //  any host at the ports of the gateway and those forwarded
    HOLE_NETWORK = 1 << 6,   //  the host's network, as configured
    HOLE_SIGNALS = 1 << 7,   //  signals to processes of the same user
    HOLE_ROOM = 1 << 8,      //  room of the disk that nobody counts, until the run ends
    HOLE_END = 1 << 9
} hole_t;

//  A short name; NULL: no such hole.
const char *
hole_name (hole_t hole);
//  One sentence: what an agent can do.
const char *
hole_text (hole_t hole);
