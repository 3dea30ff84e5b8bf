//  fuzz_observe - answers of a provider: the same figures however they are cut, all within bounds.
//
//  The first byte chooses the kind of call, the second one status and type; the rest is the body.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/own.h"
#include "worker/gateway/observe.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static observe_result_t
s_observe (const uint8_t *data, size_t size, fuzz_cut_t cut)
{
    static const int statuses [] = {200, 200, 302, 400, 401, 404, 429, 529};
    observe_result_t result;
    const char *bytes = (const char *) data + 2;
    const bool stream = data [1] & 8;
    own (observe_destroy) observe_t *self =
        observe_new ((provider_call_t) (data [0] % (PROVIDER_GENERATE + 1)),
                     statuses [data [1] % 8], stream ? "text/event-stream" : "application/json");
    assert (self);
    fuzz_chance_t chance = fuzz_chance (data, size);
    size -= 2;
    for (size_t at = 0; at < size;) {
        const size_t piece = fuzz_piece (cut, &chance, size - at);
        observe_feed (self, bytes + at, piece);
        at += piece;
    }
    observe_end (self, data [1] & 16, &result);
    return result;
}

static void
s_assert_count (int64_t count)
{
    assert (count >= -1 && count <= INT64_C (20000000000000000));
}

static void
s_check (const observe_result_t *result)
{
    const price_tokens_t *tokens = &result->tokens;
    s_assert_count (tokens->input);
    s_assert_count (tokens->output);
    s_assert_count (tokens->cache_read);
    s_assert_count (tokens->cache_write);
    s_assert_count (tokens->cache_hour);
    assert (!result->whole || (tokens->input >= 0 && tokens->output >= 0));
    assert (memchr (result->model, 0, sizeof result->model));
    assert (memchr (result->sentence, 0, sizeof result->sentence));
    assert (result->retry_ms >= 0 && result->retry_ms <= 24 * 3600 * 1000);
    assert (result->class < RUN_CLASSES);
    assert ((result->class == RUN_CLASS_NONE) == !result->sentence [0]);
    assert (price_cost ("anthropic", result->model, tokens) >= 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const observe_result_t whole = s_observe (data, size, FUZZ_WHOLE);
    s_check (&whole);
    for (fuzz_cut_t cut = FUZZ_BYTES; cut < FUZZ_CUTS; cut++) {
        const observe_result_t result = s_observe (data, size, cut);
        assert (memcmp (&result.tokens, &whole.tokens, sizeof whole.tokens) == 0);
        assert (result.class == whole.class && result.whole == whole.whole);
        assert (strcmp (result.sentence, whole.sentence) == 0);
        assert (strcmp (result.model, whole.model) == 0);
    }
    return 0;
}
