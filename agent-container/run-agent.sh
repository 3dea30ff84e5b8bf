#!/bin/bash
# run-agent.sh - run one agent on one incident, by its driver.  README.md has the contract.
#
#   run-agent.sh --workspace DIR --agent NAME --model M --allowed-tools LIST --timeout SECONDS
#                --prompt-file FILE|- --system-prompt-file FILE [--kubeconfig FILE] [--runtime NAME]
#   run-agent.sh --describe [--agent NAME]     one JSON line about the driver and its program
#
# No key is in its arguments, nor in those of the CLI that it starts.
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2015,SC2034,SC2317 # fail ends the script; drivers use the names
set -u -o pipefail

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
workspace=${WORKSPACE_DIR:-} agent=${AGENT_CLI:-} model=${LLM_MODEL:-}
tools=${AGENT_ALLOWED_TOOLS:-} timeout=${CONTAINER_TIMEOUT:-}
prompt=${PROMPT_FILE:-} system=${SYSTEM_PROMPT_FILE:-} kubeconfig=${KUBECONFIG:-}
describe='' stopped='' interrupted='' cli=''
args=() # more words for the CLI

# What a resumed run is asked.  One line, as --describe says it: the worker keeps it too.
resume_prompt="The time for this investigation is nearly over.  Finish now: write the report to \
output/investigation.md, in the form that was asked for, from what you know.  Say what you could \
not check.  Start no new investigation."

# What a driver file sets; drivers/claude.sh is an example with all of it.
driver_program='' driver_provider='' driver_key_env='' driver_base_url_env='' driver_model=''
driver_resumes=false driver_system=prepend driver_tools='' driver_notes='' driver_jq=''
driver_prepare () { :; }
driver_find () { command -v "$driver_program"; }
driver_version () { timeout -s KILL 20 "$driver_path" --version </dev/null 2>/dev/null; }

fail () {
    local code=$1
    shift
    printf 'run-agent.sh: %s\n' "$*" >&2
    exit "$code"
}

unwritable () { fail 73 "the workspace cannot be written: $workspace"; }

