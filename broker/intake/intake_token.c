//  SPDX-License-Identifier: Apache-2.0
#include "broker/intake/intake_token.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_BEARER "Authorization: Bearer "

//  Make a header from the first line of the file.
//  Err: -errno, ERR_LIMIT, ERR_NONE: the line is empty or blank.
static int
s_read (const char *path, char **ret_header)
{
    buf_t token = buf_init (LIMIT_SECRET_BYTES);
    int rc = conf_secret_file (path, &token);
    const char *text = rc == 0 ? token.data : "";
    size_t size = conf_secret (&text);
    if (strcspn (text, "\r\n") < size)
        size = strcspn (text, "\r\n");
    if (rc == 0 && size == 0)
        rc = ERR_NONE;
    if (rc == 0 && asprintf (ret_header, S_BEARER "%.*s", (int) size, text) < 0)
        rc = -ENOMEM;
    explicit_bzero (token.data, token.size);
    buf_fini (&token);
    return rc;
}

char *
intake_token_header (const char *path, const char *cluster)
{
    char *header = NULL;
    const int rc = s_read (path, &header);
    if (rc == 0)
        return header;
    log_warn (rc == ERR_NONE ? "token file is empty" : "token file not readable",
              kv ("cluster", cluster), kv ("file", path), kv ("error", err_str (rc)));
    return NULL;
}

int
intake_token_check (const char *path, err_diag_t *diag)
{
    char *header = NULL;
    const int rc = s_read (path, &header);
    intake_token_drop (&header);
    if (rc < 0)
        err_diag (diag, "%s: %s", path,
                  rc == ERR_NONE ? "expected a token, is empty" : err_str (rc));
    return rc;
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
