//  own - scope-bound ownership for CLASS-style destructors.
//
//  The cleanup attribute wants the shape that any `void x_destroy (x_t **self_p)` already has, so
//  no per-type glue is needed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define own(destroy) __attribute__ ((cleanup (destroy)))

//  Return a local's value to the caller and leave NULL behind: return own_take (lease);
#define own_take(var)                                                                              \
    __extension__({                                                                                \
        __typeof__ (var) own_taken_ = (var);                                                       \
        (var) = NULL;                                                                              \
        own_taken_;                                                                                \
    })

//  fd wrapper: own (own_fd) int fd = -1;
static inline void
own_fd (int *fd_p)
{
    if (*fd_p >= 0)
        close (*fd_p);
    *fd_p = -1;
}

//  heap wrapper: own (own_mem) char *text = NULL; takes the address of any pointer
static inline void
own_mem (void *ptr_p)
{
    void **p = ptr_p;
    free (*p);
    *p = NULL;
}
