//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/failure.h"

#include "common/base/limits.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *words; //  in any case
    run_class_t class;
} phrase_t;

//  More exact than a status of 400 to 499 but 404: 429 may be a quota, 400 may be anything.
static const phrase_t s_exact [] = {
    {"credit balance is too low", RUN_CLASS_QUOTA},
    {"insufficient_quota", RUN_CLASS_QUOTA},
    {"per minute", RUN_CLASS_RATE_LIMITED}, //  Gemini calls a rate a quota too
    {"please retry in", RUN_CLASS_RATE_LIMITED},
    {"quota exceeded", RUN_CLASS_QUOTA},
    {"exceeded your current quota", RUN_CLASS_QUOTA},
    {"billing_error", RUN_CLASS_QUOTA},
    {"billing_hard_limit", RUN_CLASS_QUOTA},
    {"billing_not_active", RUN_CLASS_QUOTA},
    {"insufficient credits", RUN_CLASS_QUOTA},
    {"prompt is too long", RUN_CLASS_TOO_LARGE},
    {"prompt_too_long", RUN_CLASS_TOO_LARGE},
    {"context_length_exceeded", RUN_CLASS_TOO_LARGE},
    {"input is too long", RUN_CLASS_TOO_LARGE},
    {"maximum context length", RUN_CLASS_TOO_LARGE},
    {"context window", RUN_CLASS_TOO_LARGE},
    {"maximum number of tokens", RUN_CLASS_TOO_LARGE},
    {"request_too_large", RUN_CLASS_TOO_LARGE},
    {"output token maximum", RUN_CLASS_LIMIT},
    {"max_output_tokens", RUN_CLASS_LIMIT},
    {"violate our usage policy", RUN_CLASS_REFUSED},
    {"content_policy_violation", RUN_CLASS_REFUSED},
    {"content_filter", RUN_CLASS_REFUSED},
    {"api key not valid", RUN_CLASS_AUTH},
    {"api_key_invalid", RUN_CLASS_AUTH},
    {"incorrect api key", RUN_CLASS_AUTH},
    {"invalid api key", RUN_CLASS_AUTH},
    {"invalid_api_key", RUN_CLASS_AUTH},
    {"invalid x-api-key", RUN_CLASS_AUTH},
    {"invalid auth method", RUN_CLASS_CONFIG},
    {"model_not_found", RUN_CLASS_CONFIG},
    {"issue with the selected model", RUN_CLASS_CONFIG},
};

//  They count where no status is known, or one that says nothing, such as 400.
static const phrase_t s_vague [] = {
    {"authentication_error", RUN_CLASS_AUTH},
    {"permission_error", RUN_CLASS_AUTH},
    {"permission_denied", RUN_CLASS_AUTH},
    {"unauthenticated", RUN_CLASS_AUTH},
    {"unauthorized", RUN_CLASS_AUTH},
    {"please run /login", RUN_CLASS_AUTH},
    {"not_found_error", RUN_CLASS_CONFIG},
    {"rate_limit", RUN_CLASS_RATE_LIMITED},
    {"rate limit", RUN_CLASS_RATE_LIMITED},
    {"too many requests", RUN_CLASS_RATE_LIMITED},
    {"resource_exhausted", RUN_CLASS_RATE_LIMITED},
    {"overloaded", RUN_CLASS_OVERLOADED},
    {"service unavailable", RUN_CLASS_OVERLOADED},
    {"internal server error", RUN_CLASS_PROVIDER},
    {"bad gateway", RUN_CLASS_PROVIDER},
    {"gateway timeout", RUN_CLASS_PROVIDER},
    {"api_error", RUN_CLASS_PROVIDER},
    {"server_error", RUN_CLASS_PROVIDER},
    {"timeout_error", RUN_CLASS_PROVIDER},
    {"deadline_exceeded", RUN_CLASS_PROVIDER},
    {"request timed out", RUN_CLASS_PROVIDER},
    {"connection lost", RUN_CLASS_PROVIDER},
    {"connection error", RUN_CLASS_PROVIDER},
    {"connection closed", RUN_CLASS_PROVIDER},
    {"connection reset", RUN_CLASS_PROVIDER},
    {"connection refused", RUN_CLASS_PROVIDER},
    {"stream disconnected", RUN_CLASS_PROVIDER},
    {"stream closed", RUN_CLASS_PROVIDER},
    {"error sending request", RUN_CLASS_PROVIDER},
    {"socket hang up", RUN_CLASS_PROVIDER},
    {"fetch failed", RUN_CLASS_PROVIDER},
    {"econnrefused", RUN_CLASS_PROVIDER},
    {"econnreset", RUN_CLASS_PROVIDER},
    {"etimedout", RUN_CLASS_PROVIDER},
};

