//  observe - tables say at which path a figure stands, and which word means which class.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/observe.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/net/sse.h"
#include "worker/gateway/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    S_BODY_BYTES = LIMIT_MIB (2),  //  of an answer that is no stream
    S_EVENT_BYTES = LIMIT_MIB (1), //  of one event
    S_WORD_BYTES = 48,
    S_WORDS_BYTES = 256,
    S_RETRY_MAX_MS = 24 * 3600 * 1000
};

typedef enum {
    S_MODEL,
    S_INPUT,      //  tokens; what S_CACHED says is a part of them
    S_INPUT_MORE, //  tokens beside S_INPUT
    S_OUTPUT,
    S_OUTPUT_MORE, //  tokens beside S_OUTPUT
    S_CACHED,      //  tokens of S_INPUT that came from the cache
    S_CACHE_READ,  //  tokens beside S_INPUT
    S_CACHE_WRITE,
    S_CACHE_HOUR,
    S_KINDS_OF_TOKENS, //  --- the ones above count tokens, but for S_MODEL
    S_STOP,
    S_TYPE,
    S_ERROR_WORD,
    S_ERROR_TEXT,
    S_RETRY
} what_t;

struct observe {
    provider_call_t call;
    int status;
    sse_t *sse; //  NULL: the answer is one JSON text
    buf_t body; //  that text
    int64_t tokens [S_KINDS_OF_TOKENS];
    char model [OBSERVE_MODEL];
    char stop [S_WORD_BYTES];
    char words [S_WORDS_BYTES]; //  of an error: its type, code, status
    char text [OBSERVE_TEXT];   //  of an error
    int64_t retry_ms;
    bool ended;   //  the answer says that it is complete
    bool settled; //  the tokens told are those of the whole call
    bool failed;  //  the answer says that the call has failed
};

//  --- where it stands

typedef struct {
    provider_call_t call;
    what_t what;
    const char *path;
} row_t;

