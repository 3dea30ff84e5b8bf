# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# goose - Block's goose, by its documentation alone: neither npm nor Debian has the program, so
# only its arguments are tested, and a record of text.
# SPDX-License-Identifier: Apache-2.0
driver_program=goose
driver_provider=openai
driver_key_env=OPENAI_API_KEY
driver_base_url_env=OPENAI_BASE_URL
driver_model=gpt-6.2-sol
driver_notes='written by its documentation; never run with the real program'

driver_jq='
def record:
    if type != "object" then empty
    elif .type == "message" and .message.role == "assistant"
    then .message.content[]?
         | if .type == "text" then {text}
           elif .type == "toolRequest"
           then {call: {id, tool: .toolCall.value.name, input: .toolCall.value.arguments}}
           else empty end
    elif .type == "message"
    then .message.content[]? | select(.type? == "toolResponse")
         | {reply: {id, output: (.toolResult.value.content? // .toolResult.value // ""
                                 | content_text),
                    exit: (if .toolResult.status == "success" then 0 else 1 end)}}
    elif .type == "error"
    then (.error | as_text) as $text
         | {error: {text: $text,
                    class: class_of(($text | capture("(?<s>[45][0-9][0-9])").s | tonumber)?;
                                    $text)}}
    else empty end;
'

# OPENAI_HOST is an address without the version, which stands in OPENAI_BASE_PATH.
driver_prepare () {
    local url=${OPENAI_BASE_URL:-https://api.openai.com/v1}
    url=${url%/}
    export OPENAI_HOST="${url%/v1}" OPENAI_BASE_PATH=v1/chat/completions
    export GOOSE_PROVIDER=openai GOOSE_MODEL="$model" GOOSE_MODE=auto GOOSE_DISABLE_KEYRING=true
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME
    copy_skills .goose/skills
}

driver_run () {
    set -- run --no-session --output-format stream-json
    [ -z "${AGENT_MAX_TURNS:-}" ] || set -- "$@" --max-turns "$AGENT_MAX_TURNS"
    exec "$driver_path" "$@" "${args[@]}" --instructions -
}
