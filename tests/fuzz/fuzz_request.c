//  fuzz_request - requests from inside: one reader, cut in any way, and nothing ambiguous passes.
//
//  Holds: the same requests however the bytes are cut; what is accepted has one length, its headers
//  are tokens, its lines whole; the body is within its limit; a budget can bound its cost.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/own.h"
#include "worker/gateway/ask.h"
#include "worker/gateway/hosts.h"
#include "worker/gateway/provider.h"
#include "worker/gateway/request.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 4096, SEEN_MAX = 1024 * 1024 };

static bool
s_has (const char *text, const char *bad)
{
    return text [strcspn (text, bad)] != 0;
}

static void
s_check_ask (request_t *request)
{
    static const char *const names [] = {"anthropic", "openai", "gemini"};
    for (int i = 0; i < 3; i++) {
        provider_call_t call;
        const char *rest = NULL;
        const provider_t *row = provider_find (names [i]);
        if (!provider_allows (row, request_method (request), request_path (request), &call, &rest))
            continue;
        assert (rest [0] == '/' && !strstr (rest, "/.") && !strstr (rest, "//"));
        assert (!s_has (rest, "%\\ ?#"));
        const buf_t *body = request_body (request);
        const ask_t ask = ask_read (call, rest, body->data, body->size);
        const int64_t dearest = price_dearest (names [i], ask.model, &ask.bound);
        assert (dearest >= 0 && ask.bound.input >= (int64_t) body->size);
        //  it bounds what the same number of tokens would cost
        const price_tokens_t tokens = {.input = (int64_t) body->size};
        assert (!ask.clear || dearest >= price_cost (names [i], ask.model, &tokens));
    }
}

static void
s_check (request_t *request, buf_t *seen)
{
    const char *length = request_header (request, "content-length");
    const char *coding = request_header (request, "transfer-encoding");
    assert (!(length [0] && coding [0]));
    assert (!coding [0] || strcasecmp (coding, "chunked") == 0);
    assert (!length [strspn (length, "0123456789")]);
    assert (request_body (request)->size <= BODY_MAX);
    if (length [0])
        assert (strtoull (length, NULL, 10) == request_body (request)->size);
    assert (request_path (request) [0] && !s_has (request_path (request), " \t\r\n?#"));
    assert (!s_has (request_query (request), " \t\r\n#"));
    for (const request_header_t *at = request_headers (request); at->name; at++) {
        assert (at->name [0] && !s_has (at->name, " \t\r\n:"));
        assert (!s_has (at->value, "\r\n"));
        buf_printf (seen, "%s=%s\n", at->name, at->value);
    }
    buf_printf (seen, "%s %s %s %d\n", request_method (request), request_path (request),
                request_query (request), request_keeps (request));
    buf_append (seen, request_body (request)->data, request_body (request)->size);
    hosts_rule_t host;
    if (hosts_parse (request_path (request), 0, &host) == 0)
        assert (host.name [0] && host.port > 0 && !s_has (host.name, " /@\\"));
    s_check_ask (request);
}

//  Read all requests, until one is refused or the bytes end.
static void
s_read (const char *bytes, size_t size, fuzz_cut_t cut, buf_t *seen)
{
    own (request_destroy) request_t *request = request_new ();
    fuzz_chance_t chance = fuzz_chance ((const uint8_t *) bytes, size);
    for (size_t at = 0; at < size;) {
        const size_t piece = fuzz_piece (cut, &chance, size - at);
        for (size_t used = 0; used < piece;) {
            size_t taken = 0;
            const int rc =
                request_feed (request, bytes + at + used, piece - used, BODY_MAX, &taken);
            assert (taken <= piece - used);
            if (rc >= 400) {
                assert (rc < 600 && request_why (request) [0]);
                buf_printf (seen, "refused %d\n", rc);
                return;
            }
            used += taken;
            assert (rc != REQUEST_MORE || used == piece);
            if (rc == REQUEST_READY) {
                s_check (request, seen);
                request_reset (request);
            }
        }
        at += piece;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    own (buf_fini) buf_t whole = buf_init (SEEN_MAX);
    s_read ((const char *) data, size, FUZZ_WHOLE, &whole);
    for (fuzz_cut_t cut = FUZZ_BYTES; cut < FUZZ_CUTS; cut++) {
        own (buf_fini) buf_t seen = buf_init (SEEN_MAX);
        s_read ((const char *) data, size, cut, &seen);
        assert (seen.size == whole.size && memcmp (seen.data, whole.data, seen.size) == 0);
    }
    return 0;
}