static const row_t s_rows [] = {
    {PROVIDER_MESSAGES, S_MODEL, "model"},
    {PROVIDER_MESSAGES, S_MODEL, "message.model"},
    {PROVIDER_MESSAGES, S_INPUT, "usage.input_tokens"},
    {PROVIDER_MESSAGES, S_INPUT, "message.usage.input_tokens"},
    {PROVIDER_MESSAGES, S_OUTPUT, "usage.output_tokens"},
    {PROVIDER_MESSAGES, S_OUTPUT, "message.usage.output_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_READ, "usage.cache_read_input_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_READ, "message.usage.cache_read_input_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_WRITE, "usage.cache_creation_input_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_WRITE, "message.usage.cache_creation_input_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_HOUR, "usage.cache_creation.ephemeral_1h_input_tokens"},
    {PROVIDER_MESSAGES, S_CACHE_HOUR, "message.usage.cache_creation.ephemeral_1h_input_tokens"},
    {PROVIDER_MESSAGES, S_STOP, "stop_reason"},
    {PROVIDER_MESSAGES, S_STOP, "delta.stop_reason"},
    {PROVIDER_RESPONSES, S_MODEL, "model"},
    {PROVIDER_RESPONSES, S_MODEL, "response.model"},
    {PROVIDER_RESPONSES, S_INPUT, "usage.input_tokens"},
    {PROVIDER_RESPONSES, S_INPUT, "response.usage.input_tokens"},
    {PROVIDER_RESPONSES, S_OUTPUT, "usage.output_tokens"},
    {PROVIDER_RESPONSES, S_OUTPUT, "response.usage.output_tokens"},
    {PROVIDER_RESPONSES, S_CACHED, "usage.input_tokens_details.cached_tokens"},
    {PROVIDER_RESPONSES, S_CACHED, "response.usage.input_tokens_details.cached_tokens"},
    {PROVIDER_RESPONSES, S_STOP, "incomplete_details.reason"},
    {PROVIDER_RESPONSES, S_STOP, "response.incomplete_details.reason"},
    {PROVIDER_RESPONSES, S_TYPE, "status"},
    {PROVIDER_RESPONSES, S_ERROR_WORD, "response.error.code"},
    {PROVIDER_RESPONSES, S_ERROR_TEXT, "response.error.message"},
    {PROVIDER_RESPONSES, S_ERROR_WORD, "code"},
    {PROVIDER_RESPONSES, S_ERROR_TEXT, "message"},
    {PROVIDER_CHAT, S_MODEL, "model"},
    {PROVIDER_CHAT, S_INPUT, "usage.prompt_tokens"},
    {PROVIDER_CHAT, S_OUTPUT, "usage.completion_tokens"},
    {PROVIDER_CHAT, S_CACHED, "usage.prompt_tokens_details.cached_tokens"},
    {PROVIDER_CHAT, S_STOP, "choices[].finish_reason"},
    {PROVIDER_GENERATE, S_MODEL, "modelVersion"},
    {PROVIDER_GENERATE, S_INPUT, "usageMetadata.promptTokenCount"},
    {PROVIDER_GENERATE, S_INPUT_MORE, "usageMetadata.toolUsePromptTokenCount"},
    {PROVIDER_GENERATE, S_OUTPUT, "usageMetadata.candidatesTokenCount"},
    {PROVIDER_GENERATE, S_OUTPUT_MORE, "usageMetadata.thoughtsTokenCount"},
    {PROVIDER_GENERATE, S_CACHED, "usageMetadata.cachedContentTokenCount"},
    {PROVIDER_GENERATE, S_STOP, "candidates[].finishReason"},
    {PROVIDER_GENERATE, S_STOP, "promptFeedback.blockReason"},
};

//  The same for all.
static const row_t s_common_rows [] = {
    {PROVIDER_FREE, S_TYPE, "type"},
    {PROVIDER_FREE, S_ERROR_WORD, "error.type"},
    {PROVIDER_FREE, S_ERROR_WORD, "error.code"},
    {PROVIDER_FREE, S_ERROR_WORD, "error.status"},
    {PROVIDER_FREE, S_ERROR_WORD, "error.details[].reason"},
    {PROVIDER_FREE, S_ERROR_TEXT, "error.message"},
    {PROVIDER_FREE, S_ERROR_TEXT, "detail"},
    {PROVIDER_FREE, S_RETRY, "error.details[].retryDelay"},
};

#define S_COUNT(rows) (sizeof (rows) / sizeof (rows) [0])

//  --- reading

static void
s_add_word (observe_t *self, const json_scan_token_t *value)
{
    char word [S_WORD_BYTES];
    fields_text (value, word, sizeof word);
    const size_t used = strlen (self->words);
    snprintf (self->words + used, sizeof self->words - used, "%s ", word);
}

//  "34.5s"
static void
s_on_delay (observe_t *self, const json_scan_token_t *value)
{
    char text [16];
    fields_text (value, text, sizeof text);
    const double seconds = strtod (text, NULL);
    if (seconds > 0)
        self->retry_ms =
            seconds >= S_RETRY_MAX_MS / 1000 ? S_RETRY_MAX_MS : (int64_t) (seconds * 1000);
}

static void
s_on_type (observe_t *self, const json_scan_token_t *value)
{
    static const char *const ends [] = {
        "message_stop",       "message",         "completed",          "incomplete", "failed",
        "response.completed", "response.failed", "response.incomplete"};
    for (size_t i = 0; i < S_COUNT (ends); i++)
        self->ended = self->ended || json_scan_is (value, ends [i]);
    self->settled = self->settled || self->ended || json_scan_is (value, "message_delta");
    self->failed = self->failed || json_scan_is (value, "error") || json_scan_is (value, "failed")
                   || json_scan_is (value, "response.failed");
}

static void
s_on_value (observe_t *self, what_t what, const json_scan_token_t *value)
{
    const bool text = value->type == JSON_SCAN_TEXT;
    const int64_t number = fields_int (value);
    if (what == S_MODEL && text)
        fields_text (value, self->model, sizeof self->model);
    else if (what > S_MODEL && what < S_KINDS_OF_TOKENS && number >= 0)
        self->tokens [what] = number;
    else if (what == S_STOP && text)
        fields_text (value, self->stop, sizeof self->stop);
    else if (what == S_TYPE && text)
        s_on_type (self, value);
    else if (what == S_ERROR_WORD && text)
        s_add_word (self, value);
    else if (what == S_ERROR_TEXT && text)
        fields_text (value, self->text, sizeof self->text);
    else if (what == S_RETRY && text)
        s_on_delay (self, value);
}

static void
s_on_field (void *arg, const char *path, const json_scan_token_t *value)
{
    observe_t *self = arg;
    path += strncmp (path, "[].", 3) == 0 ? 3 : 0; //  Gemini streams an array
    for (size_t i = 0; i < S_COUNT (s_rows); i++)
        if (s_rows [i].call == self->call && strcmp (s_rows [i].path, path) == 0)
            s_on_value (self, s_rows [i].what, value);
    for (size_t i = 0; i < S_COUNT (s_common_rows); i++)
        if (strcmp (s_common_rows [i].path, path) == 0)
            s_on_value (self, s_common_rows [i].what, value);
}

static bool
s_read (observe_t *self, const char *bytes, size_t size)
{
    return fields_each (bytes, size, s_on_field, self) == 0;
}

static void
s_on_event (void *arg, const sse_event_t *event)
{
    observe_t *self = arg;
    self->ended = self->ended || strcmp (event->data, "[DONE]") == 0;
    (void) s_read (self, event->data, event->size); //  another kind of event says nothing
}

observe_t *
observe_new (provider_call_t call, int status, const char *type)
{
    observe_t *self = calloc (1, sizeof (observe_t));
    if (!self)
        return NULL;
    self->call = call;
    self->status = status;
    self->body = buf_init (S_BODY_BYTES);
    for (int i = 0; i < S_KINDS_OF_TOKENS; i++)
        self->tokens [i] = -1;
    if (strncasecmp (type, "text/event-stream", 17) == 0 && !(self->sse = sse_new (S_EVENT_BYTES)))
        observe_destroy (&self);
    return self;
}

void
observe_destroy (observe_t **self_p)
{
    observe_t *self = *self_p;
    if (!self)
        return;
    sse_destroy (&self->sse);
    buf_fini (&self->body);
    free (self);
    *self_p = NULL;
}

void
observe_feed (observe_t *self, const char *bytes, size_t size)
{
    if (self->sse)
        sse_feed (self->sse, bytes, size, s_on_event, self);
    else
        (void) buf_append (&self->body, bytes, size); //  the buffer remembers the failure
}

//  --- judging

typedef struct {
    const char *text;
    run_class_t class;
} word_t;

//  The first that stands in an error's words or text.
static const word_t s_words [] = {
    {"insufficient_quota", RUN_CLASS_QUOTA},
    {"billing_error", RUN_CLASS_QUOTA},
    {"billing_not_active", RUN_CLASS_QUOTA},
    {"credit balance", RUN_CLASS_QUOTA},
    {"exceeded your current quota", RUN_CLASS_QUOTA},
    {"quota exceeded", RUN_CLASS_QUOTA},
    {"context_length_exceeded", RUN_CLASS_TOO_LARGE},
    {"request_too_large", RUN_CLASS_TOO_LARGE},
    {"prompt is too long", RUN_CLASS_TOO_LARGE},
    {"input is too long", RUN_CLASS_TOO_LARGE},
    {"maximum context length", RUN_CLASS_TOO_LARGE},
    {"maximum number of tokens", RUN_CLASS_TOO_LARGE},
    {"context window", RUN_CLASS_TOO_LARGE},
    {"authentication_error", RUN_CLASS_AUTH},
    {"permission_error", RUN_CLASS_AUTH},
    {"invalid_api_key", RUN_CLASS_AUTH},
    {"API_KEY_INVALID", RUN_CLASS_AUTH},
    {"UNAUTHENTICATED", RUN_CLASS_AUTH},
    {"PERMISSION_DENIED", RUN_CLASS_AUTH},
    {"model_not_found", RUN_CLASS_CONFIG},
};

//  Only for failures within a stream, whose status was 200.
static const word_t s_stream_words [] = {
    {"overloaded", RUN_CLASS_OVERLOADED},   {"UNAVAILABLE", RUN_CLASS_OVERLOADED},
    {"rate_limit", RUN_CLASS_RATE_LIMITED}, {"RESOURCE_EXHAUSTED", RUN_CLASS_RATE_LIMITED},
    {"not_found_error", RUN_CLASS_CONFIG},
};

static run_class_t
s_find_word (const observe_t *self, const word_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr (self->words, rows [i].text) || strcasestr (self->text, rows [i].text))
            return rows [i].class;
    return RUN_CLASS_NONE;
}

