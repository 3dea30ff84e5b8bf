//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/pass.h"

#include <string.h>
#include <strings.h>

//  --- whose it is

static bool
s_query_knows (const tenant_t *tenant, const request_t *request)
{
    const char *query = request_query (request);
    while (*query) {
        const size_t size = strcspn (query, "&");
        if (size > 4 && strncmp (query, "key=", 4) == 0
            && tenant_knows (tenant, query + 4, size - 4))
            return true;
        query += size + (query [size] == '&');
    }
    return false;
}

static bool
s_knows (const tenant_t *tenant, const request_t *request)
{
    const char *bearer = request_header (request, "authorization");
    const char *own_key = request_header (request, "x-api-key");
    const char *google = request_header (request, "x-goog-api-key");
    bearer += strncasecmp (bearer, "Bearer ", 7) == 0 ? 7 : strlen (bearer);
    return tenant_knows (tenant, bearer, strlen (bearer))
           || tenant_knows (tenant, own_key, strlen (own_key))
           || tenant_knows (tenant, google, strlen (google)) || s_query_knows (tenant, request);
}

//  --- what it is for

//  Is it addressed to this gateway, not by a name that somebody made point here?
static bool
s_is_host (const char *host)
{
    const size_t size = strcspn (host, ":");
    return ((size == 9 && strncmp (host, "127.0.0.1", 9) == 0)
            || (size == 9 && strncasecmp (host, "localhost", 9) == 0))
           && !host [size + strspn (host + size, ":0123456789")];
}

bool
pass_is_tunnel (const request_t *request)
{
    return strcmp (request_method (request), "CONNECT") == 0;
}

bool
pass_is_greeting (const request_t *request)
{
    const char *method = request_method (request);
    return strcmp (request_path (request), "/") == 0
           && (strcmp (method, "HEAD") == 0 || strcmp (method, "GET") == 0);
}

//  Find the key that the path is for.
static void
s_find_key (pass_t *self, const tenant_t *tenant, const request_t *request)
{
    for (size_t i = 0; i < tenant->key_count && !tenant->proxy && !self->key; i++)
        if (provider_allows (tenant->keys [i].provider, request_method (request),
                             request_path (request), &self->kind, &self->rest))
            self->key = &tenant->keys [i];
    self->form = self->key               ? self->key->provider
                 : tenant->key_count > 0 ? tenant->keys [0].provider
                                         : NULL;
}

//  --- the judgement

static pass_t
s_stranger (const provider_t *form, int status)
{
    return (pass_t){.status = status,
                    .sentence = "the token of this run is missing",
                    .form = form,
                    .stranger = true};
}

pass_t
pass_judge (const tenant_t *tenant, const request_t *request)
{
    pass_t pass = {0};
    const char *proxy_user = request_header (request, "proxy-authorization");
    if (pass_is_tunnel (request))
        return tenant->enclosed || tenant_knows_proxy (tenant, proxy_user) ? pass
                                                                           : s_stranger (NULL, 407);
    if (request_path (request) [0] != '/')
        return (pass_t){.status = 400, .sentence = "only CONNECT reaches other hosts"};
    if (!s_is_host (request_header (request, "host")))
        return (pass_t){.status = 400, .sentence = "the Host is not this gateway"};
    if (pass_is_greeting (request))
        return pass;
    s_find_key (&pass, tenant, request);
    if (!s_knows (tenant, request))
        return s_stranger (pass.form, 401);
    if (!pass.key) {
        pass.status = 404;
        pass.sentence = "the gateway does not pass this call on";
    }
    return pass;
}
