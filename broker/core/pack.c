//  pack - a row of some kilobytes, mostly zeros, as a few hundred bytes.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  Where literal bytes end: before a run of zeros that is worth a pair.
static size_t
s_literal_end (const unsigned char *row, size_t at, size_t size)
{
    for (;; at++) {
        const unsigned char *zero = memchr (row + at, 0, size - at);
        if (!zero)
            return size;
        at = (size_t) (zero - row);
        if (at + 4 >= size || !(row [at + 1] || row [at + 2]))
            return at;
    }
}

static size_t
s_zeros_end (const unsigned char *row, size_t at, size_t size)
{
    static const unsigned char zeros [16];
    while (at + sizeof zeros <= size && memcmp (row + at, zeros, sizeof zeros) == 0)
        at += sizeof zeros;
    while (at < size && !row [at])
        at++;
    return at;
}

//  Pack a row into pairs of (literal bytes, zero bytes), 16 bits each.  A row is mostly zeros
//  behind its short texts.
static size_t
s_pack (const unsigned char *row, size_t size, unsigned char *ret_packed)
{
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        const size_t start = at, zeros = s_literal_end (row, at, size);
        at = s_zeros_end (row, zeros, size);
        const uint16_t head [2] = {(uint16_t) (zeros - start), (uint16_t) (at - zeros)};
        memcpy (ret_packed + out, head, sizeof head);
        memcpy (ret_packed + out + sizeof head, row + start, head [0]);
        out += sizeof head + head [0];
    }
    return out;
}

void
pack_row (const entry_t *entry, row_incident_t *ret_row)
{
    memset (ret_row, 0, sizeof *ret_row);
    unsigned char *row = (unsigned char *) ret_row;
    size_t at = 0;
    for (size_t in = 0; in < entry->packed_size;) {
        uint16_t head [2];
        memcpy (head, entry->packed + in, sizeof head);
        in += sizeof head;
        assert (at + head [0] + head [1] <= sizeof *ret_row);
        memcpy (row + at, entry->packed + in, head [0]);
        in += head [0];
        at += (size_t) head [0] + head [1];
    }
}

bool
pack_keep (entry_t *entry, const row_incident_t *row)
{
    static_assert (sizeof *row < UINT16_MAX, "lengths of a packed row are 16 bits");
    unsigned char packed [sizeof *row * 2]; //  a pair stands for three zeros, but at the end
    size_t size = s_pack ((const unsigned char *) row, sizeof *row, packed);
    assert (size <= sizeof packed);
    if (size != entry->packed_size) {
        unsigned char *room = realloc (entry->packed, size);
        if (!room)
            return false;
        entry->packed = room;
        entry->packed_size = size;
    }
    memcpy (entry->packed, packed, size);
    entry->number = row->number;
    entry->attempted = row->attempts > 0;
    entry->charged = row->charged;
    entry->lost = row->lost;
    entry->state = row->state;
    entry->suppress = row->suppress;
    entry->severity = row->fault.severity;
    return true;
}
