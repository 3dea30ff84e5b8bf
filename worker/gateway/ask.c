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
    S_PERCENT_MAX = 1000
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
    fields_text (value, ask->model, sizeof ask->model);
    //  A name that is cut: the provider reads another one.
    ask->clear = ask->clear && ask->model [0] && strlen (ask->model) < ASK_MODEL - 4;
}

static bool
s_says (const json_scan_token_t *value, const char *word)
{
    return value->type == JSON_SCAN_TEXT && json_scan_is (value, word);
}

static bool
s_begins (const char *text, const char *start)
{
    return strncmp (text, start, strlen (start)) == 0;
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
    [PROVIDER_MESSAGES] = {"max_tokens", "thinking.budget_tokens"},
    //  What was predicted and does not come true is paid for too, and has no bound.
    [PROVIDER_CHAT] = {"max_tokens", "max_completion_tokens", "prediction.type"},
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
    else if (strcmp (path, "input[].type") == 0 && s_says (value, "item_reference"))
        ask->unseen += S_DOCUMENT_TOKENS;
    else if (value->type == JSON_SCAN_TEXT && s_is_one_of (path, s_kinds)
             && !s_begins (kind, "text/"))
        ask->unseen += s_begins (kind, "image/") || s_begins (kind, "data:image/")
                           ? S_PICTURE_TOKENS
                           : S_DOCUMENT_TOKENS;
}

//  --- tools that the provider runs itself: what they find is input too

//  The beginnings of the types of tools that the agent runs.
static const char *const s_own_tools [] = {
    "function", "custom",  "local_shell", "apply_patch", "namespace", "bash_",
    "computer", "memory_", "text_editor", "tool_search", NULL};

static bool
s_is_own_tool (const char *type)
{
    for (const char *const *name = s_own_tools; *name; name++)
        if (s_begins (type, *name))
            return true;
    return false;
}

//  Is it within what a tool gets, gives, or says of itself?  There all words are the agent's own.
static bool
s_is_data (const char *path)
{
    static const char *const parts [] = {
        ".input.", ".args.", ".response.", ".input_schema.", ".parameters.", ".properties.", NULL};
    for (const char *const *part = parts; *part; part++)
        if (strstr (path, *part))
            return true;
    return false;
}

//  Is it a tool of the provider?  Tools may stand in groups, and within the conversation.
static bool
s_is_served (provider_call_t call, const char *path, const json_scan_token_t *value)
{
    char type [32];
    fields_text (value, type, sizeof type);
    if (value->type == JSON_SCAN_OBJECT)
        return s_ends (path, "mcp_servers[]") || s_ends (path, "mcpServers[]")
               || s_ends (path, ".network_policy") || strcmp (path, "web_search_options") == 0
               || (call == PROVIDER_GENERATE && s_begins (path, "tools[].")
                   && !strpbrk (path + 8, ".["));
    return type [0] && s_ends (path, "tools[].type") && !s_is_own_tool (type);
}

//  Does such a tool reach other hosts?  A kind without these words does not, as far as we know.  To
//  refuse all that are unknown would end every run of a newer CLI.
static bool
s_reaches (const char *path, const json_scan_token_t *value)
{
    static const char *const words [] = {"web",    "fetch",   "url",     "mcp",    "google",
                                         "maps",   "shell",   "browser", "search", "retriev",
                                         "ground", "connect", "network"};
    char type [32];
    fields_text (value, type, sizeof type);
    const char *name = value->type == JSON_SCAN_OBJECT ? path : type;
    for (size_t i = 0; i < sizeof words / sizeof words [0]; i++)
        if (strcasestr (name, words [i]))
            return true;
    return false;
}

//  Is it an address that the provider fetches?
static bool
s_is_address (const char *path, const json_scan_token_t *value)
{
    static const char *const files [] = {"[].file_url", "[].source.url", ".fileUri", ".file_uri",
                                         NULL};
    static const char *const pictures [] = {"[].image_url", "[].image_url.url", NULL};
    char start [16];
    fields_text (value, start, sizeof start);
    return value->type == JSON_SCAN_TEXT
           && (s_is_one_of (path, files)
               || (s_is_one_of (path, pictures) && !s_begins (start, "data:")));
}