static run_class_t
s_class_of_status (int status)
{
    switch (status) {
        case 401:
        case 403: return RUN_CLASS_AUTH;
        case 402: return RUN_CLASS_QUOTA;
        case 404: return RUN_CLASS_CONFIG;
        case 408: return RUN_CLASS_PROVIDER;
        case 413: return RUN_CLASS_TOO_LARGE;
        case 429: return RUN_CLASS_RATE_LIMITED;
        case 503:
        case 529: return RUN_CLASS_OVERLOADED;
        default:
            return status >= 500   ? RUN_CLASS_PROVIDER
                   : status >= 400 ? RUN_CLASS_INVALID_OUTPUT //  the agent asked for what cannot be
                                   : RUN_CLASS_CONFIG;        //  a redirect: the wrong base URL
    }
}

static run_class_t
s_class_of_error (const observe_t *self)
{
    const bool vague = self->status < 300; //  a failure within a stream
    const bool telling = vague || (self->status >= 400 && self->status < 500);
    run_class_t class = telling && self->status != 404
                            ? s_find_word (self, s_words, S_COUNT (s_words))
                            : RUN_CLASS_NONE;
    //  A quota for each minute is a rate: Gemini calls both a quota.
    if (class == RUN_CLASS_QUOTA && !strstr (self->words, "insufficient_quota")
        && (self->retry_ms > 0 || strcasestr (self->text, "per minute")))
        return RUN_CLASS_RATE_LIMITED;
    if (class == RUN_CLASS_NONE && vague)
        class = s_find_word (self, s_stream_words, S_COUNT (s_stream_words));
    if (class != RUN_CLASS_NONE)
        return class;
    return vague ? RUN_CLASS_PROVIDER : s_class_of_status (self->status);
}

