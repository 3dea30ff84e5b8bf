//  observe - a table says at which path a figure stands.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/observe.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/domain/failure.h"
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
    S_SEARCHES,
    S_COUNTS, //  --- the ones above are counts, but for S_MODEL
    S_SPEED,
    S_PLACE,
    S_STOP,
    S_TYPE,
    S_ERROR_WORD,
    S_ERROR_TEXT,
    S_FAILURE, //  the text of an error, wherever it stands
    S_RETRY
} what_t;

struct observe {
    provider_call_t call;
    int status;
    sse_t *sse; //  NULL: the answer is one JSON text
    buf_t body; //  that text
    int64_t counts [S_COUNTS];
    int64_t speed, place; //  percent of the price, 0 = not told
    char model [OBSERVE_MODEL];
    char stop [S_WORD_BYTES];
    char words [S_WORDS_BYTES]; //  of an error: its type, code, status
    char text [OBSERVE_TEXT];   //  of an error
    int64_t code;               //  of an error, as a number; -1 = none
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
    {PROVIDER_MESSAGES, S_SEARCHES, "usage.server_tool_use.web_search_requests"},
    {PROVIDER_MESSAGES, S_SPEED, "usage.speed"},
    {PROVIDER_MESSAGES, S_SPEED, "message.usage.speed"},
    {PROVIDER_MESSAGES, S_PLACE, "usage.inference_geo"},
    {PROVIDER_MESSAGES, S_PLACE, "message.usage.inference_geo"},
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
    {PROVIDER_RESPONSES, S_SPEED, "service_tier"},
    {PROVIDER_RESPONSES, S_SPEED, "response.service_tier"},
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
    {PROVIDER_CHAT, S_SPEED, "service_tier"},
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
    {PROVIDER_FREE, S_FAILURE, "error.message"},
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

static int64_t
s_service (const json_scan_token_t *value)
{
    char word [S_WORD_BYTES];
    fields_text (value, word, sizeof word);
    return price_service (word);
}

static void
s_on_error (observe_t *self, what_t what, const json_scan_token_t *value)
{
    fields_text (value, self->text, sizeof self->text);
    self->failed = self->failed || what == S_FAILURE;
}

static void
s_on_text (observe_t *self, what_t what, const json_scan_token_t *value)
{
    switch (what) {
        case S_MODEL: fields_text (value, self->model, sizeof self->model); break;
        case S_SPEED: self->speed = s_service (value); break;
        case S_PLACE: self->place = s_service (value); break;
        case S_STOP: fields_text (value, self->stop, sizeof self->stop); break;
        case S_TYPE: s_on_type (self, value); break;
        case S_ERROR_WORD: s_add_word (self, value); break;
        case S_ERROR_TEXT:
        case S_FAILURE: s_on_error (self, what, value); break;
        case S_RETRY: s_on_delay (self, value); break;
        case S_INPUT:
        case S_INPUT_MORE:
        case S_OUTPUT:
        case S_OUTPUT_MORE:
        case S_CACHED:
        case S_CACHE_READ:
        case S_CACHE_WRITE:
        case S_CACHE_HOUR:
        case S_SEARCHES:
        case S_COUNTS: break; //  a text is no count
    }
}

static void
s_on_value (observe_t *self, what_t what, const json_scan_token_t *value)
{
    const int64_t number = fields_int (value);
    if (value->type == JSON_SCAN_TEXT)
        s_on_text (self, what, value);
    else if (what > S_MODEL && what < S_COUNTS && number >= 0)
        self->counts [what] = number;
    else if (what == S_ERROR_WORD && number >= 0)
        self->code = number;
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
    self->code = -1;
    for (int i = 0; i < S_COUNTS; i++)
        self->counts [i] = -1;
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

static run_class_t
s_class_of_error (const observe_t *self)
{
    char text [S_WORDS_BYTES + OBSERVE_TEXT];
    const bool within = self->status < 300; //  a failure within a stream
    const int64_t status = within ? self->code : self->status;
    snprintf (text, sizeof text, "%s%s", self->words, self->text);
    const run_class_t class = failure_class (status, text);
    //  Gemini says of a quota for each minute when it is there again.
    if (class == RUN_CLASS_QUOTA && self->retry_ms > 0
        && !strstr (self->words, "insufficient_quota"))
        return RUN_CLASS_RATE_LIMITED;
    if (class != RUN_CLASS_NONE)
        return class;
    return within                ? RUN_CLASS_PROVIDER
           : self->status >= 400 ? RUN_CLASS_INVALID_OUTPUT //  the agent asked for what cannot be
                                 : RUN_CLASS_CONFIG;        //  a redirect: the wrong base URL
}

static run_class_t
s_class_of_stop (const observe_t *self)
{
    static const struct {
        const char *text;
        run_class_t class;
    } stops [] = {
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
    result->answered = true;
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
    const int64_t *counts = self->counts;
    const bool read =
        self->sse || (!self->body.failed && s_read (self, self->body.data, self->body.size));
    const int64_t input = counts [S_INPUT];
    const int64_t cached = counts [S_CACHED] > input ? input : counts [S_CACHED];
    const int64_t more = s_or_none (counts [S_INPUT_MORE], 0);
    //  Those whose events have no type end with a reason to stop; what is no stream is whole.
    if (self->call == PROVIDER_GENERATE || self->call == PROVIDER_CHAT)
        self->ended = self->ended || self->stop [0];
    self->ended = self->ended || (read && !self->sse && !cut);
    const int64_t hidden = counts [S_OUTPUT_MORE];
    const int64_t output = counts [S_OUTPUT] < 0 && hidden < 0
                               ? -1
                               : s_or_none (counts [S_OUTPUT], 0) + s_or_none (hidden, 0);
    const int64_t speed = self->speed ? self->speed : 100, place = self->place ? self->place : 100;
    *ret_result = (observe_result_t){
        .tokens = {.input = input < 0 ? -1 : input - s_or_none (cached, 0) + more,
                   .cache_read = cached >= 0 ? cached : s_or_none (counts [S_CACHE_READ], input),
                   .cache_write = s_or_none (counts [S_CACHE_WRITE], input),
                   .cache_hour = s_or_none (counts [S_CACHE_HOUR], input),
                   .output = output},
        .searches = s_or_none (counts [S_SEARCHES], 0),
        .percent = self->speed || self->place ? speed * place / 100 : 0,
        .whole = read && (self->ended || self->settled) && input >= 0 && output >= 0,
        .retry_ms = self->retry_ms};
    memcpy (ret_result->model, self->model, sizeof self->model);
    s_judge (self, cut, ret_result);
}
