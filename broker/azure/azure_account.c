//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_account.h"

#include "common/base/base64.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_NAME_MIN = 3, //  of an account in Azure's cloud, and of a container
    S_NAME_MAX = 24,
    S_CONTAINER_MAX = 63,
    S_SHOWN = 32 //  a key of a connection string that may be shown
};

static const char s_lower [] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char s_letters [] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char s_ours [] = "azure_storage_connection_string";

//  The emulator's account, published by Microsoft for everybody.
#define S_EMULATOR_NAME "devstoreaccount1"
#define S_EMULATOR_KEY                                                                             \
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


//  --- the parts of a connection string

typedef enum {
    S_PROTOCOL,
    S_ACCOUNT,
    S_KEY,
    S_SAS,
    S_BLOB,
    S_SUFFIX,
    S_EMULATOR,
    S_PROXY,
    S_USED, //  those behind are of no use here
    S_BLOB_2 = S_USED,
    S_QUEUE,
    S_QUEUE_2,
    S_TABLE,
    S_TABLE_2,
    S_FILE,
    S_FILE_2,
    S_DFS,
    S_DFS_2,
    S_PARTS
} s_part_t;

static const char *const s_names [S_PARTS] = {[S_PROTOCOL] = "DefaultEndpointsProtocol",
                                              [S_ACCOUNT] = "AccountName",
                                              [S_KEY] = "AccountKey",
                                              [S_SAS] = "SharedAccessSignature",
                                              [S_BLOB] = "BlobEndpoint",
                                              [S_SUFFIX] = "EndpointSuffix",
                                              [S_EMULATOR] = "UseDevelopmentStorage",
                                              [S_PROXY] = "DevelopmentStorageProxyUri",
                                              [S_BLOB_2] = "BlobSecondaryEndpoint",
                                              [S_QUEUE] = "QueueEndpoint",
                                              [S_QUEUE_2] = "QueueSecondaryEndpoint",
                                              [S_TABLE] = "TableEndpoint",
                                              [S_TABLE_2] = "TableSecondaryEndpoint",
                                              [S_FILE] = "FileEndpoint",
                                              [S_FILE_2] = "FileSecondaryEndpoint",
                                              [S_DFS] = "DfsEndpoint",
                                              [S_DFS_2] = "DfsSecondaryEndpoint"};

//  A piece of the text, without the blanks around it.
typedef struct {
    const char *text; //  NULL = absent
    size_t size;
} s_piece_t;

static s_piece_t
s_piece (const char *text, size_t size)
{
    while (size > 0 && strchr (" \t\r\n", *text))
        text++, size--;
    while (size > 0 && strchr (" \t\r\n", text [size - 1]))
        size--;
    return (s_piece_t){text, size};
}

static bool
s_is (const s_piece_t *piece, const char *word)
{
    return piece->size == strlen (word) && strncasecmp (piece->text, word, piece->size) == 0;
}

static bool
s_has_only (const char *text, size_t size, const char *allowed)
{
    for (size_t i = 0; i < size; i++)
        if (!text [i] || !strchr (allowed, text [i]))
            return false;
    return true;
}

//  Copy a piece as a text.  Err: ERR_LIMIT.
static int
s_copy (const s_piece_t *piece, char *ret_text, size_t size)
{
    if (piece->size >= size || memchr (piece->text, 0, piece->size))
        return ERR_LIMIT;
    memcpy (ret_text, piece->text, piece->size);
    ret_text [piece->size] = 0;
    return 0;
}

