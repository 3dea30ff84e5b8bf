//  mailbox - a bounded ring of pointers between two threads.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/mailbox.h"
#include "common/base/own.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct mailbox {
    pthread_mutex_t lock;           //  guards everything below
    void **items;                   //  ring of capacity slots, owned
    size_t capacity;                //  slots
    size_t head;                    //  slot of the oldest item
    size_t count;                   //  items in the ring
    bool awake;                     //  the fd stays readable
    int fd;                         //  eventfd; its counter is 1 while count > 0 or awake, else 0
    void (*item_destroy) (void *p); //  frees items left at destroy, or NULL
};

mailbox_t *
mailbox_new (size_t capacity, void (*item_destroy) (void *item_p))
{
    assert (capacity > 0);
    mailbox_t *self = calloc (1, sizeof (mailbox_t));
    if (!self)
        return NULL;
    self->capacity = capacity;
    self->item_destroy = item_destroy;
    self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->items = calloc (capacity, sizeof (void *));
    (void) pthread_mutex_init (&self->lock, NULL);
    if (self->fd < 0 || !self->items)
        mailbox_destroy (&self);
    return self;
}

void
mailbox_destroy (mailbox_t **self_p)
{
    assert (self_p);
    mailbox_t *self = *self_p;
    if (!self)
        return;
    for (; self->count; self->count--) {
        if (self->item_destroy)
            self->item_destroy (&self->items [self->head]);
        self->head = (self->head + 1) % self->capacity;
    }
    own_fd (&self->fd);
    (void) pthread_mutex_destroy (&self->lock);
    free (self->items);
    free (self);
    *self_p = NULL;
}

//  Cannot fail: the counter is 0 and the fd is ours.
static void
s_fd_raise (mailbox_t *self)
{
    ssize_t size = write (self->fd, &(uint64_t){1}, sizeof (uint64_t));
    assert (size == sizeof (uint64_t));
    (void) size;
}

int
mailbox_send (mailbox_t *self, void *item_p)
{
    void **item = item_p;
    assert (item && *item);
    int rc = ERR_FULL;
    (void) pthread_mutex_lock (&self->lock);
    if (self->count < self->capacity) {
        self->items [(self->head + self->count) % self->capacity] = *item;
        *item = NULL;
        if (self->count++ == 0 && !self->awake)
            s_fd_raise (self);
        rc = 0;
    }
    (void) pthread_mutex_unlock (&self->lock);
    return rc;
}

void *
mailbox_recv (mailbox_t *self)
{
    void *item = NULL;
    (void) pthread_mutex_lock (&self->lock);
    if (self->count) {
        item = self->items [self->head];
        self->head = (self->head + 1) % self->capacity;
        if (--self->count == 0 && !self->awake) {
            uint64_t counter = 0;
            ssize_t size = read (self->fd, &counter, sizeof (counter));
            assert (size == sizeof (counter));
            (void) size;
        }
    }
    (void) pthread_mutex_unlock (&self->lock);
    return item;
}

int
mailbox_fd (const mailbox_t *self)
{
    return self->fd;
}

size_t
mailbox_count (mailbox_t *self)
{
    (void) pthread_mutex_lock (&self->lock);
    size_t count = self->count;
    (void) pthread_mutex_unlock (&self->lock);
    return count;
}

void
mailbox_wake (mailbox_t *self)
{
    (void) pthread_mutex_lock (&self->lock);
    if (self->count == 0 && !self->awake)
        s_fd_raise (self);
    self->awake = true;
    (void) pthread_mutex_unlock (&self->lock);
}