//  Does the model answer more than once?
static bool
s_is_again (const char *path, const json_scan_token_t *value)
{
    char type [16];
    fields_text (value, type, sizeof type);
    return strcmp (path, "context_management.edits[].type") == 0 && s_begins (type, "compact_");
}

//  --- text that is always counted

static const char *const s_texts [][7] = {
    [PROVIDER_MESSAGES] = {"system", "system[].text", "messages[].content",
                           "messages[].content[].text", "messages[].content[].content",
                           "messages[].content[].content[].text"},
    [PROVIDER_CHAT] = {"messages[].content", "messages[].content[].text"},
    [PROVIDER_RESPONSES] = {"instructions", "input", "input[].content", "input[].content[].text",
                            "input[].output", "input[].output[].text"},
    [PROVIDER_GENERATE] = {"contents[].parts[].text", "systemInstruction.parts[].text",
                           "system_instruction.parts[].text"}};

//  May the provider leave such texts out?
static bool
s_leaves_out (const char *path, const json_scan_token_t *value)
{
    char text [32];
    fields_text (value, text, sizeof text);
    if (strcmp (path, "context_management.edits[].type") == 0)
        return !s_begins (text, "clear_thinking_");
    return (strcmp (path, "truncation") == 0 && strcmp (text, "disabled") != 0)
           || strcmp (path, "contents[].parts[].thought") == 0;
}

//  --- the fields

typedef struct {
    ask_t *ask;
    provider_call_t call;
    bool leaves_out; //  not all of its text is counted for sure
} reading_t;

//  A service that costs less is not granted for sure.
static void
s_on_service (price_bound_t *bound, const json_scan_token_t *value)
{
    char word [16];
    fields_text (value, word, sizeof word);
    const int64_t percent = price_service (word);
    if (percent > 100 && bound->percent < S_PERCENT_MAX)
        bound->percent = bound->percent * percent / 100;
}

static void
s_on_price (ask_t *ask, provider_call_t call, const char *path, const json_scan_token_t *value)
{
    static const char *const answers [] = {"n",
                                           "generationConfig.candidateCount",
                                           "generationConfig.candidate_count",
                                           "generation_config.candidateCount",
                                           "generation_config.candidate_count",
                                           NULL};
    static const char *const services [] = {"service_tier", "speed", "inference_geo", NULL};
    if (strcmp (path, "model") == 0)
        s_on_model (ask, value);
    else if (s_is (path, s_outputs [call]))
        s_on_output (ask, value);
    else if (s_is (path, answers))
        s_on_answers (ask, value);
    else if (s_is (path, services))
        s_on_service (&ask->bound, value);
    else if (s_ends (path, "cache_control.type"))
        ask->bound.caches = true;
    else if (s_ends (path, "cache_control.ttl"))
        ask->bound.caches_hour = ask->bound.caches_hour || s_says (value, "1h");
}

static void
s_on_field (void *arg, const char *path, const json_scan_token_t *value)
{
    reading_t *reading = arg;
    ask_t *ask = reading->ask;
    const bool data = s_is_data (path);
    const bool served = !data && s_is_served (reading->call, path, value);
    s_on_input (ask, path, value);
    s_on_price (ask, reading->call, path, value);
    ask->unseen += served || s_is_again (path, value) ? S_DOCUMENT_TOKENS : 0;
    ask->reaches = ask->reaches || (served && s_reaches (path, value))
                   || (!data && s_is_address (path, value));
    if (value->type == JSON_SCAN_TEXT && s_is (path, s_texts [reading->call]))
        ask->text += (int64_t) value->size;
    reading->leaves_out = reading->leaves_out || s_leaves_out (path, value);
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
    ask_t ask = {.clear = true, .bound = {.output = -1, .answers = 1, .percent = 100}};
    ask.bound.input = (int64_t) size + S_SYSTEM_TOKENS;
    reading_t reading = {.ask = &ask, .call = call};
    ask.read = fields_each (body, size, s_on_field, &reading) == 0;
    ask.clear = ask.clear && ask.read && size <= S_READ_BYTES && fields_unique (body, size);
    if (reading.leaves_out)
        ask.text = 0;
    if (ask.bound.output == INT64_MAX)
        ask.bound.output = -1;
    if (call == PROVIDER_GENERATE)
        s_model_of_path (&ask, path);
    return ask;
}
