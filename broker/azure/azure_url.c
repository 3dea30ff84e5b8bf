//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_url.h"

#include <errno.h>
#include <string.h>

int
azure_url_encode (buf_t *out, const char *text, bool slashes)
{
    static const char plain [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr (plain, *text) || (slashes && *text == '/'))
            buf_append (out, text, 1);
        else
            buf_printf (out, "%%%02X", (unsigned) (unsigned char) *text);
    }
    return out->failed;
}

//  Would each client keep this path as it is?
static bool
s_stays (const char *path)
{
    for (;;) {
        const size_t size = strcspn (path, "/");
        if (size == 0 || (size == 1 && path [0] == '.')
            || (size == 2 && memcmp (path, "..", 2) == 0))
            return false;
        if (!path [size])
            return true;
        path += size + 1;
    }
}

int
azure_url_blob (const azure_account_t *account, const char *container, const char *blob, buf_t *out)
{
    if (*blob && !s_stays (blob))
        return -EINVAL;
    buf_text (out, account->endpoint);
    buf_text (out, "/");
    azure_url_encode (out, container, false);
    if (*blob) {
        buf_text (out, "/");
        azure_url_encode (out, blob, true);
    }
    return out->failed;
}

const char *
azure_url_path (const char *url)
{
    const char *host = strstr (url, "://");
    const char *path = host ? strchr (host + 3, '/') : NULL;
    return path ? path : "/";
}
