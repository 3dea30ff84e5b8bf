#!/bin/sh
#  docs - print configuration.md, states.md and protocol.md from the programs' own tables.
#
#  docs.sh BIN [OUT]: BIN is the folder of the built programs, OUT the folder to write to (docs).
#  SPDX-License-Identifier: Apache-2.0
set -eu
bin=${1:?usage: docs.sh BIN [OUT]}
out=${2:-$(dirname "$0")/../docs}

{
    cat <<'TEXT'
# Configuration

This page is printed by `scripts/docs.sh` from the option tables of the programs; do not edit it.

A flag wins over the environment, the environment over the YAML file (`-c FILE` or `TRIAGE_CONFIG`),
the file over the default. Unknown keys, wrong types and values out of range are reported all at
once, with file and line; the program then ends with exit code 78. `--check-config` only checks, see
below, `--print-config` shows what is in force as a file, with secrets masked: a program that finds
a mask where a secret belongs does not start. Blanks and line ends around a secret are no part of
it, and one of blanks alone is unset; a secret's file must hold something. Durations are `300`
(seconds), `5m`, `168h`; sizes `10MiB`.

`--check-config` checks what a start needs, with the code of the start: the values, and the folders,
files, keys, names and programs that they name. It ends with 0 and `configuration ok`, or with 78
and one line for each error: the place where the value was set, and what is wrong. It makes and
changes nothing, sends nothing, and is no trouble to a program that runs. A line `not checked:` on
standard output names what it cannot know, such as whether a port is free or a server answers; a
line `warning:` on standard error is no error. Run it where the program will run, as the user that
will run it, with the same environment and working folder.

It is stricter than the start in one way. What may come later makes a start only warn: the token
file of an MCP server, a kubeconfig, the agent's script and program, a publisher's files and its
`ready_file`. For `--check-config` each of them is an error, because a rollout that it lets pass
would run without them.

SIGHUP reads the configuration again (broker; of a worker only the log level; other programs end by
it), SIGUSR1 writes what a broker or worker is doing to its log (a publisher ignores it), SIGTERM
and SIGINT stop in order, a second one at once.

Of the environment meant for others one thing is obeyed: `http_proxy`, `https_proxy`, `all_proxy`
and `no_proxy`, as curl reads them, for MCP servers, webhooks and `triagectl`. A plain `http://` MCP
server behind a proxy shows the proxy its token: use `https://`, or name the server in `no_proxy`. A
loopback address and `localhost` are never reached by a proxy.

Exit codes: 0 stopped in order, 1 failed while running, 2 wrong usage, 3 another process holds the
lock, 65 the store is damaged or of a later version, 74 a write to the store failed, 78 bad
configuration. `triagectl`: 0 done, 1 failed or refused, 2 wrong usage, 3 broker not reached, 4 no
such thing.

TEXT
    for program in triage-broker triage-worker triage-publisher triage-tap triagectl \
        triage-preview; do
        [ "$program" = triage-broker ] || echo
        env -i "$bin/$program" --print-docs
    done
} > "$out/configuration.md.new"
mv "$out/configuration.md.new" "$out/configuration.md"

"$bin/triagectl" states > "$out/states.md.new"
mv "$out/states.md.new" "$out/states.md"

{
    cat "$(dirname "$0")/../docs/protocol.intro.md"
    "$bin/triagectl" protocol
} > "$out/protocol.md.new"
mv "$out/protocol.md.new" "$out/protocol.md"
