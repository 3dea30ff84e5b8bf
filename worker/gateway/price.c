//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/price.h"

#include <string.h>

//  Rows of s_large.
enum { S_EVEN, S_LARGE, S_LARGE_HAIKU };

//  Prices in thousandths of a dollar for a million tokens.
typedef struct {
    const char *provider;
    const char *model; //  a name, or its beginning up to a hyphen, an at sign or a colon
    int64_t input, output, cache_read;
    int64_t most; //  tokens of one answer
    int large;    //  S_EVEN, ...
} row_t;

//  From how many tokens of input on a call costs more, and how much: in halves.
static const struct {
    int64_t above, input, output;
} s_large [] = {{INT64_MAX, 2, 2}, {200000, 4, 3}, {100000, 10, 10}};

enum {
    S_NAME = 100,        //  longer than all names
    S_COUNT = 100000000, //  tokens: times prices, answers and times it fits 64 bits
    S_ANSWERS = 100,
    S_SEARCH = 10000 //  of the web, by Anthropic
};

//  Src: the providers' price lists, January 2026; for Claude 4 to 5.5 the list that Claude Code
//  2.1.330 carries.  A name with an asterisk is a family, for its models that have no row: the
//  words around the asterisk are the model's beginning and a part of the rest.  "" is any other
//  model of the provider.
static const row_t s_rows [] = {
    {"anthropic", "claude-fable-5", 10000, 50000, 1000, 128000, S_EVEN},
    {"anthropic", "claude-fable-5-1", 10000, 50000, 250, 128000, S_EVEN},
    {"anthropic", "claude-fable-5-2", 8000, 40000, 200, 128000, S_EVEN},
    {"anthropic", "claude-mythos-5", 10000, 50000, 1000, 128000, S_EVEN},
    {"anthropic", "claude-mythos-5-1", 10000, 50000, 250, 128000, S_EVEN},
    {"anthropic", "claude-mythos-5-2", 8000, 40000, 200, 128000, S_EVEN},
    {"anthropic", "claude-opus-5-5", 4000, 20000, 200, 128000, S_EVEN},
    {"anthropic", "claude-opus-5", 5000, 25000, 500, 128000, S_EVEN},
    {"anthropic", "claude-opus-4-8", 5000, 25000, 500, 128000, S_EVEN},
    {"anthropic", "claude-opus-4-7", 5000, 25000, 500, 128000, S_EVEN},
    {"anthropic", "claude-opus-4-6", 5000, 25000, 500, 128000, S_LARGE},
    {"anthropic", "claude-opus-4-5", 5000, 25000, 500, 64000, S_EVEN},
    {"anthropic", "claude-opus-4", 15000, 75000, 1500, 64000, S_EVEN},
    {"anthropic", "claude-sonnet-5-5", 2000, 10000, 100, 128000, S_EVEN},
    {"anthropic", "claude-sonnet-5", 2000, 10000, 200, 128000, S_EVEN},
    {"anthropic", "claude-sonnet-4-6", 3000, 15000, 300, 128000, S_LARGE},
    {"anthropic", "claude-sonnet-4", 3000, 15000, 300, 64000, S_LARGE},
    {"anthropic", "claude-haiku-5-5", 100, 500, 10, 128000, S_LARGE_HAIKU},
    {"anthropic", "claude-haiku-4", 1000, 5000, 100, 64000, S_EVEN},
    {"anthropic", "claude-3-7-sonnet", 3000, 15000, 300, 128000, S_EVEN},
    {"anthropic", "claude-3-5-sonnet", 3000, 15000, 300, 8192, S_EVEN},
    {"anthropic", "claude-3-5-haiku", 800, 4000, 80, 8192, S_EVEN},
    {"anthropic", "claude-3-haiku", 250, 1250, 30, 4096, S_EVEN},
    {"anthropic", "claude-3-opus", 15000, 75000, 1500, 4096, S_EVEN},
    {"anthropic", "claude-*fable", 10000, 50000, 1000, 128000, S_EVEN},
    {"anthropic", "claude-*mythos", 10000, 50000, 1000, 128000, S_EVEN},
    {"anthropic", "claude-*opus", 5000, 25000, 500, 128000, S_LARGE},
    {"anthropic", "claude-*sonnet", 3000, 15000, 300, 128000, S_LARGE},
    {"anthropic", "claude-*haiku", 1000, 5000, 100, 128000, S_LARGE},
    {"anthropic", "", 15000, 75000, 1500, 128000, S_LARGE},
    {"openai", "gpt-5.2-pro", 21000, 168000, 21000, 128000, S_EVEN},
    {"openai", "gpt-5.2", 1750, 14000, 175, 128000, S_EVEN},
    {"openai", "gpt-5.2-codex", 1750, 14000, 175, 128000, S_EVEN},
    {"openai", "gpt-5.1", 1250, 10000, 125, 128000, S_EVEN},
    {"openai", "gpt-5.1-codex-mini", 250, 2000, 25, 128000, S_EVEN},
    {"openai", "gpt-5-pro", 15000, 120000, 15000, 272000, S_EVEN},
    {"openai", "gpt-5-mini", 250, 2000, 25, 128000, S_EVEN},
    {"openai", "gpt-5-nano", 50, 400, 5, 128000, S_EVEN},
    {"openai", "gpt-5", 1250, 10000, 125, 128000, S_EVEN},
    {"openai", "codex-mini", 1500, 6000, 375, 100000, S_EVEN},
    {"openai", "gpt-4.1-mini", 400, 1600, 100, 32768, S_EVEN},
    {"openai", "gpt-4.1-nano", 100, 400, 25, 32768, S_EVEN},
    {"openai", "gpt-4.1", 2000, 8000, 500, 32768, S_EVEN},
    {"openai", "gpt-4o-mini", 150, 600, 75, 16384, S_EVEN},
    {"openai", "gpt-4o", 5000, 15000, 2500, 16384, S_EVEN},
    {"openai", "o4-mini", 1100, 4400, 275, 100000, S_EVEN},
    {"openai", "o3-mini", 1100, 4400, 550, 100000, S_EVEN},
    {"openai", "o3-pro", 20000, 80000, 20000, 100000, S_EVEN},
    {"openai", "o3", 2000, 8000, 500, 100000, S_EVEN},
    {"openai", "gpt-5*pro", 21000, 168000, 21000, 272000, S_EVEN},
    {"openai", "gpt-5*mini", 250, 2000, 25, 128000, S_EVEN},
    {"openai", "gpt-5*nano", 50, 400, 5, 128000, S_EVEN},
    {"openai", "gpt-5*", 1750, 14000, 175, 128000, S_EVEN},
    {"openai", "", 150000, 600000, 150000, 272000, S_EVEN},
    {"gemini", "gemini-3-pro-image", 2000, 120000, 2000, 65536, S_LARGE},
    {"gemini", "gemini-3-pro", 2000, 12000, 200, 65536, S_LARGE},
    {"gemini", "gemini-3-flash", 500, 3000, 50, 65536, S_EVEN},
    {"gemini", "gemini-2.5-pro-preview-tts", 1000, 20000, 1000, 65536, S_EVEN},
    {"gemini", "gemini-2.5-flash-image", 300, 30000, 300, 65536, S_EVEN},
    {"gemini", "gemini-2.5-pro", 1250, 10000, 125, 65536, S_LARGE},
    {"gemini", "gemini-2.5-flash-lite", 100, 400, 10, 65536, S_EVEN},
    {"gemini", "gemini-2.5-flash", 300, 2500, 30, 65536, S_EVEN},
    {"gemini", "gemini-2.0-flash-lite", 75, 300, 75, 8192, S_EVEN},
    {"gemini", "gemini-2.0-flash", 100, 400, 25, 8192, S_EVEN},
    {"gemini", "gemini-*flash-lite", 100, 400, 10, 65536, S_EVEN},
    {"gemini", "gemini-*flash", 500, 3000, 50, 65536, S_EVEN},
    {"gemini", "gemini-*pro", 2000, 12000, 200, 65536, S_LARGE},
    {"gemini", "", 2000, 12000, 2000, 65536, S_LARGE},
    {0}};

