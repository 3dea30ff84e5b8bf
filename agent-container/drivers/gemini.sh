# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# gemini - Google's Gemini CLI (npm @google/gemini-cli), by its stream of JSON records.
#
# It exits with the status of a failed call modulo 256, so 145 is 401 and no signal.  Own codes:
# 41 no key, 42 no prompt, 52 bad settings, 53 too many turns, 55 a folder it does not trust.
# It asks a small model which model to take, ten times if need be, unless it is told the model.
# SPDX-License-Identifier: Apache-2.0
driver_program=gemini
driver_provider=gemini
driver_key_env=GEMINI_API_KEY
driver_base_url_env=GOOGLE_GEMINI_BASE_URL
driver_model=pro
driver_resumes=true
driver_notes='two attempts a call; it blocks $() in commands by itself'

driver_jq='
# [API Error: {"error": {"code": 401, "message": "..."}}]: what the provider has said of it
def api_error:
    start_of_text
    | sub("^\\[API Error: (?<e>.*?)\\](?<rest>\\n.*)?$"; "\(.e)"; "m")
    | . as $text
    | (try (fromjson | .error) catch null) as $error
    | {status: ($error.code? // null), text: ($error.message? // $text)};

def class_of_error:
    if .text | test("API key (not valid|expired)"; "i") then "auth"
    elif .text | test("is not found for API version") then "config"
    else class_of(.status; .text)
         // (if .text | test("SAFETY|PROHIBITED_CONTENT|blocked"; "i") then "refused"
             elif .text | test("Max session turns"; "i") then "limit"
             elif .text | test("ended without a finish reason|fetch failed|terminated|socket")
             then "provider" else null end) end;

def most: to_entries | max_by(.value.total_tokens) | .key? // null;

def record:
    if .type == "init" then {set: {session_id, model}}
    elif .type == "message" and .role == "assistant"
    then if .delta then {delta: .content} else {text: .content} end
    elif .type == "tool_use" then {call: {id: .tool_id, tool: .tool_name, input: .parameters}}
    elif .type == "tool_result"
    then {reply: {id: .tool_id, output: (.output // .error.message? // ""),
                  exit: (if .status == "success" then 0 else 1 end)}}
    elif .type == "error" and .severity == "error"
    then .message | api_error | {error: {text, class: class_of_error}}
    elif .type == "result"
    then (.error.message? | if . then api_error else {text: ""} end) as $error
         | .stats as $stats
         | ($stats.models // {} | most) as $model
         | (if $model then {set: {$model}} else empty end),
           {end: {is_error: (.status != "success"), class: ($error | class_of_error),
                  result: $error.text, duration_ms: $stats.duration_ms,
                  usage: (if $stats.total_tokens > 0
                          then {input_tokens: $stats.input, output_tokens: $stats.output_tokens,
                                cache_read_input_tokens: $stats.cached} else {} end)}}
    else empty end;

def status_of_exit: if $code < 144 then null elif $code < 256 then $code + 256 else null end;

def at_end:
    {"41": "auth", "42": "config", "52": "config", "53": "limit", "55": "config"}[$code | tostring]
        as $own
    | ((.end.class? // .error.class? // $own)
       // class_of(status_of_exit; .end.result? // "")) as $class
    | if .end and .end.is_error
      then .end.class = $class
           | (if .end.result == "" then .end.result = .error.text? else . end)
      elif .end then .
      elif $class then .error = {text: .error.text?, class: $class}
      else . end;
'

# The provider makes searches and fetches: they lead out of the sandbox, and cost by use.
gemini_settings () {
    gemini_servers | jq --arg turns "${AGENT_MAX_TURNS:-}" --arg tools "$tools" '
        {security: {auth: {selectedType: "gemini-api-key"},
                    environmentVariableRedaction:
                        {enabled: true, blocked: ["GEMINI_API_KEY", "GOOGLE_API_KEY"]}},
         privacy: {usageStatisticsEnabled: false}, telemetry: {enabled: false},
         tools: {exclude: (if $tools | test("WebSearch") then []
                           else ["google_web_search", "web_fetch"] end)},
         general: {maxAttempts: 2, enableAutoUpdate: false, disableAutoUpdate: true},
         model: (if $turns == "" then {} else {maxSessionTurns: ($turns | tonumber)} end),
         mcpServers: .}'
}

driver_prepare () {
    export GEMINI_API_KEY="${GEMINI_API_KEY:-${GOOGLE_API_KEY:-}}"
    export GEMINI_CLI_TRUST_WORKSPACE=true GEMINI_CLI_NO_RELAUNCH=true NO_COLOR=1
    unset GOOGLE_API_KEY GOOGLE_GENAI_USE_VERTEXAI
    [ "${GOOGLE_GEMINI_BASE_URL:-}" != '' ] || unset GOOGLE_GEMINI_BASE_URL
    mkdir -p "$HOME/.gemini"
    gemini_settings >"$HOME/.gemini/settings.json" || exit 78
    copy_skills .gemini/skills
}

driver_run () {
    set -- --yolo --output-format stream-json
    [ -z "$model" ] || set -- "$@" --model "$model"
    [ "$resume" = 0 ] || set -- "$@" --resume latest
    exec "$driver_path" "$@" "${args[@]}"
}
