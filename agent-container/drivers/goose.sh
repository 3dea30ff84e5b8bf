# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# goose - its output is kept as it is.
# SPDX-License-Identifier: Apache-2.0
driver_program=goose

driver_run () {
    warn_tools
    write_prompt
    export HOME="$workspace/.home"
    [ -z "$model" ] || export GOOSE_MODEL="$model"
    exec "$driver_path" run --no-session --instructions - <.home/prompt.txt
}
