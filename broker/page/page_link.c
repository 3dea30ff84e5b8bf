//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_link.h"

#include <string.h>
#include <strings.h>

static bool
s_begins (const char *address, size_t size, const char *scheme)
{
    const size_t length = strlen (scheme);
    return size > length && strncasecmp (address, scheme, length) == 0;
}

static bool
s_clean (const char *address, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (address [i] <= ' ' || address [i] >= 0x7f || strchr ("\"'<>\\`{}|^", address [i]))
            return false;
    return true;
}

bool
page_link_judge (const char *address, size_t size, page_link_t *ret_link)
{
    static const char *const schemes [] = {"http://", "https://"};
    if (!s_clean (address, size))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes [0]; i++) {
        if (!s_begins (address, size, schemes [i]))
            continue;
        const char *host = address + strlen (schemes [i]), *end = address + size;
        size_t length = 0;
        while (host + length < end && !strchr ("/?#", host [length]))
            length++;
        if (length == 0 || memchr (host, '@', length))
            return false;
        *ret_link = (page_link_t){.host = host, .size = length};
        return true;
    }
    static const char mail [] = "mailto:";
    if (!s_begins (address, size, mail))
        return false;
    *ret_link = (page_link_t){.host = address + sizeof mail - 1, .size = size - (sizeof mail - 1)};
    return true;
}
