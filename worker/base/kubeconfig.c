//  SPDX-License-Identifier: Apache-2.0
#include "worker/base/kubeconfig.h"

#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/conf/conf.h"
#include "common/conf/yaml_tree.h"
#include "worker/base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

//  --- read

static int
s_parse (const char *path, const buf_t *text, json_t **ret_doc, err_diag_t *diag)
{
    err_diag_t why = {""};
    own (json_drop) json_t *doc = NULL;
    int rc = yaml_tree_parse (text->data, text->size, &doc, &why);
    if (rc == 0 && !json_is_object (doc) && !json_is_array (doc) && !json_is_null (doc)) {
        rc = ERR_PROTO;
        err_diag (&why, "no map");
    }
    if (rc == 0)
        *ret_doc = own_take (doc);
    else
        err_diag (diag, "%s: not a kubeconfig: %s", path, why.text [0] ? why.text : err_str (rc));
    return rc;
}

int
kubeconfig_read (const char *path, json_t **ret_doc, err_diag_t *diag)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    int rc = conf_secret_file (path, &text);
    if (rc < 0)
        err_diag (diag, "%s: %s", path, err_str (rc));
    else
        rc = s_parse (path, &text, ret_doc, diag);
    if (text.size > 0)
        explicit_bzero (text.data, text.size);
    return rc;
}

int
kubeconfig_read_file (const char *kubeconfig, const char *name, buf_t *text)
{
    char path [PATH_MAX];
    const char *slash = name [0] == '/' ? NULL : strrchr (kubeconfig, '/');
    const int folder = slash ? (int) (slash + 1 - kubeconfig) : 0;
    if (snprintf (path, sizeof path, "%.*s%s", folder, kubeconfig, name) >= (int) sizeof path)
        return -ENAMETOOLONG;
    return conf_secret_file (path, text);
}

//  --- flatten

static json_t *
s_base64 (const buf_t *bytes)
{
    static const char digits [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    own (buf_fini) buf_t text = buf_init (bytes->size * 2 + 4);
    for (size_t at = 0; at < bytes->size; at += 3) {
        unsigned long word = 0;
        for (size_t i = 0; i < 3; i++)
            word = word << 8 | (at + i < bytes->size ? (unsigned char) bytes->data [at + i] : 0);
        char group [4];
        for (size_t i = 0; i < 4; i++)
            group [i] = at + i > bytes->size ? '=' : digits [word >> (18 - 6 * i) & 0x3f];
        (void) buf_append (&text, group, sizeof group);
    }
    json_t *value = text.failed ? NULL : json_any_bytes (text.data, text.size);
    if (text.size > 0)
        explicit_bzero (text.data, text.size);
    return value;
}

typedef struct {
    const char *file, *value; //  keys: of a file's path, of its bytes
    bool encoded;             //  the bytes are in base64
    bool wins;                //  the file counts when both are set
} embed_t;

static const embed_t s_embeds [] = {
    {"certificate-authority", "certificate-authority-data", true, false},
    {"client-certificate", "client-certificate-data", true, false},
    {"client-key", "client-key-data", true, false},
    {"tokenFile", "token", false, true}};

//  Replace the path of a file by what is in it.
static int
s_embed (const char *path, const embed_t *embed, json_t *entry, err_diag_t *diag)
{
    const char *name = json_member_text (entry, embed->file, "");
    const bool set = *json_member_text (entry, embed->value, "") != 0;
    int rc = 0;
    if (*name && (!set || embed->wins)) {
        own (buf_fini) buf_t bytes = buf_init (LIMIT_CONFIG_BYTES);
        rc = kubeconfig_read_file (path, name, &bytes);
        if (rc < 0) {
            err_diag (diag, "%s: %s: %s", path, name, err_str (rc));
            return rc;
        }
        const char *text = bytes.data;
        size_t size = embed->encoded ? 0 : conf_secret (&text);
        json_t *value = embed->encoded ? s_base64 (&bytes) : json_any_bytes (text, size);
        rc = json_object_set_new (entry, embed->value, value) == 0 ? 0 : -ENOMEM;
        if (bytes.size > 0)
            explicit_bzero (bytes.data, bytes.size);
    }
    (void) json_object_del (entry, embed->file);
    return rc;
}

//  --- API servers

static bool
s_is_loopback (const char *host)
{
    return strcasecmp (host, "localhost") == 0 || strncmp (host, "127.", 4) == 0
           || strcmp (host, "::1") == 0;
}

//  Read host and port of https://HOST[:PORT][/PATH].
static bool
s_parse_server (const char *url, kubeconfig_server_t *ret_server)
{
    const char *scheme = strstr (url, "://");
    const bool plain = !scheme || strncasecmp (url, "http://", 7) == 0;
    const char *host = scheme ? scheme + 3 : url;
    size_t size = strcspn (host, "/?#");
    const char *at = memrchr (host, '@', size);
    if (at) {
        size -= (size_t) (at + 1 - host);
        host = at + 1;
    }
    const bool bracket = *host == '[';
    const char *end = bracket ? memchr (host, ']', size) : memchr (host, ':', size);
    const char *port = bracket && end ? end + 1 : end;
    host += bracket;
    const size_t length = end ? (size_t) (end - host) : size;
    const unsigned long number = port && *port == ':' ? strtoul (port + 1, NULL, 10)
                                 : plain              ? 80
                                                      : 443;
    ret_server->port = number <= UINT16_MAX ? (int) number : 0;
    if (length == 0 || length >= KUBECONFIG_HOST || ret_server->port < 1 || ret_server->port > 65535
        || (bracket && !end))
        return false;
    snprintf (ret_server->host, KUBECONFIG_HOST, "%.*s", (int) length, host);
    ret_server->loopback = s_is_loopback (ret_server->host);
    return true;
}

static int
s_add_server (kubeconfig_t *self, const char *path, const json_t *cluster, err_diag_t *diag)
{
    const char *url = json_member_text (cluster, "server", "");
    kubeconfig_server_t server = {0};
    if (!*url)
        return 0;
    if (!s_parse_server (url, &server)) {
        err_diag (diag, "%s: server is no address: %s", path, url);
        return ERR_PROTO;
    }
    for (size_t i = 0; i < self->server_count; i++)
        if (self->servers [i].port == server.port
            && strcmp (self->servers [i].host, server.host) == 0)
            return 0;
    if (self->server_count == KUBECONFIG_SERVERS) {
        err_diag (diag, "%s: more than %d API servers", path, KUBECONFIG_SERVERS);
        return ERR_LIMIT;
    }
    self->servers [self->server_count++] = server;
    return 0;
}

//  --- merge

static bool
s_has_name (const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size (list); i++)
        if (strcmp (json_member_text (json_array_get (list, i), "name", ""), name) == 0)
            return true;
    return false;
}

