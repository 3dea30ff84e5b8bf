# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # the frame reads and sets these
# playbook - triage-playbook, the rule-based agent of this project.  No model, no key.
# SPDX-License-Identifier: Apache-2.0
driver_program=triage-playbook
driver_notes='fixed rules, no model'

driver_find () {
    local program
    for program in "${TRIAGE_PLAYBOOK:-}" "$here/triage-playbook" \
        "$here/../build/release/bin/triage-playbook" "$(command -v triage-playbook)"; do
        [ -z "$program" ] || [ ! -x "$program" ] || { printf '%s' "$program"; return; }
    done
    return 1
}

driver_run () {
    exec "$driver_path" "$workspace"
}