//  Models of a family that do something else, at another price.
static const char *const s_others [] = {"-audio",  "-image", "-tts",      "-deep-research",
                                        "-search", "-live",  "-realtime", NULL};

//  Is it a model that this row's price is not for?
static bool
s_is_other (const row_t *row, const char *model)
{
    for (const char *const *word = s_others; *word; word++)
        if (strstr (model, *word) && !strstr (row->model, *word))
            return true;
    return false;
}

//  Does the row stand for the model?
static bool
s_fits (const row_t *row, const char *model)
{
    const char *name = row->model;
    const size_t size = strcspn (name, "*");
    if (strncmp (model, name, size) != 0 || (*name && s_is_other (row, model)))
        return false;
    if (name [size] == '*')
        return strstr (model + size, name + size + 1) != NULL;
    return size == 0 || !model [size] || strchr ("-@:", model [size]) != NULL;
}

//  The row with the longest name that fits; a family only where no name does.
static const row_t *
s_find (const char *provider, const char *model)
{
    static const row_t none = {.most = 0};
    const row_t *best = &none;
    size_t best_size = 0;
    for (const row_t *row = s_rows; row->provider; row++) {
        const bool family = strchr (row->model, '*') != NULL;
        const size_t size = strlen (row->model) + (*row->model && !family ? S_NAME : 0);
        if (strcmp (row->provider, provider) != 0 || !s_fits (row, model)
            || (best != &none && size < best_size))
            continue;
        best = row;
        best_size = size;
    }
    return best;
}

