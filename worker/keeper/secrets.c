//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/secrets.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/conf/conf.h"
#include "worker/base/kubeconfig.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

//  --- names

bool
secrets_next_name (const char **at_p, char ret_name [SECRETS_NAME])
{
    while (**at_p) {
        size_t size = strcspn (*at_p, ", ");
        bool good = size > 0 && size < SECRETS_NAME;
        if (good) {
            memcpy (ret_name, *at_p, size);
            ret_name [size] = 0;
        }
        *at_p += size;
        *at_p += strspn (*at_p, ", ");
        if (good)
            return true;
    }
    return false;
}

static bool
s_contains (const char *name, size_t size, const char *word)
{
    size_t length = strlen (word);
    for (size_t at = 0; at + length <= size; at++)
        if (strncasecmp (name + at, word, length) == 0)
            return true;
    return false;
}

//  Is the word a part of the name, with no letter beside it?  PAT is a part of GITHUB_PAT, but not
//  of PATH.
static bool
s_has_part (const char *name, size_t size, const char *word)
{
    size_t length = strlen (word);
    for (size_t at = 0; at + length <= size; at++) {
        bool begins = at == 0 || !isalpha ((unsigned char) name [at - 1]);
        bool ends = at + length == size || !isalpha ((unsigned char) name [at + length]);
        if (begins && ends && strncasecmp (name + at, word, length) == 0)
            return true;
    }
    return false;
}

bool
secrets_is_name (const char *name, size_t size)
{
    static const char *const words [] = {"KEY", "TOKEN", "SECRET", "PASS", "CRED"};
    static const char *const parts [] = {"PAT", "PW", "PWD", "DSN", "CONNECTION_STRING"};
    bool found = false;
    for (size_t i = 0; !found && i < sizeof words / sizeof words [0]; i++)
        found = s_contains (name, size, words [i]);
    for (size_t i = 0; !found && i < sizeof parts / sizeof parts [0]; i++)
        found = s_has_part (name, size, parts [i]);
    return found
           && !(size == 3 && strncmp (name, "PWD", 3) == 0); //  PWD alone is the shell's folder
}

const char *
secrets_variable (const char *name, size_t *ret_size)
{
    const char *value = getenv (name);
    *ret_size = value ? strlen (value) : 0;
    if (value && secrets_is_name (name, strlen (name)))
        *ret_size = conf_secret (&value);
    return *ret_size > 0 ? value : NULL;
}

//  --- secrets inside a value

//  Add user:password, and password alone, of each scheme://user:password@host.
static void
s_add_credentials (redact_t *secrets, const char *value, size_t size)
{
    const char *end = value + size, *at = value;
    while ((at = memmem (at, (size_t) (end - at), "://", 3))) {
        at += 3;
        size_t length = 0;
        while (at + length < end && !strchr ("/?# \t\r\n\"'", at [length]))
            length++;
        const char *behind = memrchr (at, '@', length);
        const char *colon = behind ? memchr (at, ':', (size_t) (behind - at)) : NULL;
        if (!colon)
            continue;
        redact_add (secrets, at, (size_t) (behind - at));
        redact_add (secrets, colon + 1, (size_t) (behind - colon - 1));
    }
}

static size_t
s_until (const char *value, size_t size, size_t at, const char *ends)
{
    while (at < size && !strchr (ends, value [at]))
        at++;
    return at;
}

//  The closing quote of a quoted value that begins at `at`; `at` when it is not quoted.
static size_t
s_quoted (const char *value, size_t size, size_t at)
{
    const bool quote = at < size && (value [at] == '\'' || value [at] == '"');
    const char *end = quote ? memchr (value + at + 1, value [at], size - at - 1) : NULL;
    return end ? (size_t) (end - value) : at;
}

//  Add the values of secret names, as in "host=h password='p q'", "Endpoint=e;AccountKey=k" and
//  "?api_token=t".
static void
s_add_pairs (redact_t *secrets, const char *value, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        const size_t name = at;
        at = s_until (value, size, at, "=;&?, \t\r\n");
        if (at == size || value [at] != '=')
            continue;
        const size_t length = at - name, from = at + 1, quote = s_quoted (value, size, from);
        at = s_until (value, size, quote, ";&?, \t\r\n");
        if (length == 0 || !secrets_is_name (value + name, length))
            continue;
        if (quote > from)
            redact_add (secrets, value + from + 1, quote - from - 1);
        else
            redact_add (secrets, value + from, at - from);
    }
}

static void
s_add_variable (redact_t *secrets, const char *name)
{
    size_t size = 0;
    const char *value = secrets_variable (name, &size);
    if (!value)
        return;
    if (secrets_is_name (name, strlen (name)))
        redact_add (secrets, value, size);
    s_add_credentials (secrets, value, size);
    s_add_pairs (secrets, value, size);
}

//  --- kubeconfig files

//  Add the contents of a file that a kubeconfig names.
static void
s_add_file (redact_t *secrets, const char *kubeconfig, const char *name)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_SECRET_BYTES);
    if (kubeconfig_read_file (kubeconfig, name, &text) < 0)
        return;
    const char *at = text.data;
    size_t length = conf_secret (&at);
    redact_add (secrets, at, length);
    explicit_bzero (text.data, text.size);
}

