#!/bin/sh
# run-agent.sh - run one agent on one incident.  The worker calls it; no key is in its arguments.
#
#   run-agent.sh --workspace DIR --agent NAME --model M --allowed-tools LIST --timeout SECONDS
#                --prompt-file FILE --system-prompt-file FILE [--kubeconfig FILE] [--runtime NAME]
#
# The agent replaces the script (exec), so its exit code is the script's.  Nothing is piped.
# Exit codes of the script itself: 64 bad input; 78 bad configuration; 127 the agent's program is
# missing.  After 78 and 127 another worker may succeed.
# SPDX-License-Identifier: Apache-2.0
set -eu

fail () {
    code=$1
    shift
    printf 'run-agent.sh: %s\n' "$*" >&2
    exit "$code"
}

workspace=${WORKSPACE_DIR:-} agent=${AGENT_CLI:-} model=${LLM_MODEL:-}
tools=${AGENT_ALLOWED_TOOLS:-} timeout=${CONTAINER_TIMEOUT:-} runtime=${AGENT_RUNTIME:-none}
prompt=${PROMPT_FILE:-} system=${SYSTEM_PROMPT_FILE:-} kubeconfig=${KUBECONFIG:-}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail 64 "$1 needs a value"
    case $1 in
    --workspace) workspace=$2 ;;
    --agent) agent=$2 ;;
    --model) model=$2 ;;
    --allowed-tools) tools=$2 ;;
    --timeout) timeout=$2 ;;
    --prompt-file) prompt=$2 ;;
    --system-prompt-file) system=$2 ;;
    --kubeconfig) kubeconfig=$2 ;;
    --runtime) runtime=$2 ;;
    *) fail 64 "unknown argument: $1" ;;
    esac
    shift 2
done

[ -n "$agent" ] || fail 64 "--agent is missing"
[ -d "$workspace" ] || fail 64 "--workspace is not a folder: $workspace"
case $runtime in
none | auto) ;;
*) fail 78 "runtime '$runtime' is not supported, only 'none' is: the agent runs on this host" ;;
esac
case $timeout in
'' | *[!0-9]*) [ -z "$timeout" ] || fail 64 "--timeout is not a number of seconds: $timeout" ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case $prompt in '' | /*) ;; *) prompt=$PWD/$prompt ;; esac
case $system in '' | /*) ;; *) system=$PWD/$system ;; esac
cd -- "$workspace" || fail 64 "--workspace cannot be entered: $workspace"
workspace=$PWD
mkdir -p output logs .home
if [ -n "$kubeconfig" ]; then
    export KUBECONFIG="$kubeconfig"
else
    unset KUBECONFIG
fi

need () {
    command -v "$1" >/dev/null 2>&1 \
        || fail 127 "agent '$agent' needs the program '$1', which is not on PATH"
}

need_prompt () {
    [ -r "$prompt" ] || fail 64 "--prompt-file cannot be read: $prompt"
}

# A CLI without a system prompt option gets it in front of the prompt, on standard input.
whole_prompt () {
    : >.home/prompt.txt
    if [ -n "$system" ] && [ -r "$system" ]; then
        cat -- "$system" >>.home/prompt.txt
        printf '\n\n' >>.home/prompt.txt
    fi
    cat -- "$prompt" >>.home/prompt.txt
}

warn_tools () {
    [ -z "$tools" ] \
        || printf 'run-agent.sh: %s has no list of allowed tools; ignored: %s\n' \
            "$agent" "$tools" >&2
}

run_claude () {
    need claude
    need_prompt
    export HOME="$workspace/.home" DISABLE_AUTOUPDATER=1 DISABLE_TELEMETRY=1
    export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
    set -- -p --output-format json
    [ -z "$model" ] || set -- "$@" --model "$model"
    [ -z "$tools" ] || set -- "$@" --allowedTools "$tools"
    [ -z "$system" ] || set -- "$@" --append-system-prompt-file "$system"
    exec claude "$@" <"$prompt" >output/agent-result.json
}

run_codex () {
    need codex
    need_prompt
    warn_tools
    whole_prompt
    export HOME="$workspace/.home"
    set -- exec --skip-git-repo-check --sandbox workspace-write
    [ -z "$model" ] || set -- "$@" --model "$model"
    exec codex "$@" - <.home/prompt.txt
}

run_gemini () {
    need gemini
    need_prompt
    warn_tools
    whole_prompt
    export HOME="$workspace/.home"
    set -- --yolo
    [ -z "$model" ] || set -- "$@" --model "$model"
    exec gemini "$@" <.home/prompt.txt
}

run_goose () {
    need goose
    need_prompt
    warn_tools
    whole_prompt
    export HOME="$workspace/.home"
    [ -z "$model" ] || export GOOSE_MODEL="$model"
    exec goose run --no-session --instructions - <.home/prompt.txt
}

run_playbook () {
    for program in "${TRIAGE_PLAYBOOK:-}" "$here/triage-playbook" \
        "$here/../build/release/bin/triage-playbook" "$(command -v triage-playbook || true)"; do
        if [ -n "$program" ] && [ -x "$program" ]; then
            exec "$program" "$workspace"
        fi
    done
    fail 127 "agent 'playbook' needs the program 'triage-playbook':" \
        "run make build or set TRIAGE_PLAYBOOK"
}

# AGENT_CUSTOM_COMMAND is one executable.  It gets the workspace as its argument, the prompt on
# standard input, and the contract's environment unchanged.
run_custom () {
    [ -n "${AGENT_CUSTOM_COMMAND:-}" ] \
        || fail 78 "agent 'custom' needs AGENT_CUSTOM_COMMAND (name it in agent_env)"
    need "$AGENT_CUSTOM_COMMAND"
    need_prompt
    exec "$AGENT_CUSTOM_COMMAND" "$workspace" <"$prompt"
}

case $agent in
claude | codex | gemini | goose | playbook | custom) "run_$agent" ;;
*) fail 78 "unknown agent '$agent': claude, codex, gemini, goose, playbook or custom is expected" ;;
esac
