# bash completion of triagectl: `triagectl complete` knows its commands, options and the broker's
# names.
# SPDX-License-Identifier: Apache-2.0
_triagectl ()
{
    # Split at white space only: COMP_WORDS is split at '=' and ':' as well, which URLs and
    # --flag=value have.
    local line=${COMP_LINE:0:COMP_POINT} words
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=("")
    mapfile -t COMPREPLY < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o bashdefault -o default -F _triagectl triagectl