static bool
s_is_word (const char *text, size_t size, const char *const *words)
{
    for (; *words; words++)
        if (strlen (*words) == size && memcmp (text, *words, size) == 0)
            return true;
    return false;
}

//  Decode base64 of either alphabet.  False: it is not base64.
static bool
s_decode (const char *text, size_t size, buf_t *bytes)
{
    static const char digits [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    unsigned bits = 0, count = 0;
    for (size_t i = 0; i < size; i++) {
        if (strchr (" \r\n=", text [i]))
            continue;
        const char *digit = memchr (digits, text [i], sizeof digits - 1);
        if (!digit)
            return false;
        unsigned value = (unsigned) (digit - digits);
        bits = bits << 6 | (value < 64 ? value : value - 2);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        const char byte = (char) (bits >> count & 0xff);
        if (buf_append (bytes, &byte, 1) < 0)
            return false;
    }
    return true;
}

typedef enum { S_PLAIN, S_ENCODED, S_FILE, S_NONE } s_kind_t;

static s_kind_t
s_kind (const char *key, size_t size)
{
    static const char *const plain [] = {"password",      "client-secret", "access-token",
                                         "refresh-token", "id-token",      NULL},
                                   *const encoded [] = {"token", "client-key-data",
                                                        "client-certificate-data", NULL},
                                   *const files [] = {"tokenFile", "client-key", NULL};
    return s_is_word (key, size, plain)     ? S_PLAIN
           : s_is_word (key, size, encoded) ? S_ENCODED
           : s_is_word (key, size, files)   ? S_FILE
                                            : S_NONE;
}

static void
s_add_text (redact_t *secrets, const char *path, s_kind_t kind, const char *text)
{
    const size_t size = conf_secret (&text); //  without the line end of a block
    if (kind == S_FILE)
        s_add_file (secrets, path, text);
    else if (kind != S_NONE)
        redact_add (secrets, text, size);
    if (kind != S_ENCODED)
        return;
    own (buf_fini) buf_t bytes = buf_init (LIMIT_CONFIG_BYTES);
    if (s_decode (text, size, &bytes) && bytes.size)
        redact_add (secrets, bytes.data, bytes.size);
    if (bytes.size > 0)
        explicit_bzero (bytes.data, bytes.size);
}

//  Add the secrets of all maps, wherever they are.  The tree is not deep (yaml_tree).
static void
s_add_tree (redact_t *secrets, const char *path, json_t *node)
{
    const char *key;
    json_t *value;
    json_object_foreach (node, key, value)
    {
        if (json_is_string (value))
            s_add_text (secrets, path, s_kind (key, strlen (key)), json_string_value (value));
        s_add_tree (secrets, path, value);
    }
    for (size_t i = 0; i < json_array_size (node); i++)
        s_add_tree (secrets, path, json_array_get (node, i));
}

static void
s_add_kubeconfig (redact_t *secrets, const char *path)
{
    own (json_drop) json_t *doc = NULL;
    if (kubeconfig_read (path, &doc, NULL) == 0) //  else: logged at the start of the worker
        s_add_tree (secrets, path, doc);
}

static void
s_add_kubeconfigs (redact_t *secrets, const char *list)
{
    char path [PATH_MAX];
    while (settings_next_path (&list, path))
        s_add_kubeconfig (secrets, path);
}

//  --- all of them

void
secrets_grant (json_t *kubeconfig, redact_t *secrets)
{
    s_add_tree (secrets, "", kubeconfig);
}

void
secrets_read (const settings_t *settings, redact_t *secrets)
{
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key)) {
        const char *value = *settings_key_at (settings, key);
        redact_add (secrets, value, strlen (value));
    }
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        s_add_variable (secrets, name);
    for (const char *const *inherited = settings_inherited; *inherited; inherited++)
        s_add_variable (secrets, *inherited);
    s_add_kubeconfigs (secrets, settings->kubeconfig);
    const settings_cluster_t *clusters = settings->clusters.items;
    for (size_t i = 0; i < settings->clusters.count; i++)
        s_add_kubeconfigs (secrets, clusters [i].kubeconfig);
}

void
secrets_short (const settings_t *settings, void *ctx, secrets_short_fn *tell)
{
    for (const conf_option_t *key = settings_next_key (NULL); key; key = settings_next_key (key)) {
        const char *const *at = settings_key_at (settings, key);
        const size_t size = strlen (*at);
        if (size > 0 && size < REDACT_MIN_BYTES)
            tell (ctx, at, key->key, size);
    }
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);) {
        size_t size = 0;
        if (secrets_is_name (name, strlen (name)) && secrets_variable (name, &size)
            && size < REDACT_MIN_BYTES)
            tell (ctx, &settings->agent_env, name, size);
    }
}

static void
s_warn (void *ctx, const void *at, const char *name, size_t size)
{
    log_warn ("a secret is too short to be removed from what agents write", kv ("name", name),
              kv ("bytes", size), kv ("least", REDACT_MIN_BYTES));
}

void
secrets_warn (const settings_t *settings)
{
    secrets_short (settings, NULL, s_warn);
}