//  Find which part this is.  A name that no key can be is shown.
static int
s_which (const s_piece_t *name, size_t number, s_part_t *ret_part, err_diag_t *diag)
{
    for (s_part_t i = 0; i < S_PARTS; i++)
        if (s_is (name, s_names [i])) {
            *ret_part = i;
            return 0;
        }
    if (name->size > 0 && name->size <= S_SHOWN && s_has_only (name->text, name->size, s_letters))
        err_diag (diag, "%s has an unknown key %.*s: write it as Azure's portal shows it", s_ours,
                  (int) name->size, name->text);
    else
        err_diag (diag,
                  "part %zu of %s has no known key: write Key=Value;Key=Value as Azure's portal "
                  "shows it",
                  number, s_ours);
    return ERR_CONFIG;
}

static int
s_split (const char *text, s_piece_t ret_parts [S_PARTS], err_diag_t *diag)
{
    size_t number = 0;
    while (*text) {
        const size_t size = strcspn (text, ";");
        const s_piece_t whole = s_piece (text, size);
        text += size + (text [size] == ';');
        if (whole.size == 0)
            continue;
        number++;
        s_part_t part = S_PARTS;
        const char *equal = memchr (whole.text, '=', whole.size);
        const size_t length = equal ? (size_t) (equal - whole.text) : whole.size;
        const s_piece_t name = s_piece (whole.text, length);
        if (!equal) {
            err_diag (diag, "part %zu of %s has no \"=\": write Key=Value;Key=Value", number,
                      s_ours);
            return ERR_CONFIG;
        }
        if (s_which (&name, number, &part, diag) < 0)
            return ERR_CONFIG;
        if (ret_parts [part].text) {
            err_diag (diag, "%s has %s twice: take one out", s_ours, s_names [part]);
            return ERR_CONFIG;
        }
        ret_parts [part] = s_piece (equal + 1, whole.size - length - 1);
    }
    return 0;
}


//  --- endpoints

//  Read ":PORT" at text, if it is there.
static bool
s_port (const char **text_p)
{
    const char *text = *text_p;
    unsigned port = 0;
    if (*text != ':')
        return true;
    for (text++; *text >= '0' && *text <= '9' && port <= UINT16_MAX; text++)
        port = port * 10 + (unsigned) (*text - '0');
    *text_p = text;
    return port > 0 && port <= UINT16_MAX && text [-1] != ':';
}

