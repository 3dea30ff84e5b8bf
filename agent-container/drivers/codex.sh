# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# codex - its output is kept as it is.
# SPDX-License-Identifier: Apache-2.0
driver_program=codex

driver_run () {
    warn_tools
    write_prompt
    export HOME="$workspace/.home"
    set -- exec --skip-git-repo-check --sandbox workspace-write
    [ -z "$model" ] || set -- "$@" --model "$model"
    exec "$driver_path" "$@" - <.home/prompt.txt
}
