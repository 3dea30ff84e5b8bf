# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# gemini - its output is kept as it is.
# SPDX-License-Identifier: Apache-2.0
driver_program=gemini

driver_run () {
    warn_tools
    write_prompt
    export HOME="$workspace/.home"
    set -- --yolo
    [ -z "$model" ] || set -- "$@" --model "$model"
    exec "$driver_path" "$@" <.home/prompt.txt
}