static run_class_t
s_class_of_stop (const observe_t *self)
{
    static const word_t stops [] = {
        {"refusal", RUN_CLASS_REFUSED},
        {"content_filter", RUN_CLASS_REFUSED},
        {"SAFETY", RUN_CLASS_REFUSED},
        {"RECITATION", RUN_CLASS_REFUSED},
        {"BLOCKLIST", RUN_CLASS_REFUSED},
        {"PROHIBITED_CONTENT", RUN_CLASS_REFUSED},
        {"SPII", RUN_CLASS_REFUSED},
        {"max_tokens", RUN_CLASS_LIMIT},
        {"max_output_tokens", RUN_CLASS_LIMIT},
        {"length", RUN_CLASS_LIMIT},
        {"MAX_TOKENS", RUN_CLASS_LIMIT},
        {"model_context_window_exceeded", RUN_CLASS_TOO_LARGE},
    };
    for (size_t i = 0; i < S_COUNT (stops); i++)
        if (strcmp (self->stop, stops [i].text) == 0)
            return stops [i].class;
    return RUN_CLASS_NONE;
}

static void
s_judge (const observe_t *self, bool cut, observe_result_t *result)
{
    char *sentence = result->sentence;
    if (self->failed || self->status >= 300) {
        result->class = s_class_of_error (self);
        if (self->text [0])
            snprintf (sentence, OBSERVE_TEXT, "%s", self->text);
        else
            snprintf (sentence, OBSERVE_TEXT, "the provider answered with status %d", self->status);
        return;
    }
    if (cut || (self->sse && !self->ended)) {
        result->class = RUN_CLASS_PROVIDER;
        snprintf (sentence, OBSERVE_TEXT, "the provider's answer was cut off");
        return;
    }
    result->class = s_class_of_stop (self);
    if (result->class != RUN_CLASS_NONE)
        snprintf (sentence, OBSERVE_TEXT, "the model %s (%s)",
                  result->class == RUN_CLASS_REFUSED ? "refused to answer"
                                                     : "stopped at a limit of tokens",
                  self->stop);
}

//  The count; 0 when only the other one is known.
static int64_t
s_or_none (int64_t count, int64_t other)
{
    return count >= 0 ? count : other >= 0 ? 0 : -1;
}

void
observe_end (observe_t *self, bool cut, observe_result_t *ret_result)
{
    const int64_t *tokens = self->tokens;
    const bool read =
        self->sse || (!self->body.failed && s_read (self, self->body.data, self->body.size));
    const int64_t input = tokens [S_INPUT];
    const int64_t cached = tokens [S_CACHED] > input ? input : tokens [S_CACHED];
    const int64_t more = s_or_none (tokens [S_INPUT_MORE], 0);
    //  Those whose events have no type end with a reason to stop.
    if (self->call == PROVIDER_GENERATE || self->call == PROVIDER_CHAT)
        self->ended = self->ended || self->stop [0];
    const int64_t hidden = tokens [S_OUTPUT_MORE];
    const int64_t output = tokens [S_OUTPUT] < 0 && hidden < 0
                               ? -1
                               : s_or_none (tokens [S_OUTPUT], 0) + s_or_none (hidden, 0);
    *ret_result = (observe_result_t){
        .tokens = {.input = input < 0 ? -1 : input - s_or_none (cached, 0) + more,
                   .cache_read = cached >= 0 ? cached : s_or_none (tokens [S_CACHE_READ], input),
                   .cache_write = s_or_none (tokens [S_CACHE_WRITE], input),
                   .cache_hour = s_or_none (tokens [S_CACHE_HOUR], input),
                   .output = output},
        .whole = read && (self->ended || self->settled) && input >= 0 && output >= 0,
        .retry_ms = self->retry_ms};
    memcpy (ret_result->model, self->model, sizeof self->model);
    s_judge (self, cut, ret_result);
}
