//  secrets - by the name or the form of a value.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/secrets.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

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

//  A part between other characters than letters: PAT is one of GITHUB_PAT, and not of PATH.
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
    return found && !(size == 3 && strncmp (name, "PWD", 3) == 0); //  the shell's folder
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

//  --- what a value holds

//  user:password and password of each scheme://user:password@host.
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

//  The values of "host=h password=p", "Endpoint=e;AccountKey=k" and "?api_token=t".
static void
s_add_pairs (redact_t *secrets, const char *value, size_t size)
{
    static const char between [] = ";&?, \t\r\n";
    for (size_t at = 0; at < size;) {
        size_t name = at, equals = 0;
        for (; at < size && !strchr (between, value [at]); at++)
            if (value [at] == '=' && equals == 0)
                equals = at;
        if (equals > name && secrets_is_name (value + name, equals - name))
            redact_add (secrets, value + equals + 1, at - equals - 1);
        at++;
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

static void
s_add_file (redact_t *secrets, const char *path, size_t size)
{
    own (own_mem) char *name = strndup (path, size);
    own (buf_fini) buf_t text = buf_init (LIMIT_SECRET_BYTES);
    if (!name || conf_secret_file (name, &text) < 0)
        return;
    const char *at = text.data;
    size_t length = conf_secret (&at);
    redact_add (secrets, at, length);
    explicit_bzero (text.data, text.size);
}

static bool
s_is_word (const char *text, size_t size, const char *word)
{
    return strlen (word) == size && memcmp (text, word, size) == 0;
}

//  The value behind a key, in block or flow style: up to a quote, a comma or the end of its line.
static void
s_add_value (redact_t *secrets, const char *key, size_t size, const char *at)
{
    static const char *const secret [] = {"token",         "password",     "client-key-data",
                                          "client-secret", "access-token", "refresh-token",
                                          "id-token"};
    at += strspn (at, " \t");
    if (*at == '|' || *at == '>') //  its text is on the next line
        at += strcspn (at, "\n");
    at += strspn (at, " \t\r\n\"'");
    size_t length = strcspn (at, "\"'\r\n,} ");
    for (size_t i = 0; i < sizeof secret / sizeof secret [0]; i++)
        if (s_is_word (key, size, secret [i]))
            redact_add (secrets, at, length);
    if (s_is_word (key, size, "tokenFile"))
        s_add_file (secrets, at, length);
}

static void
s_add_kubeconfig (redact_t *secrets, const char *path)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    if (conf_secret_file (path, &text) < 0 || text.size == 0)
        return; //  the worker has said so when it started
    for (const char *colon = text.data; (colon = strchr (colon, ':')); colon++) {
        const char *end = colon;
        while (end > text.data && strchr ("\"' ", end [-1]))
            end--;
        const char *key = end;
        while (key > text.data && (isalnum ((unsigned char) key [-1]) || key [-1] == '-'))
            key--;
        s_add_value (secrets, key, (size_t) (end - key), colon + 1);
    }
    explicit_bzero (text.data, text.size);
}

//  A list of paths with colons between them.
static void
s_add_kubeconfigs (redact_t *secrets, const char *list)
{
    for (size_t size = 0; *list; list += size + (list [size] == ':')) {
        size = strcspn (list, ":");
        own (own_mem) char *path = strndup (list, size);
        if (path && *path)
            s_add_kubeconfig (secrets, path);
    }
}

//  --- all of them

static const char *const s_proxies [] = {"http_proxy", "https_proxy", "all_proxy",
                                         "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"};

redact_t
secrets_read (const settings_t *settings)
{
    redact_t secrets = {0};
    const char *keys [] = {settings->anthropic_api_key, settings->openai_api_key,
                           settings->gemini_api_key, settings->google_api_key};
    for (size_t i = 0; i < sizeof keys / sizeof keys [0]; i++)
        redact_add (&secrets, keys [i], strlen (keys [i]));
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        s_add_variable (&secrets, name);
    for (size_t i = 0; i < sizeof s_proxies / sizeof s_proxies [0]; i++)
        s_add_variable (&secrets, s_proxies [i]);
    s_add_kubeconfigs (&secrets, settings->kubeconfig);
    const settings_cluster_t *clusters = settings->clusters.items;
    for (size_t i = 0; i < settings->clusters.count; i++)
        s_add_kubeconfigs (&secrets, clusters [i].kubeconfig);
    return secrets;
}

static void
s_warn (const char *name, size_t size)
{
    if (size > 0 && size < REDACT_MIN_BYTES)
        log_warn ("a secret is too short to be removed from what agents write", kv ("name", name),
                  kv ("bytes", size), kv ("least", REDACT_MIN_BYTES));
}

void
secrets_warn (const settings_t *settings)
{
    s_warn ("anthropic_api_key", strlen (settings->anthropic_api_key));
    s_warn ("openai_api_key", strlen (settings->openai_api_key));
    s_warn ("gemini_api_key", strlen (settings->gemini_api_key));
    s_warn ("google_api_key", strlen (settings->google_api_key));
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);) {
        size_t size = 0;
        if (secrets_is_name (name, strlen (name)) && secrets_variable (name, &size))
            s_warn (name, size);
    }
}