# A text as a JSON string, or null when it is empty.  Needs no jq.
json_text () {
    local text=${1//[[:cntrl:]]/ }
    text=${text//\\/\\\\}
    [ -n "$1" ] && printf '"%s"' "${text//\"/\\\"}" || printf null
}

driver_folders () {
    printf '%s\n' ${AGENT_DRIVERS_DIR:+"$AGENT_DRIVERS_DIR"} "$here/drivers"
}

driver_names () {
    local folder file
    driver_folders | while IFS= read -r folder; do
        for file in "$folder"/*.sh; do
            [ ! -r "$file" ] || basename "$file" .sh
        done
    done | sort -u | paste -s -d ' '
}

# Source the driver of the agent's name.
load_driver () {
    local folder file=''
    case $agent in
    '') fail 64 "--agent is missing" ;;
    *[!a-z0-9_-]* | [!a-z0-9]*) ;;
    *)
        while [ -z "$file" ] && IFS= read -r folder; do
            [ ! -r "$folder/$agent.sh" ] || file=$folder/$agent.sh
        done < <(driver_folders)
        ;;
    esac
    [ -n "$file" ] || fail 78 "unknown agent '$agent': there are $(driver_names)"
    # shellcheck disable=SC1090 # any driver
    . "$file" || fail 78 "the driver $file cannot be read"
    #  The default model of older brokers is for claude, and they send it to all.
    case $driver_provider in openai | gemini) [ "$model" != sonnet ] || model='' ;; esac
    model=${model:-$driver_model}
    driver_path=$(driver_find)
    [ $? -ne 78 ] || exit 78
}

missing () {
    printf "agent '%s' needs the program '%s', which is not on PATH" "$agent" "$driver_program"
}

# The first number in what the program says of its version.
version_number () {
    driver_version | tr -d '\0' | grep -aoE '[0-9]+(\.[0-9]+)+[^ ]*' | head -n 1
}

need_jq () {
    [ -z "$driver_jq" ] || command -v jq >/dev/null || fail 127 "the program 'jq' is not on PATH"
}

print_description () {
    local version=''
    [ -z "$driver_path" ] || version=$(version_number)
    printf '{"agent":%s,"program":%s,"path":%s,"version":%s,"model":%s,"resumes":%s,' \
        "$(json_text "$agent")" "$(json_text "$driver_program")" "$(json_text "$driver_path")" \
        "$(json_text "$version")" "$(json_text "$model")" "$driver_resumes"
    [ "$driver_resumes" = true ] || resume_prompt=''
    printf '"resume_prompt":%s,' "$(json_text "$resume_prompt")"
    printf '"provider":%s,"key_env":%s,"base_url_env":%s,"tools":%s,"notes":%s}\n' \
        "$(json_text "$driver_provider")" "$(json_text "$driver_key_env")" \
        "$(json_text "$driver_base_url_env")" "$(json_text "$driver_tools")" \
        "$(json_text "$driver_notes")"
    [ -n "$driver_path" ] || fail 127 "$(missing)"
    need_jq
    split_args
    [ -z "$driver_jq" ] || mcp_servers >/dev/null
    exit 0
}

split_args () {
    [ -n "${AGENT_ARGS:-}" ] || return 0
    mapfile -d '' -t args < <(xargs -r printf '%s\0' <<<"$AGENT_ARGS")
    wait $! || fail 78 "AGENT_ARGS cannot be split: $AGENT_ARGS"
}

absolute () {
    case $1 in '' | - | /*) printf '%s' "$1" ;; *) printf '%s' "$PWD/$1" ;; esac
}

# The folders and variables that every CLI gets.
enter_workspace () {
    prompt=$(absolute "$prompt")
    system=$(absolute "$system")
    kubeconfig=$(absolute "$kubeconfig")
    cd -- "$workspace" 2>/dev/null || fail 64 "--workspace is not a folder: $workspace"
    workspace=$PWD
    mkdir -p output logs .home .tmp || unwritable
    if [ -n "$kubeconfig" ]; then
        export KUBECONFIG="$kubeconfig"
    else
        unset KUBECONFIG
    fi
    resume=${AGENT_RESUME:-0}
    [ "$resume" = 0 ] || [ "$driver_resumes" = true ] || fail 64 "agent '$agent' cannot resume"
    split_args
}

# .home/prompt.txt is what the CLI gets on its standard input, byte for byte.  logs/prompt.md
# is all that is sent.
write_prompt () {
    local own=.home/prompt.txt
    if [ "$resume" != 0 ]; then
        printf '%s\n' "$resume_prompt" >"$own" \
            && { printf '\n\n' && cat "$own"; } >>logs/prompt.md || unwritable
        return
    fi
    # shellcheck disable=SC2002 # reading fails in another way than writing
    cat -- "$prompt" 2>/dev/null | cat >"$own"
    case ${PIPESTATUS[*]} in
    '0 0') ;;
    *' 0') fail 64 "--prompt-file cannot be read: $prompt" ;;
    *) unwritable ;;
    esac
    [ -e "$system" ] || system=''
    [ -z "$system" ] || { [ -r "$system" ] && [ ! -d "$system" ]; } \
        || fail 64 "--system-prompt-file cannot be read: $system"
    { [ -z "$system" ] || { cat -- "$system" && printf '\n\n'; } && cat "$own"; } >.home/asked.md \
        && { [ "$driver_system" != prepend ] || cp .home/asked.md "$own"; } \
        && mv -f .home/asked.md logs/prompt.md || unwritable
}

# For a driver that does all by itself: its standard input is the prompt.
give_prompt () {
    if [ "$driver_system" = prepend ]; then
        write_prompt
        prompt=.home/prompt.txt
    fi
    [ "$prompt" = - ] || exec <"$prompt" || fail 64 "--prompt-file cannot be read: $prompt"
}

# The servers of AGENT_MCP_CONFIG as one JSON object; {} without any.
mcp_servers () {
    [ -n "${AGENT_MCP_CONFIG:-}" ] || { printf '{}'; return; }
    jq -ce '.mcpServers | objects' "$AGENT_MCP_CONFIG" \
        || fail 78 "AGENT_MCP_CONFIG cannot be read: $AGENT_MCP_CONFIG"
}

# The same as Gemini CLI and what was made from it want them in their settings.json.
gemini_servers () {
    mcp_servers | jq 'map_values((if .type == "http" then {httpUrl: .url, headers}
                                  else {command, args, env, url, headers} end)
                                 | with_entries(select(.value))
                                 | .trust = true | .excludeTools = ["configuration_view"])'
}

# Copy the skills read-only to where the CLI looks for them: those that come with this script, then
# the user's own, which replace one of the same name.
copy_skills () {
    local folder
    for folder in "$here/skills" "${AGENT_SKILLS_DIR:-}"; do
        [ -n "$folder" ] && { [ "$folder" != "$here/skills" ] || [ -d "$folder" ]; } || continue
        { mkdir -p "$1" && cp -R --remove-destination -- "$folder/." "$1" \
            && find "$1" -type f -exec chmod a-w {} +; } \
            || fail 78 "skills cannot be copied: $folder"
    done
}

jq_program () {
    cat "$here/drivers/lib.jq"
    printf '%s\n' 'def record: empty;' 'def at_end: .;' "$driver_jq" "$1"
}

# In the background: nothing of it ends by TERM, which triage-run sends to the whole tree.
beside () {
    (
        trap '' TERM INT HUP
        "$@"
    ) &
}

# shellcheck disable=SC2094 # the size before this run
steps () {
    local lines=0 bytes=0
    [ ! -s logs/transcript.jsonl ] || read -r lines bytes _ < <(wc -l -c logs/transcript.jsonl)
    stdbuf -oL fold -b -w 1048576 <.home/pipes/steps \
        | jq -R -r -n --unbuffered --argjson lines "$lines" --argjson bytes "$bytes" \
            -f <(jq_program 'stream(record)') \
        | sed -u -n -e 's/^F//w .home/facts.jsonl' -e 's/^T//p' \
            -e 's/^W/run-agent.sh: /w /dev/stderr' >>logs/transcript.jsonl
}

own_out () { exec tee -p .home/pipes/steps <.home/pipes/out; }
own_err () { exec tee -p .home/pipes/tail <.home/pipes/err >&2; }
own_tail () { exec tail -c 65536 <.home/pipes/tail >.home/stderr.txt; }
own_version () { version_number >.home/version; }

# Start the CLI.  Its stdout goes to ours and, step by step, to the transcript.
start_cli () {
    rm -rf .home/pipes
    mkdir -p .home/pipes && mkfifo .home/pipes/{out,err,steps,tail} || unwritable
    : >.home/facts.jsonl
    : >.home/stderr.txt
    [ ! -f output/agent-result.json ] || mv -f output/agent-result.json .home/before.json
    beside own_out
    helpers=$!
    beside own_err
    helpers="$helpers $!"
    beside own_tail
    readers=$!
    beside steps
    readers="$readers $!"
    [ -s .home/version ] || beside own_version
    exec {out}>.home/pipes/out {err}>.home/pipes/err # waits for their readers
    (
        trap - TERM INT HUP
        exec {out}>&- {err}>&-
        [ -z "$stopped" ] || exit 143
        driver_run
    ) <.home/prompt.txt 1>&"$out" 2>&"$err" &
    cli=$! began=${EPOCHREALTIME//[.,]/} # no child: bash would forget an INT
    [ -z "$stopped" ] || kill -TERM "$cli" 2>/dev/null
    exec {out}>&- {err}>&-
}

on_signal () {
    stopped=1 interrupted=1
    [ -z "$cli" ] || kill -TERM "$cli" 2>/dev/null
}

# Wait for the CLI; code is its exit code.  wait also returns when a signal comes.
wait_cli () {
    interrupted=1
    while [ -n "$interrupted" ]; do
        interrupted=''
        wait "$cli"
        code=$?
        #  The CLI may use up the whole grace: what is known is on disk before.
        [ -z "$interrupted" ] || write_result null
    done
}

# Wait until these have ended, at most so many hundredths of a second; then kill them.
end_these () {
    local left=$1 pid
    shift
    for pid; do
        while [ "$left" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
            sleep 0.01
            left=$((left - 1))
        done
        kill -KILL "$pid" 2>/dev/null
    done
}

# Write output/agent-result.json; class is what the run came to.
write_result () {
    local lines before=.home/before.json
    [ -f "$before" ] || before=/dev/null
    mapfile -t lines < <(tail -n 3 .home/facts.jsonl \
        | jq -R -r -n --argjson code "$1" --arg stopped "$stopped" \
            --argjson elapsed $(((${EPOCHREALTIME//[.,]/} - began) / 1000)) \
            --arg agent "$agent" --arg model "$model" \
            --rawfile stderr .home/stderr.txt --rawfile before "$before" \
            --arg version "$(cat .home/version 2>/dev/null)" \
            -f <(jq_program 'result(at_end)'))
    [ "${#lines[@]}" -eq 2 ] || return 0
    printf '%s\n' "${lines[1]}" >.home/result.json
    mv -fT .home/result.json output/agent-result.json
    class=${lines[0]}
}

exit_code () {
    case $class in
    provider | overloaded) exit 69 ;;
    rate_limited) exit 75 ;;
    auth | quota) exit 77 ;;
    config) exit 78 ;;
    *) exit "$code" ;;
    esac
}

while [ $# -gt 0 ]; do
    [ "$1" != --describe ] || { describe=1; shift; continue; }
    [ "$1" != --help ] || { sed -n 's/^# \{0,1\}//; 2,6p' "$0"; exit 0; }
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
    --runtime) export AGENT_RUNTIME="$2" ;;
    *) fail 64 "unknown argument: $1" ;;
    esac
    shift 2
done

load_driver
[ -z "$describe" ] || print_description
case $timeout in *[!0-9]*) fail 64 "--timeout is not a number of seconds: $timeout" ;; esac
[ -n "$driver_path" ] || fail 127 "$(missing)"
enter_workspace
if [ -z "$driver_jq" ]; then
    export HOME="${HOME:-$workspace/.home}" TMPDIR="${TMPDIR:-$workspace/.tmp}"
    [ -z "$prompt" ] || give_prompt
    driver_prepare
    driver_run # does not return
fi
need_jq
trap on_signal TERM INT HUP
export HOME="$workspace/.home" TMPDIR="$workspace/.tmp" CLAUDE_CODE_TMPDIR="$workspace/.tmp"
write_prompt
driver_prepare
[ -z "$stopped" ] || exit 143
start_cli
class='' code=1
wait_cli
# shellcheck disable=SC2086 # lists of process ids
{ end_these 100 $helpers; end_these 300 $readers; }
write_result "$code"
exit_code
