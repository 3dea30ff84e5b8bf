# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# claude - Claude Code (npm @anthropic-ai/claude-code), by its stream of JSON records.
# SPDX-License-Identifier: Apache-2.0
driver_program=claude
driver_provider=anthropic
driver_key_env=ANTHROPIC_API_KEY
driver_base_url_env=ANTHROPIC_BASE_URL
driver_model=sonnet
driver_resumes=true
driver_system=own # it takes the system prompt as a file
driver_tools='--tools and --allowedTools'

driver_jq='
def usage_of: {input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens};
# Of all models, also when a limit ends the run.
def usage_of_all:
    [.modelUsage // {} | .[]
     | {input_tokens: .inputTokens, output_tokens: .outputTokens,
        cache_read_input_tokens: .cacheReadInputTokens,
        cache_creation_input_tokens: .cacheCreationInputTokens}] as $models
    | if $models == [] then .usage | usage_of
      else reduce $models[] as $model ({}; add_usage($model)) end;
# What a turn has put out is not known when its record comes.
def usage_of_turn: usage_of | del(.output_tokens);

def class:
    class_of(.api_error_status;
             ([.result, .api_error_type, .terminal_reason, (.errors // [])[]] | map(as_text)
              | join("\n"))) as $class
    | if .is_error | not then null
      elif (.subtype // "" | test("^error_max_(turns|budget)")) then "limit"
      elif .stop_reason == "refusal" then "refused"
      elif .terminal_reason == "prompt_too_long" then "too_large"
      elif .result // "" | test("output token maximum") then "limit"
      else $class end;

# What the CLI says of an answer that it has made up itself because the call failed.
def class_of_error:
    (.error // "") as $error
    | if $error == "invalid_request" then null
      else {authentication_failed: "auth", oauth_org_not_allowed: "auth", billing_error: "quota",
            rate_limit: "rate_limited", overloaded: "overloaded", model_not_found: "config",
            max_output_tokens: "limit"} [$error] // "provider" end;

def record:
    if .type == "system" and .subtype == "init"
    then {set: {session_id, model, version: .claude_code_version}},
         (.mcp_servers[]? | select(.status == "failed")
          | {warn: "the MCP server \(.name) has not started: the agent works without its tools"})
    elif .type == "system" and .subtype == "api_retry"
    then {error: {class: class_of_error,
                  text: "the provider answers \(.error_status // "nothing"): \(.error)"}}
    elif .type == "assistant"
    then (if .is_api_error_message
          then {error: {text: (.message.content | content_text), class: class_of_error}}
          else {turn: {id: .message.id, usage: (.message.usage | usage_of_turn)}},
               {set: {error: null}} end),
         blocks("")
    elif .type == "user" then blocks("^Exit code (?<n>[0-9]+)") | select(.reply)
    elif .type == "result"
    then {end: {is_error, class: class, num_turns, total_cost_usd, duration_ms,
                result: (.result // ((.errors // []) | map(as_text) | join("; "))),
                usage: usage_of_all, counts_on: true}}
    else empty end;
'

driver_prepare () {
    export DISABLE_AUTOUPDATER=1 DISABLE_TELEMETRY=1 DISABLE_ERROR_REPORTING=1
    export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 ENABLE_TOOL_SEARCH=false
    export CLAUDE_CODE_MAX_RETRIES="${CLAUDE_CODE_MAX_RETRIES:-2}"
    plugin=''
    # Restricted: its file tools, and "@file" in a prompt, do not leave the workspace.
    restricted=$("$driver_path" --help 2>/dev/null | grep -o -m 1 -e '--restricted ')
    if [ -n "$restricted" ]; then
        # It reads no skills of the workspace then, only those of a plugin.
        plugin=.claude/plugin
        mkdir -p "$plugin/.claude-plugin"
        printf '{"name": "triage"}\n' >"$plugin/.claude-plugin/plugin.json"
        copy_skills "$plugin/skills"
    else
        copy_skills .claude/skills
    fi
    mapfile -t servers < <(mcp_servers | jq -r 'keys[]')
    wait $! || exit 78
}

# Only the allowed tools are offered to the model; "Bash(kubectl get:*)" allows a part of one.
# Tools of MCP servers are all allowed, but for those that show a kubeconfig.
driver_tool_words () {
    local server denied='' names
    names=$(sed 's/([^)]*)//g; s/mcp__[^, ]*//g' <<<"$tools")
    words+=(--tools "$names")
    for server in "${servers[@]}"; do
        tools="$tools,mcp__$server"
        denied="$denied,mcp__${server}__configuration_view"
    done
    words+=(--allowedTools "$tools")
    [ -z "$denied" ] || words+=(--disallowedTools "${denied#,}")
}

driver_run () {
    words=(-p --output-format stream-json --verbose)
    [ -z "$restricted" ] || words+=(--restricted)
    [ -z "$model" ] || words+=(--model "$model")
    [ -z "$tools" ] || driver_tool_words
    [ -z "$system" ] || words+=(--append-system-prompt-file "$system")
    [ -z "${AGENT_MAX_TURNS:-}" ] || words+=(--max-turns "$AGENT_MAX_TURNS")
    [ -z "${AGENT_MAX_BUDGET_USD:-}" ] || words+=(--max-budget-usd "$AGENT_MAX_BUDGET_USD")
    [ "${#servers[@]}" -eq 0 ] || words+=(--mcp-config "$AGENT_MCP_CONFIG" --strict-mcp-config)
    [ -z "$plugin" ] || words+=(--plugin-dir "$plugin")
    [ "$resume" = 0 ] || words+=(--continue)
    exec "$driver_path" "${words[@]}" "${args[@]}"
}
