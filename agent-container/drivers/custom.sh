# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# custom - a program of the user's own.  It keeps to the contract of README.md by itself.
#
# AGENT_CUSTOM_COMMAND is one executable.  It gets the workspace as its argument, the prompt on
# standard input, and the environment unchanged.
# SPDX-License-Identifier: Apache-2.0
driver_program=${AGENT_CUSTOM_COMMAND:-}
driver_system=own # its standard input is the prompt only; SYSTEM_PROMPT_FILE names the other
driver_notes='a program of your own: AGENT_CUSTOM_COMMAND'

driver_find () {
    [ -n "$driver_program" ] \
        || fail 78 "agent 'custom' needs AGENT_CUSTOM_COMMAND (name it in agent_env)"
    command -v "$driver_program"
}

driver_version () { :; }

driver_run () {
    exec "$driver_path" "$workspace"
}
