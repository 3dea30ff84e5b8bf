# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# qwen - Qwen Code (npm @qwen-code/qwen-code), by a stream of JSON records that is like claude's.
#
# It tries a call that fails with 429 or 5xx six times more, in about 80 s; maxRetries would come on
# top of that.  Own exit codes: 53 too many turns, 55 too many calls.
# SPDX-License-Identifier: Apache-2.0
driver_program=qwen
driver_provider=openai
driver_key_env=OPENAI_API_KEY
driver_base_url_env=OPENAI_BASE_URL
driver_resumes=true
driver_notes='seven attempts a call of 429 and 5xx, in about 80 s; the model is its own default'

driver_jq='
def usage_of: {input_tokens: (.input_tokens - (.cache_read_input_tokens // 0)), output_tokens,
               cache_read_input_tokens, cache_creation_input_tokens};

def sentence:
    start_of_text | sub("^.*?\\[API Error: (?<e>.*?)\\](?<rest>\\n.*)?$"; "\(.e)"; "m");

def class:
    (capture("^(?<s>[45][0-9][0-9]) ").s // null | if . then tonumber else null end) as $status
    | class_of($status; .)
      // (if test("session turns|maximum session") then "limit"
          elif test("stream|fetch failed|terminated|socket|connection|timed? ?out"; "i")
          then "provider"
          else null end);

def record:
    if .type == "system" and .subtype == "init"
    then {set: {session_id, model, version: .qwen_code_version}}
    elif .type == "assistant"
    then (if .message.usage.input_tokens > 0
          then {turn: {id: .message.id, usage: (.message.usage | usage_of)}} else empty end),
         blocks("")
    elif .type == "user" then blocks("\nExit Code: (?<n>[0-9]+)") | select(.reply)
    elif .type == "result"
    then (.result // .error.message? // "" | sentence) as $text
         | {end: {is_error, class: (if .is_error then $text | class else null end), num_turns,
                  duration_ms, result: $text, counts_on: (.usage.input_tokens > 0),
                  usage: (if .usage.input_tokens > 0 then .usage | usage_of else {} end)}}
    else empty end;

def at_end: if .end == null and $code == 53 then .error.class = "limit" else . end;
'

qwen_settings () {
    gemini_servers | jq '
        {privacy: {usageStatisticsEnabled: false}, telemetry: {enabled: false},
         general: {enableAutoUpdate: false, disableAutoUpdate: true},
         model: {generationConfig: {maxRetries: 0}},
         mcpServers: .}'
}

driver_prepare () {
    export QWEN_CODE_SUPPRESS_YOLO_WARNING=1 NO_COLOR=1
    [ -n "${OPENAI_BASE_URL:-}" ] || unset OPENAI_BASE_URL
    mkdir -p "$HOME/.qwen"
    qwen_settings >"$HOME/.qwen/settings.json" || exit 78
    copy_skills .qwen/skills
}

driver_run () {
    set -- --yolo --auth-type openai --output-format stream-json
    [ -z "$model" ] || set -- "$@" --model "$model"
    [ -z "${AGENT_MAX_TURNS:-}" ] || set -- "$@" --max-session-turns "$AGENT_MAX_TURNS"
    [ "$resume" = 0 ] || set -- "$@" --continue
    exec "$driver_path" "$@" "${args[@]}"
}