static int
s_add_entry (kubeconfig_t *self, const char *path, const char *part, json_t *item, err_diag_t *diag)
{
    json_t *entry = json_object_get (item, part);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof s_embeds / sizeof s_embeds [0]; i++)
        rc = s_embed (path, &s_embeds [i], entry, diag);
    if (rc == 0 && strcmp (part, "cluster") == 0)
        rc = s_add_server (self, path, entry, diag);
    if (json_object_get (entry, "auth-provider"))
        self->helper = "auth-provider";
    if (json_object_get (entry, "exec"))
        self->helper = "exec";
    return rc;
}

//  The names of the entries to keep, from the current context; NULL = all.
typedef struct {
    const char *context, *cluster, *user;
} keep_t;

static const char *
s_kept_name (const keep_t *keep, const char *part)
{
    return strcmp (part, "cluster") == 0 ? keep->cluster
           : strcmp (part, "user") == 0  ? keep->user
                                         : keep->context;
}

static int
s_merge_part (kubeconfig_t *self, const keep_t *keep, const char *path, const json_t *doc,
              const char *part, err_diag_t *diag)
{
    char list [16];
    snprintf (list, sizeof list, "%ss", part);
    json_t *from = json_object_get (doc, list), *to = json_object_get (self->doc, list);
    const char *kept = s_kept_name (keep, part);
    if (!to && json_object_set_new (self->doc, list, to = json_array ()) != 0)
        return -ENOMEM;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size (from); i++) {
        json_t *item = json_array_get (from, i);
        const char *name = json_member_text (item, "name", "");
        if (s_has_name (to, name) || (kept && strcmp (kept, name) != 0))
            continue;
        rc = s_add_entry (self, path, part, item, diag);
        if (rc == 0 && json_array_append (to, item) != 0)
            rc = -ENOMEM;
    }
    return rc;
}

