# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# opencode - the opencode CLI (npm opencode-linux-x64), by `opencode run --format json`.
#
# Its provider is one of its configuration's, which speaks chat completions.  It tries a call that
# fails with 429 or 5xx five times more, in about 70 s, or when retry-after says; no setting changes
# that.  Without --auto it would refuse every tool, and exit with 0.
# SPDX-License-Identifier: Apache-2.0
driver_program=opencode
driver_provider=openai
driver_key_env=OPENAI_API_KEY
driver_base_url_env=OPENAI_BASE_URL
driver_model=gpt-6.2-sol
driver_resumes=true
driver_notes='six attempts a call of 429 and 5xx, in about 70 s'

driver_jq='
def record:
    .part as $part
    | (if .sessionID then {set: {session_id: .sessionID}} else empty end),
      (if .type == "text" then {text: $part.text}
       elif .type == "tool_use"
       then $part.state as $state
            | {call: {id: $part.callID, tool: $part.tool, input: $state.input}},
              {reply: {id: $part.callID, output: ($state.output // $state.error // ""),
                       exit: ($state.metadata.exit?
                              // (if $state.status == "error" then 1 else 0 end))}}
       elif .type == "step_finish"
       then {turn: {id: $part.id,
                    usage: {input_tokens: $part.tokens.input,
                            output_tokens: ($part.tokens.output + $part.tokens.reasoning),
                            cache_read_input_tokens: $part.tokens.cache.read,
                            cache_creation_input_tokens: $part.tokens.cache.write}}}
       elif .type == "error"
       then (.error.data // {}) as $data
            | (.error.name // "") as $name
            | {error: {text: ($data.message // $name),
                       class: ({ProviderAuthError: "auth", MessageOutputLengthError: "limit",
                                ContextOverflowError: "too_large",
                                ProviderModelNotFoundError: "config"} [$name]
                               // class_of($data.statusCode; $data.message)
                               // (if $data.statusCode then null else "provider" end))}}
       else empty end);

def at_end:
    if .error and $stopped == "" then .end = (.error + {is_error: true, result: .error.text})
    else . end;
'

# Its own form of {"mcpServers": ...}, and its provider.
opencode_settings () {
    mcp_servers | jq --arg model "$model" \
        --arg url "${OPENAI_BASE_URL:-https://api.openai.com/v1}" '
        . as $servers
        | {autoupdate: false, share: "disabled", permission: {external_directory: "allow"},
           provider: {triage: {npm: "@ai-sdk/openai-compatible", name: "triage",
                               options: {baseURL: $url, apiKey: "{env:OPENAI_API_KEY}"},
                               models: {($model): {}}}},
           mcp: ($servers
                 | map_values(if .command
                              then {type: "local", command: ([.command] + (.args // [])),
                                    environment: (.env // {}), enabled: true}
                              else {type: "remote", url, headers: (.headers // {}),
                                    enabled: true} end)),
           tools: ($servers | with_entries(.key += "_configuration_view" | .value = false))}'
}

driver_prepare () {
    export OPENCODE_CONFIG="$HOME/opencode.json" OPENCODE_DISABLE_AUTOUPDATE=true
    export OPENCODE_DISABLE_MODELS_FETCH=true OPENCODE_DISABLE_LSP_DOWNLOAD=true
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME
    opencode_settings >"$OPENCODE_CONFIG" || exit 78
    copy_skills .opencode/skills
}

driver_run () {
    set -- run --auto --format json --title triage --model "triage/$model"
    [ "$resume" = 0 ] || set -- "$@" --continue
    exec "$driver_path" "$@" "${args[@]}"
}
