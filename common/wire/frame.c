//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/frame.h"

#include <endian.h>
#include <string.h>

static const char s_magic [4] = {'K', '8', 'T', '1'};

static void
s_put64 (uint8_t *at, uint64_t value)
{
    uint64_t le = htole64 (value);
    memcpy (at, &le, sizeof le);
}

static uint64_t
s_get64 (const uint8_t *at)
{
    uint64_t le;
    memcpy (&le, at, sizeof le);
    return le64toh (le);
}

void
frame_encode (const frame_t *self, uint8_t ret_bytes [FRAME_BYTES])
{
    memcpy (ret_bytes, s_magic, sizeof s_magic);
    ret_bytes [4] = self->version;
    ret_bytes [5] = self->type;
    ret_bytes [6] = (uint8_t) (self->flags & 0xff);
    ret_bytes [7] = (uint8_t) (self->flags >> 8);
    s_put64 (ret_bytes + 8, self->session);
    s_put64 (ret_bytes + 16, self->seq);
    s_put64 (ret_bytes + 24, self->corr);
}

int
frame_decode (const uint8_t *bytes, size_t size, frame_t *ret_frame)
{
    if (size != FRAME_BYTES || memcmp (bytes, s_magic, sizeof s_magic) != 0)
        return ERR_PROTO;
    ret_frame->version = bytes [4];
    ret_frame->type = bytes [5];
    ret_frame->flags = (uint16_t) (bytes [6] | bytes [7] << 8);
    ret_frame->session = s_get64 (bytes + 8);
    ret_frame->seq = s_get64 (bytes + 16);
    ret_frame->corr = s_get64 (bytes + 24);
    return 0;
}