static int
s_merge_contexts (kubeconfig_t *self, const keep_t *keep, const char *path, err_diag_t *diag)
{
    static const char current [] = "current-context";
    own (json_drop) json_t *doc = NULL;
    int rc = kubeconfig_read (path, &doc, diag);
    if (rc == 0)
        rc = s_merge_part (self, keep, path, doc, "context", diag);
    const char *context = json_member_text (doc, current, "");
    if (rc == 0 && *context && !json_object_get (self->doc, current)
        && json_object_set_new (self->doc, current, json_string (context)) != 0)
        rc = -ENOMEM;
    return rc;
}

static int
s_merge_access (kubeconfig_t *self, const keep_t *keep, const char *path, err_diag_t *diag)
{
    own (json_drop) json_t *doc = NULL;
    int rc = kubeconfig_read (path, &doc, diag);
    rc = rc ? rc : s_merge_part (self, keep, path, doc, "cluster", diag);
    return rc ? rc : s_merge_part (self, keep, path, doc, "user", diag);
}

static int
s_each_file (kubeconfig_t *self, const keep_t *keep, const char *list,
             int (*merge) (kubeconfig_t *, const keep_t *, const char *, err_diag_t *),
             err_diag_t *diag)
{
    char path [PATH_MAX];
    int rc = 0;
    while (rc == 0 && settings_next_path (&list, path))
        rc = merge (self, keep, path, diag);
    return rc;
}

//  Drop the contexts beside the current one.  Without a current context all stay.
static int
s_choose (kubeconfig_t *self, keep_t *ret_keep)
{
    const char *current = json_member_text (self->doc, "current-context", "");
    const json_t *contexts = json_object_get (self->doc, "contexts");
    for (size_t i = 0; *current && i < json_array_size (contexts); i++) {
        json_t *item = json_array_get (contexts, i);
        if (strcmp (json_member_text (item, "name", ""), current) != 0)
            continue;
        const json_t *context = json_object_get (item, "context");
        *ret_keep = (keep_t){.context = current,
                             .cluster = json_member_text (context, "cluster", ""),
                             .user = json_member_text (context, "user", "")};
        return json_object_set_new (self->doc, "contexts", json_pack ("[O]", item)) == 0 ? 0
                                                                                         : -ENOMEM;
    }
    return 0;
}

int
kubeconfig_load (const char *list, kubeconfig_t *ret_copy, err_diag_t *diag)
{
    keep_t keep = {0};
    *ret_copy =
        (kubeconfig_t){.doc = json_pack ("{s:s, s:s}", "apiVersion", "v1", "kind", "Config")};
    int rc = ret_copy->doc ? 0 : -ENOMEM;
    rc = rc ? rc : s_each_file (ret_copy, &keep, list, s_merge_contexts, diag);
    rc = rc ? rc : s_choose (ret_copy, &keep);
    rc = rc ? rc : s_each_file (ret_copy, &keep, list, s_merge_access, diag);
    if (rc == -ENOMEM)
        err_diag (diag, "kubeconfig: out of memory");
    return rc;
}

void
kubeconfig_fini (kubeconfig_t *self)
{
    json_drop (&self->doc);
    self->server_count = 0;
}

//  Open .home/.kube below a workspace, and make what is missing of it.
static int
s_open_folder (const char *workspace)
{
    static const char *const names [] = {".home", ".kube"};
    own (own_fd) int dir_fd = folder_open_path (workspace);
    for (size_t i = 0; dir_fd >= 0 && i < sizeof names / sizeof names [0]; i++) {
        if (mkdirat (dir_fd, names [i], 0700) != 0 && errno != EEXIST)
            return -errno;
        const int below = folder_open (dir_fd, names [i], false);
        own_fd (&dir_fd);
        dir_fd = below;
    }
    const int fd = dir_fd;
    dir_fd = -1;
    return fd;
}

int
kubeconfig_put (const kubeconfig_t *self, const char *workspace)
{
    own (own_mem) char *text = json_text (self->doc);
    own (own_fd) int dir_fd = s_open_folder (workspace);
    own (own_fd) int fd =
        dir_fd < 0 ? dir_fd
                   : folder_open_file (dir_fd, "config", O_WRONLY | O_CREAT | O_TRUNC, NULL);
    int rc = !text ? -ENOMEM : fd < 0 ? fd : durable_fill (fd, text, strlen (text));
    if (text)
        explicit_bzero (text, strlen (text));
    return rc;
}
