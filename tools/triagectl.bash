# bash completion of triagectl: `triagectl complete` knows its commands, options and the broker's names.
# SPDX-License-Identifier: Apache-2.0
_triagectl ()
{
    local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _triagectl triagectl
