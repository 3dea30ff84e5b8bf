//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/provider.h"

#include "common/base/json.h"
#include "common/base/own.h"

#include <string.h>

enum { S_PATHS = 8 };

//  One path.  A star stands for one or more of the characters of a model's name.
typedef struct {
    const char *method, *path;
    provider_call_t call;
} path_t;

struct provider {
    const char *name, *base_url;
    const char *version; //  a first part of the path that the base URL has already, "" = none
    const char *key_header;
    path_t paths [S_PATHS];
    json_t *(*refusal) (int status, const char *sentence);
};

//  --- refusals

static json_t *
s_refuse_anthropic (int status, const char *sentence)
{
    const char *type = status == 401   ? "authentication_error"
                       : status == 404 ? "not_found_error"
                       : status == 413 ? "request_too_large"
                       : status >= 500 ? "api_error"
                                       : "invalid_request_error";
    return json_pack ("{s:s, s:{s:s, s:s}}", "type", "error", "error", "type", type, "message",
                      sentence);
}

static json_t *
s_refuse_openai (int status, const char *sentence)
{
    const char *type = status >= 500 ? "server_error" : "invalid_request_error";
    return json_pack ("{s:{s:s, s:s, s:n, s:s}}", "error", "message", sentence, "type", type,
                      "param", "code", status == 401 ? "invalid_api_key" : "refused_by_gateway");
}

static json_t *
s_refuse_gemini (int status, const char *sentence)
{
    const char *word = status == 401   ? "UNAUTHENTICATED"
                       : status == 404 ? "NOT_FOUND"
                       : status >= 500 ? "UNAVAILABLE"
                                       : "FAILED_PRECONDITION";
    return json_pack ("{s:{s:i, s:s, s:s}}", "error", "code", status, "message", sentence, "status",
                      word);
}

//  --- the table

static const provider_t s_rows [] = {
    {.name = "anthropic",
     .base_url = "https://api.anthropic.com",
     .version = "",
     .key_header = "x-api-key: ",
     .paths = {{"POST", "/v1/messages", PROVIDER_MESSAGES},
               {"POST", "/v1/messages/count_tokens", PROVIDER_FREE},
               {"GET", "/v1/models", PROVIDER_FREE},
               {"GET", "/v1/models/*", PROVIDER_FREE}},
     .refusal = s_refuse_anthropic},
    {.name = "openai",
     .base_url = "https://api.openai.com/v1",
     .version = "/v1",
     .key_header = "Authorization: Bearer ",
     .paths = {{"POST", "/responses", PROVIDER_RESPONSES},
               {"POST", "/responses/compact", PROVIDER_RESPONSES},
               {"POST", "/chat/completions", PROVIDER_CHAT},
               {"GET", "/models", PROVIDER_FREE},
               {"GET", "/models/*", PROVIDER_FREE}},
     .refusal = s_refuse_openai},
    {.name = "gemini",
     .base_url = "https://generativelanguage.googleapis.com",
     .version = "",
     .key_header = "x-goog-api-key: ",
     .paths = {{"POST", "/v1beta/models/*:generateContent", PROVIDER_GENERATE},
               {"POST", "/v1beta/models/*:streamGenerateContent", PROVIDER_GENERATE},
               {"POST", "/v1beta/models/*:countTokens", PROVIDER_FREE},
               {"GET", "/v1beta/models", PROVIDER_FREE},
               {"GET", "/v1beta/models/*", PROVIDER_FREE}},
     .refusal = s_refuse_gemini},
    {0}};

const provider_t *
provider_find (const char *name)
{
    for (const provider_t *row = s_rows; row->name; row++)
        if (strcmp (row->name, name) == 0)
            return row;
    return NULL;
}

const char *
provider_name (const provider_t *self)
{
    return self->name;
}

const char *
provider_base_url (const provider_t *self)
{
    return self->base_url;
}

static bool
s_matches (const char *pattern, const char *path)
{
    static const char name [] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t plain = strcspn (pattern, "*");
    if (strncmp (pattern, path, plain) != 0)
        return false;
    if (!pattern [plain])
        return !path [plain];
    const size_t size = strspn (path + plain, name);
    return size > 0 && path [plain] != '.'
           && strcmp (pattern + plain + 1, path + plain + size) == 0;
}

bool
provider_allows (const provider_t *self, const char *method, const char *path,
                 provider_call_t *ret_call, const char **ret_rest)
{
    const size_t size = strlen (self->version);
    if (strncmp (path, self->version, size) == 0 && path [size] == '/')
        path += size;
    for (const path_t *row = self->paths; row->method; row++)
        if (strcmp (row->method, method) == 0 && s_matches (row->path, path)) {
            *ret_call = row->call;
            *ret_rest = path;
            return true;
        }
    return false;
}

void
provider_models_url (const provider_t *self, const char *base_url, buf_t *ret_url)
{
    const char *base = *base_url ? base_url : self->base_url;
    const size_t size = strlen (base);
    const path_t *row = self->paths;
    while (row->path && (strcmp (row->method, "GET") != 0 || strchr (row->path, '*')))
        row++;
    (void) buf_append (ret_url, base, size - (size > 0 && base [size - 1] == '/'));
    (void) buf_text (ret_url, row->path ? row->path : "");
}

int
provider_key_header (const provider_t *self, const char *key, buf_t *ret_line)
{
    return buf_printf (ret_line, "%s%s", self->key_header, key);
}

void
provider_refusal (const provider_t *self, int status, const char *sentence, buf_t *ret_body)
{
    own (json_drop) json_t *doc =
        self ? self->refusal (status, sentence) : json_pack ("{s:s}", "error", sentence);
    own (own_mem) char *text = doc ? json_line (doc) : NULL;
    if (text)
        buf_text (ret_body, text);
}
