//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/ask.h"

#include "worker/gateway/fields.h"

#include <stdio.h>
#include <string.h>

enum {
    S_READ_BYTES = 8 * 1024 * 1024, //  a longer body is no input of any model
    S_SYSTEM_TOKENS = 1000,         //  what the provider adds for tools
    S_PICTURE_TOKENS = 6000,        //  of one picture, however few its bytes are
    S_DOCUMENT_TOKENS = 2000000,    //  as much as any model reads
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

//  --- what bounds the answer

//  Names of one kind of call; of another kind they bound nothing.  NULL ends a list.
static const char *const s_outputs [][5] = {
    [PROVIDER_MESSAGES] = {"max_tokens"},
    [PROVIDER_CHAT] = {"max_tokens", "max_completion_tokens"},
    [PROVIDER_RESPONSES] = {"max_output_tokens"},
    [PROVIDER_GENERATE] = {"generationConfig.maxOutputTokens", "generationConfig.max_output_tokens",
                           "generation_config.maxOutputTokens",
                           "generation_config.max_output_tokens"}};

//  Only a number above 0 bounds: a provider may read any other value as no limit.
static void
s_on_output (ask_t *ask, const json_scan_token_t *value)
{
    const int64_t count = fields_int (value);
    s_most (&ask->bound.output, count > 0 ? count : INT64_MAX);
}

static void
s_on_answers (ask_t *ask, const json_scan_token_t *value)
{
    ask->clear = ask->clear && (value->type == JSON_SCAN_NUMBER || value->type == JSON_SCAN_NULL);
    s_most (&ask->bound.answers, fields_int (value));
}

//  --- input that is not in the body as text

//  The end of a path to what the provider looks up: its size is not known here.
static const char *const s_looked_up [] = {"previous_response_id",
                                           "conversation",
                                           "conversation.id",
                                           "prompt.id",
                                           "cachedContent",
                                           "cached_content",
                                           "[].file_id",
                                           "[].file_url",
                                           "[].file.file_id",
                                           "[].source.file_id",
                                           "[].source.url",
                                           ".fileUri",
                                           ".file_uri",
                                           NULL};

//  The end of a path to the kind of data that follows, or to data with its kind in front.
static const char *const s_kinds [] = {"[].source.media_type",
                                       ".mimeType",
                                       ".mime_type",
                                       "[].image_url",
                                       "[].image_url.url",
                                       "[].file.file_data",
                                       "[].file_data",
                                       "[].input_audio.format",
                                       NULL};

static bool
s_is_one_of (const char *path, const char *const *ends)
{
    for (; *ends; ends++)
        if (s_ends (path, *ends))
            return true;
    return false;
}

static void
s_on_input (ask_t *ask, const char *path, const json_scan_token_t *value)
{
    char kind [16] = "";
    fields_text (value, kind, sizeof kind);
    if (s_is_one_of (path, s_looked_up))
        ask->unseen += value->type == JSON_SCAN_NULL ? 0 : S_DOCUMENT_TOKENS;
    else if (s_is_one_of (path, s_kinds) && strncmp (kind, "text/", 5) != 0)
        ask->unseen += strncmp (kind, "image/", 6) == 0 || strncmp (kind, "data:image/", 11) == 0
                           ? S_PICTURE_TOKENS
                           : S_DOCUMENT_TOKENS;
}

//  --- the fields

typedef struct {
    ask_t *ask;
    provider_call_t call;
} reading_t;

static void
s_on_field (void *arg, const char *path, const json_scan_token_t *value)
{
    static const char *const answers [] = {"n",
                                           "generationConfig.candidateCount",
                                           "generationConfig.candidate_count",
                                           "generation_config.candidateCount",
                                           "generation_config.candidate_count",
                                           NULL};
    const reading_t *reading = arg;
    ask_t *ask = reading->ask;
    price_bound_t *bound = &ask->bound;
    s_on_input (ask, path, value);
    if (strcmp (path, "model") == 0)
        s_on_model (ask, value);
    else if (s_is (path, s_outputs [reading->call]))
        s_on_output (ask, value);
    else if (s_is (path, answers))
        s_on_answers (ask, value);
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
    reading_t reading = {.ask = &ask, .call = call};
    ask.clear =
        size <= S_READ_BYTES && fields_each (body, size, s_on_field, &reading) == 0 && ask.clear;
    if (ask.bound.output == INT64_MAX)
        ask.bound.output = -1;
    if (call == PROVIDER_GENERATE)
        s_model_of_path (&ask, path);
    return ask;
}