//  text: in lower case.
static run_class_t
s_by_words (const phrase_t *phrases, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strstr (text, phrases [i].words))
            return phrases [i].class;
    return RUN_CLASS_NONE;
}

static run_class_t
s_by_status (int64_t status)
{
    static const struct {
        int64_t from, to;
        run_class_t class;
    } rows [] = {{401, 401, RUN_CLASS_AUTH},         {402, 402, RUN_CLASS_QUOTA},
                 {403, 403, RUN_CLASS_AUTH},         {404, 404, RUN_CLASS_CONFIG},
                 {408, 408, RUN_CLASS_PROVIDER},     {413, 413, RUN_CLASS_TOO_LARGE},
                 {429, 429, RUN_CLASS_RATE_LIMITED}, {503, 503, RUN_CLASS_OVERLOADED},
                 {529, 529, RUN_CLASS_OVERLOADED},   {500, 599, RUN_CLASS_PROVIDER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        if (status >= rows [i].from && status <= rows [i].to)
            return rows [i].class;
    return RUN_CLASS_NONE;
}

//  Does a number stand alone at `at`, three digits that can be the status of an error?
static int64_t
s_number (const char *text, size_t at)
{
    bool alone = at == 0 || (!isalnum ((unsigned char) text [at - 1]) && text [at - 1] != '.');
    if (!alone || (text [at] != '4' && text [at] != '5') || !isdigit ((unsigned char) text [at + 1])
        || !isdigit ((unsigned char) text [at + 2]) || isalnum ((unsigned char) text [at + 3]))
        return 0;
    return strtol (text + at, NULL, 10);
}

//  The status that a text names, 0 = none.  The word before the number says what it is.
static int64_t
s_status_in (const char *text)
{
    static const char *const before [] = {"error", "status", "code", "http", "rejected"};
    for (size_t at = 0; text [at]; at++) {
        const int64_t number = s_number (text, at);
        size_t end = at;
        while (number && end > 0 && strchr (" :=(\"", text [end - 1]))
            end--;
        for (size_t i = 0; number && i < sizeof before / sizeof before [0]; i++) {
            const size_t length = strlen (before [i]);
            if (end >= length && memcmp (text + end - length, before [i], length) == 0)
                return number;
        }
    }
    return 0;
}

run_class_t
failure_class (int64_t status, const char *text)
{
    assert (text);
    char lower [LIMIT_ERROR_TEXT_BYTES + 1];
    size_t size = strnlen (text, LIMIT_ERROR_TEXT_BYTES);
    for (size_t i = 0; i < size; i++)
        lower [i] = (char) tolower ((unsigned char) text [i]);
    lower [size] = 0;
    const bool telling = status <= 0 || (status >= 400 && status < 500 && status != 404);
    run_class_t class =
        telling ? s_by_words (s_exact, sizeof s_exact / sizeof s_exact [0], lower) : RUN_CLASS_NONE;
    if (class == RUN_CLASS_NONE)
        class = s_by_status (status > 0 ? status : s_status_in (lower));
    if (class == RUN_CLASS_NONE)
        class = s_by_words (s_vague, sizeof s_vague / sizeof s_vague [0], lower);
    return class;
}
