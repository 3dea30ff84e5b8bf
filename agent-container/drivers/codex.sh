# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# codex - OpenAI's Codex CLI (npm @openai/codex), by `codex exec --json`.
#
# It ignores OPENAI_BASE_URL, so the provider is a table of its own in config.toml.  Its sandbox
# cannot be nested in ours, so it is off.  It says tokens, no money, and no number of calls.
# SPDX-License-Identifier: Apache-2.0
driver_program=codex
driver_provider=openai
driver_key_env=OPENAI_API_KEY
driver_base_url_env=OPENAI_BASE_URL
driver_resumes=true
driver_notes='its own sandbox is off; the model is its own default unless one is set'

driver_jq='
def class_of_text:
    start_of_text
    | (capture("(status:? )(?<s>[45][0-9][0-9])").s // null | if . then tonumber else null end)
        as $status
    | class_of($status; .)
      // (if test("does not exist or you do not have access") then "config"
          elif test("content_filter|cyber_policy") then "refused"
          elif test("max_output_tokens") then "limit"
          elif test("exceeds the maximum length") then "too_large"
          elif test("invalid_api_key") then "auth"
          elif $status then null
          else "provider" end);

# The text of an error; some come as the body of the answer.
def sentence:
    (try (fromjson | .error.message) catch null) // . | start_of_text
    | sub("^Reconnecting[.]+ [0-9/]+ \\((?<m>.*)\\)$"; "\(.m)"; "m") | sub(", url: [^ ]+$"; "");

def a_tool: {id, tool: (.tool // .type | if . == "command_execution" then "shell" else . end),
             input: (if .type == "command_execution" then {command}
                     else del(.id, .type, .status, .result, .error) end)};

def an_answer:
    {id, output: (.aggregated_output // .result // .error // .changes // ""),
     exit: (.exit_code // (if .status == "failed" then 1 else 0 end))};

def record:
    if .type == "thread.started" then {set: {session_id: .thread_id}}
    elif .type == "item.started" then {call: (.item | a_tool)}
    elif .type == "item.completed"
    then .item
         | if .type == "agent_message" then {text}
           elif .type == "reasoning" then {text}
           elif .type == "error" then {text: .message}
           elif .type == "command_execution" or .type == "mcp_tool_call" then {reply: an_answer}
           else {call: a_tool}, {reply: an_answer} end
    elif .type == "error"
    then (.message | sentence) as $text
         | {error: {text: $text, class: (.message | class_of_text)}}
    elif .type == "turn.failed"
    then (.error.message | sentence) as $text
         | {end: {is_error: true, class: (.error.message | class_of_text), result: $text}}
    elif .type == "turn.completed"
    then .usage
         | {end: {is_error: false, counts_on: true,
                  usage: {input_tokens: (if .input_tokens
                                         then .input_tokens - (.cached_input_tokens // 0)
                                         else null end), output_tokens,
                          cache_read_input_tokens: .cached_input_tokens,
                          cache_creation_input_tokens: .cache_write_input_tokens}}}
    else empty end;

def at_end:
    if .end == null and ($stderr | test("config.toml")) then .error.class = "config"
    else . end;
'

# The servers of {"mcpServers": ...} as TOML.  A string of JSON is one of TOML too.  Servers get
# few variables by themselves, so each is given KUBECONFIG and the proxy.
codex_mcp_servers () {
    mcp_servers | jq -r '
        def table: to_entries | map("\(.key | @json) = \(.value | @json)") | "{" + join(", ") + "}";
        ($ENV | with_entries(select(.key | test("^(KUBECONFIG|(HTTPS?|NO)_PROXY)$")))) as $more
        | to_entries[] | "[mcp_servers.\(.key | @json)]",
          (.value | (if .command
                     then "command = \(.command | @json)", "args = \(.args // [] | @json)",
                          "env = \($more + (.env // {}) | table)"
                     else "url = \(.url | @json)",
                          "http_headers = \(.headers // {} | table)" end)),
          "disabled_tools = [\"configuration_view\"]", ""'
}

# The provider makes a search of the web: it leads out of the sandbox, and costs by use.
driver_prepare () {
    local search=disabled
    [[ $tools != *WebSearch* ]] || search=live
    export CODEX_HOME="$HOME/.codex"
    mkdir -p "$CODEX_HOME"
    cat >"$CODEX_HOME/config.toml" <<END
model_provider = "triage"
web_search = "$search"
check_for_update_on_startup = false

[model_providers.triage]
name = "triage"
base_url = $(json_text "${OPENAI_BASE_URL:-https://api.openai.com/v1}")
env_key = "OPENAI_API_KEY"
wire_api = "responses"
supports_websockets = false
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = 120000

[shell_environment_policy]
inherit = "all"
exclude = ["*KEY*", "*TOKEN*", "*SECRET*"]

[analytics]
enabled = false

[feedback]
enabled = false

END
    codex_mcp_servers >>"$CODEX_HOME/config.toml" || exit 78
    copy_skills .agents/skills
}

driver_run () {
    set -- exec
    [ "$resume" = 0 ] || set -- exec resume --last
    set -- "$@" --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox
    [ -z "$model" ] || set -- "$@" --model "$model"
    exec "$driver_path" "$@" "${args[@]}" -
}
