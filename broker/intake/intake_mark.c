//  SPDX-License-Identifier: Apache-2.0
#include "broker/intake/intake_mark.h"

#include "broker/base/blob.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    S_PATH = 4096 + DIGEST_HEX + 1,
    S_TEXT = LIMIT_MCP_SESSION_BYTES + LIMIT_CLUSTER_BYTES + 32
};

static void
s_path (const char *dir, const char *name, char ret_path [S_PATH])
{
    snprintf (ret_path, S_PATH, "%s/%s", dir, name);
}

void
intake_mark_name (const char *cluster, const char *url, char *ret_name)
{
    assert (cluster && url && ret_name);
    own (own_mem) char *key = NULL;
    if (asprintf (&key, "%s %s", *cluster ? "cluster" : "url", *cluster ? cluster : url) < 0)
        key = NULL;
    digest_hex (key ? key : "", key ? strlen (key) : 0, ret_name);
}

int
intake_mark_read (const char *dir, const char *name, intake_mark_t *ret)
{
    char path [S_PATH];
    own (buf_fini) buf_t text = buf_init (S_TEXT);
    s_path (dir, name, path);
    const int rc = buf_read_file (&text, path);
    if (rc < 0)
        return rc == -ENOENT ? ERR_NONE : rc;
    //  "<until> <session>" or "<until> <session> <cluster>"
    char *blank = text.data;
    errno = 0;
    const int64_t until_ms = text.size > 0 ? strtoll (text.data, &blank, 10) : -1;
    if (until_ms < 0 || errno || *blank != ' ')
        return ERR_PROTO;
    const char *session = blank + 1;
    const size_t size = strcspn (session, " ");
    const char *cluster = session + size + (session [size] ? 1 : 0);
    if (size >= sizeof ret->session || strlen (cluster) >= sizeof ret->cluster)
        return ERR_PROTO;
    ret->until_ms = until_ms;
    snprintf (ret->session, sizeof ret->session, "%.*s", (int) size, session);
    snprintf (ret->cluster, sizeof ret->cluster, "%s", cluster);
    return 0;
}

int
intake_mark_write (const char *dir, const char *name, const intake_mark_t *mark)
{
    assert (dir && name && mark);
    char text [S_TEXT];
    const int size = snprintf (text, sizeof text, "%" PRId64 " %s%s%s", mark->until_ms,
                               mark->session, mark->cluster [0] ? " " : "", mark->cluster);
    return blob_write (dir, name, text, (size_t) size, "session");
}

void
intake_mark_drop (const char *dir, const char *name)
{
    char path [S_PATH];
    s_path (dir, name, path);
    (void) unlink (path); //  it may not exist
}
