//  outlet - bytes on their way to a socket: gathered, sent by a flush, kept while it is slow.
//
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    OUTLET_HIGH = 256 * 1024, //  more waiting than this: whoever writes should pause
    OUTLET_MOST = 1024 * 1024 //  more than this breaks the outlet
};

typedef struct {
    int fd; //  borrowed
    buf_t waiting;
    size_t sent; //  of waiting
    bool broken; //  the other side is gone, or too slow
    bool moved;  //  bytes have left since the owner last cleared it
} outlet_t;

//  Own: embedded; init, then fini.
void
outlet_init (outlet_t *self, int fd);
void
outlet_fini (outlet_t *self);
//  Gather bytes; outlet_flush sends them.
void
outlet_write (outlet_t *self, const char *bytes, size_t size);
void
outlet_text (outlet_t *self, const char *text);
//  Send as much as goes without waiting.
void
outlet_flush (outlet_t *self);
//  Bytes that wait.
size_t
outlet_left (const outlet_t *self);
