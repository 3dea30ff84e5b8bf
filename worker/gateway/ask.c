//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/ask.h"

#include "worker/gateway/fields.h"

#include <stdio.h>
#include <string.h>

enum {
    S_READ_BYTES = 8 * 1024 * 1024, //  a longer body is no input of any model
    S_SYSTEM_TOKENS = 1000,         //  what the provider adds for tools
    S_PRIORITY_TIMES = 2,           //  OpenAI's service tier
    S_FAST_TIMES = 6                //  Anthropic's speed
};

static bool
s_is (const char *path, const char *const *names)
{
    for (; *names; names++)
        if (strcmp (path, *names) == 0)
            return true;
    return false;
}

static void
s_on_model (ask_t *ask, const json_scan_token_t *value)
{
    char model [ASK_MODEL];
    fields_text (value, model, sizeof model);
    //  Two models, or a name that is cut: the provider may read another one.
    ask->clear = ask->clear && !ask->model [0] && strlen (model) < ASK_MODEL - 4;
    snprintf (ask->model, sizeof ask->model, "%s", model);
}

static bool
s_says (const json_scan_token_t *value, const char *word)
{
    return value->type == JSON_SCAN_TEXT && json_scan_is (value, word);
}

static void
s_most (int64_t *count, int64_t other)
{
    *count = other > *count ? other : *count;
}

static bool
s_ends (const char *path, const char *end)
{
    const size_t whole = strlen (path), part = strlen (end);
    return whole >= part && strcmp (path + whole - part, end) == 0;
}

static void
s_on_field (void *arg, const char *path, const json_scan_token_t *value)
{
    static const char *const outputs [] = {"max_tokens",
                                           "max_completion_tokens",
                                           "max_output_tokens",
                                           "generationConfig.maxOutputTokens",
                                           "generationConfig.max_output_tokens",
                                           "generation_config.maxOutputTokens",
                                           "generation_config.max_output_tokens",
                                           NULL};
    static const char *const answers [] = {"n",
                                           "generationConfig.candidateCount",
                                           "generationConfig.candidate_count",
                                           "generation_config.candidateCount",
                                           "generation_config.candidate_count",
                                           NULL};
    ask_t *ask = arg;
    price_bound_t *bound = &ask->bound;
    if (strcmp (path, "model") == 0)
        s_on_model (ask, value);
    else if (s_is (path, outputs))
        s_most (&bound->output, fields_int (value));
    else if (s_is (path, answers))
        s_most (&bound->answers, fields_int (value));
    else if (strcmp (path, "service_tier") == 0 && s_says (value, "priority"))
        s_most (&bound->times, S_PRIORITY_TIMES);
    else if (strcmp (path, "speed") == 0 && s_says (value, "fast"))
        s_most (&bound->times, S_FAST_TIMES);
    else if (s_ends (path, "cache_control.type"))
        bound->caches = true;
    else if (s_ends (path, "cache_control.ttl"))
        bound->caches_hour = bound->caches_hour || s_says (value, "1h");
}

//  "/v1beta/models/NAME:verb"
static void
s_model_of_path (ask_t *ask, const char *path)
{
    const char *slash = strrchr (path, '/');
    const char *name = slash ? slash + 1 : path;
    const size_t size = strcspn (name, ":");
    ask->clear = ask->clear && size < ASK_MODEL;
    snprintf (ask->model, sizeof ask->model, "%.*s", (int) (size < ASK_MODEL ? size : 0), name);
}

ask_t
ask_read (provider_call_t call, const char *path, const char *body, size_t size)
{
    ask_t ask = {.clear = true, .bound = {.output = -1, .answers = 1, .times = 1}};
    ask.bound.input = (int64_t) size + S_SYSTEM_TOKENS;
    ask.clear =
        size <= S_READ_BYTES && fields_each (body, size, s_on_field, &ask) == 0 && ask.clear;
    if (call == PROVIDER_GENERATE)
        s_model_of_path (&ask, path);
    return ask;
}