bool
price_known (const char *provider, const char *model)
{
    const row_t *row = s_find (provider, model);
    return row->model && *row->model;
}

int64_t
price_service (const char *word)
{
    static const struct {
        const char *word;
        int64_t percent;
    } rows [] = {{"fast", 600},     //  Anthropic's speed
                 {"us", 110},       //  and place
                 {"priority", 200}, //  OpenAI's tiers
                 {"flex", 50}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        if (strcmp (rows [i].word, word) == 0)
            return rows [i].percent;
    return 100;
}

//  A count that products of prices cannot overflow.
static int64_t
s_count (int64_t count)
{
    return count < 0 ? 0 : count > S_COUNT ? S_COUNT : count;
}

int64_t
price_searches (int64_t count)
{
    return s_count (count) * S_SEARCH;
}

static int64_t
s_round (int64_t thousandths)
{
    return (thousandths + 999) / 1000;
}

//  To write into the cache costs a quarter more than to read, for an hour twice as much.
static int64_t
s_write_price (const row_t *row, bool hour)
{
    return hour ? 2 * row->input : row->input + row->input / 4;
}

//  Both costs, higher where the input is large.
static int64_t
s_sum (const row_t *row, int64_t input, int64_t input_cost, int64_t output_cost)
{
    const int large = input > s_large [row->large].above ? row->large : S_EVEN;
    return (input_cost * s_large [large].input + output_cost * s_large [large].output) / 2;
}

int64_t
price_cost (const char *provider, const char *model, const price_tokens_t *tokens)
{
    const row_t *row = s_find (provider, model);
    const int64_t fresh = s_count (tokens->input), reads = s_count (tokens->cache_read);
    const int64_t writes = s_count (tokens->cache_write), output = s_count (tokens->output);
    const int64_t hour =
        s_count (tokens->cache_hour) < writes ? s_count (tokens->cache_hour) : writes;
    const int64_t input_cost = fresh * row->input + reads * row->cache_read
                               + (writes - hour) * s_write_price (row, false)
                               + hour * s_write_price (row, true);
    const int64_t output_cost = output * row->output;
    return s_round (s_sum (row, fresh + reads + writes, input_cost, output_cost));
}

int64_t
price_dearest (const char *provider, const char *model, const price_bound_t *bound)
{
    const row_t *row = s_find (provider, model);
    const int64_t input = s_count (bound->input);
    const int64_t output = bound->output < 0 ? row->most : s_count (bound->output);
    const int64_t answers = bound->answers > S_ANSWERS ? S_ANSWERS : s_count (bound->answers);
    const int64_t price = bound->caches_hour ? s_write_price (row, true)
                          : bound->caches    ? s_write_price (row, false)
                                             : row->input;
    const int64_t output_cost = output * answers * row->output;
    const int64_t cost = s_sum (row, input, input * price, output_cost);
    return (s_round (cost) * (bound->percent > 0 ? bound->percent : 100) + 99) / 100;
}
