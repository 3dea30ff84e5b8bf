//  intake_token - read, trimmed, hidden.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/intake_token.h"

#include "common/base/conf.h"
#include "common/base/limits.h"
#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_BEARER "Authorization: Bearer "

char *
intake_token_header (const char *path, const char *cluster)
{
    buf_t token = buf_init (LIMIT_SECRET_BYTES);
    int rc = conf_secret_file (path, &token);
    if (rc != 0)
        log_warn ("token file not readable", kv ("cluster", cluster), kv ("file", path),
                  kv ("error", err_str (rc)));
    const char *text = rc == 0 ? token.data : "";
    size_t size = conf_secret (&text);
    if (strcspn (text, "\r\n") < size)
        size = strcspn (text, "\r\n");
    char *header = NULL;
    if (size > 0 && asprintf (&header, S_BEARER "%.*s", (int) size, text) < 0)
        header = NULL;
    explicit_bzero (token.data, token.size);
    buf_fini (&token);
    return header;
}

void
intake_token_drop (char **header_p)
{
    if (*header_p)
        explicit_bzero (*header_p, strlen (*header_p));
    free (*header_p);
    *header_p = NULL;
}

void
intake_token_hide (const char *header, char *text)
{
    const char *token = header ? header + sizeof S_BEARER - 1 : "";
    size_t size = strlen (token);
    for (char *at = text; size > 0 && (at = strstr (at, token)); at += size)
        memset (at, '*', size);
}