//  Split "http(s)://HOST[:PORT][/PATH]" into the account.
static bool
s_endpoint (azure_account_t *self)
{
    char *end = self->endpoint + strlen (self->endpoint);
    while (end > self->endpoint && end [-1] == '/')
        *--end = 0;
    self->https = strncasecmp (self->endpoint, "https://", 8) == 0;
    if (!self->https && strncasecmp (self->endpoint, "http://", 7) != 0)
        return false;
    const char *host = self->endpoint + (self->https ? 8 : 7), *rest = host;
    if (*host == '[') {
        rest += 1 + strspn (host + 1, "0123456789abcdefABCDEF:.");
        if (*rest++ != ']')
            return false;
    }
    else
        rest += strspn (host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    const size_t size = (size_t) (rest - host);
    if (size == 0 || size >= sizeof self->host || !s_port (&rest) || (*rest && *rest != '/'))
        return false;
    memcpy (self->host, host, size);
    self->host [size] = 0;
    return s_has_only (rest, strlen (rest),
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~")
           && !strstr (rest, "//") && !strstr (rest, "/.");
}

static int
s_emulator (const s_piece_t parts [S_PARTS], azure_account_t *self, err_diag_t *diag)
{
    char proxy [AZURE_ACCOUNT_HOST + 16] = "http://127.0.0.1";
    const s_piece_t *uri = &parts [S_PROXY];
    if (uri->text) {
        if (s_copy (uri, self->endpoint, sizeof proxy) < 0 || !s_endpoint (self)) {
            err_diag (diag, "DevelopmentStorageProxyUri in %s is no URL: write http://HOST",
                      s_ours);
            return ERR_CONFIG;
        }
        snprintf (proxy, sizeof proxy, "%s://%s", self->https ? "https" : "http", self->host);
    }
    snprintf (self->endpoint, sizeof self->endpoint, "%s:10000/" S_EMULATOR_NAME, proxy);
    return 0;
}

//  The address of the Blob service.
static int
s_locate (const s_piece_t parts [S_PARTS], azure_account_t *self, err_diag_t *diag)
{
    char protocol [6] = "https", suffix [AZURE_ACCOUNT_HOST] = "core.windows.net";
    const s_piece_t *blob = &parts [S_BLOB];
    if (blob->text) {
        if (s_copy (blob, self->endpoint, sizeof self->endpoint) < 0 || !s_endpoint (self)) {
            err_diag (diag,
                      "BlobEndpoint in %s is no URL: write http(s)://HOST[:PORT][/PATH] without a "
                      "query",
                      s_ours);
            return ERR_CONFIG;
        }
        return 0;
    }
    if (parts [S_EMULATOR].text)
        return s_emulator (parts, self, diag) < 0 || !s_endpoint (self) ? ERR_CONFIG : 0;
    if (parts [S_PROTOCOL].text
        && (s_copy (&parts [S_PROTOCOL], protocol, sizeof protocol) < 0
            || (strcasecmp (protocol, "https") != 0 && strcasecmp (protocol, "http") != 0))) {
        err_diag (diag, "DefaultEndpointsProtocol in %s must be http or https", s_ours);
        return ERR_CONFIG;
    }
    if (parts [S_SUFFIX].text && s_copy (&parts [S_SUFFIX], suffix, sizeof suffix) < 0)
        suffix [0] = 0;
    const char *dot = suffix + (suffix [0] == '.');
    snprintf (self->endpoint, sizeof self->endpoint, "%s://%s.blob.%s", protocol, self->name, dot);
    if (!*dot || !s_endpoint (self)) {
        err_diag (diag, "EndpointSuffix in %s must be a domain, such as core.windows.net", s_ours);
        return ERR_CONFIG;
    }
    return 0;
}


//  --- who we are

//  Is this a name that is part of a host name in Azure's cloud?
static int
s_check_name (const char *name, const char *option, err_diag_t *diag)
{
    const size_t size = strlen (name);
    if (size >= S_NAME_MIN && size <= S_NAME_MAX && s_has_only (name, size, s_lower))
        return 0;
    err_diag (diag,
              "%s: an account name has 3 to 24 lower-case letters and digits: copy it from Azure's "
              "portal",
              option);
    return ERR_CONFIG;
}

static int
s_decode (const char *text, size_t size, const char *option, azure_account_t *self,
          err_diag_t *diag)
{
    if (size > 0 && base64_decode (text, size, self->key, sizeof self->key, &self->key_size) == 0)
        return 0;
    err_diag (diag,
              "%s is no base64 text (it has %zu characters, Azure's have 88): copy the whole key "
              "from Azure's portal",
              option, size);
    return ERR_CONFIG;
}

static int
s_name (const s_piece_t parts [S_PARTS], azure_account_t *self, err_diag_t *diag)
{
    const s_piece_t *name = &parts [S_ACCOUNT];
    if (!name->text) {
        if (parts [S_EMULATOR].text)
            snprintf (self->name, sizeof self->name, S_EMULATOR_NAME);
        else if (!parts [S_BLOB].text || parts [S_KEY].text) {
            err_diag (diag, "%s has no AccountName: copy the whole text from Azure's portal",
                      s_ours);
            return ERR_CONFIG;
        }
        return 0;
    }
    const bool copied = s_copy (name, self->name, sizeof self->name) == 0;
    if (!parts [S_BLOB].text && !parts [S_EMULATOR].text)
        return s_check_name (copied ? self->name : "", "AccountName", diag);
    if (copied && name->size > 0
        && s_has_only (name->text, name->size,
                       "abcdefghijklmnopqrstuvwxyz0123456789-_"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        return 0;
    err_diag (diag, "AccountName in %s must have at most %d letters and digits", s_ours,
              AZURE_ACCOUNT_NAME - 1);
    return ERR_CONFIG;
}

//  Take the key, else the SharedAccessSignature.
static int
s_proof (const s_piece_t parts [S_PARTS], azure_account_t *self, err_diag_t *diag)
{
    const s_piece_t *key = &parts [S_KEY], *sas = &parts [S_SAS];
    if (key->text)
        return s_decode (key->text, key->size, "AccountKey", self, diag);
    if (sas->text) {
        const size_t mark = sas->size > 0 && sas->text [0] == '?';
        const s_piece_t query = {sas->text + mark, sas->size - mark};
        if (s_copy (&query, self->sas, sizeof self->sas) == 0 && strstr (self->sas, "sig=")
            && strspn (self->sas, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~%=&:+/,")
                   == query.size)
            return 0;
        err_diag (diag,
                  "SharedAccessSignature in %s is no signed query (sv=...&sig=...): copy the SAS "
                  "token, not its URL",
                  s_ours);
        return ERR_CONFIG;
    }
    if (parts [S_EMULATOR].text)
        return s_decode (S_EMULATOR_KEY, sizeof S_EMULATOR_KEY - 1, "AccountKey", self, diag);
    err_diag (diag,
              "%s has neither AccountKey nor SharedAccessSignature: copy the whole text from "
              "Azure's portal",
              s_ours);
    return ERR_CONFIG;
}

int
azure_account_parse (const char *text, azure_account_t *ret_account, err_diag_t *diag)
{
    s_piece_t parts [S_PARTS] = {{0}};
    own (azure_account_wipe) azure_account_t self = {0};
    if (s_split (text, parts, diag) < 0)
        return ERR_CONFIG;
    if (parts [S_EMULATOR].text && !s_is (&parts [S_EMULATOR], "true")) {
        err_diag (diag, "UseDevelopmentStorage in %s must be true, or absent", s_ours);
        return ERR_CONFIG;
    }
    if (s_name (parts, &self, diag) < 0 || s_locate (parts, &self, diag) < 0
        || s_proof (parts, &self, diag) < 0)
        return ERR_CONFIG;
    *ret_account = self;
    return 0;
}

int
azure_account_named (const char *name, const char *key, azure_account_t *ret_account,
                     err_diag_t *diag)
{
    own (azure_account_wipe) azure_account_t self = {0};
    if (s_check_name (name, "azure_storage_account", diag) < 0
        || s_decode (key, strlen (key), "azure_storage_key", &self, diag) < 0)
        return ERR_CONFIG;
    snprintf (self.name, sizeof self.name, "%s", name);
    snprintf (self.endpoint, sizeof self.endpoint, "https://%s.blob.core.windows.net", name);
    (void) s_endpoint (&self); //  a checked name
    *ret_account = self;
    return 0;
}

int
azure_account_container (const char *name, err_diag_t *diag)
{
    const size_t size = strlen (name);
    bool upper = false;
    for (size_t i = 0; i < size; i++)
        upper |= name [i] >= 'A' && name [i] <= 'Z';
    if (upper)
        err_diag (diag, "azure_storage_container %.70s has upper-case letters, Azure allows none",
                  name);
    else if (size < S_NAME_MIN || size > S_CONTAINER_MAX
             || !s_has_only (name, size, "abcdefghijklmnopqrstuvwxyz0123456789-") || name [0] == '-'
             || name [size - 1] == '-' || strstr (name, "--"))
        err_diag (
            diag,
            "azure_storage_container %.70s: a name has 3 to 63 lower-case letters, digits and "
            "single hyphens between them",
            name);
    else
        return 0;
    return ERR_CONFIG;
}

bool
azure_account_signs (const azure_account_t *self)
{
    return self->key_size > 0;
}

void
azure_account_wipe (azure_account_t *self)
{
    explicit_bzero (self, sizeof *self);
}
