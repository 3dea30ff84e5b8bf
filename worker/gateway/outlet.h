//  outlet - bytes on their way to a socket: sent at once, and kept while the other side is slow.
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
//  Send bytes, or keep what does not go at once.
void
outlet_write (outlet_t *self, const char *bytes, size_t size);
void
outlet_text (outlet_t *self, const char *text);
//  Send what waits.
void
outlet_flush (outlet_t *self);
//  Bytes that wait.
size_t
outlet_left (const outlet_t *self);
