#!/bin/sh
#  docs - print configuration.md, states.md and protocol.md from the programs' own tables.
#
#  docs.sh BIN [OUT]: BIN is the folder of the built programs, OUT the folder to write to (docs).
#  SPDX-License-Identifier: Apache-2.0
set -eu
bin=${1:?usage: docs.sh BIN [OUT]}
out=${2:-$(dirname "$0")/../docs}

#  Prose over 100 columns gets lines; tables and code stay as they are.
wrap () {
    awk 'length ($0) <= 100 || /^[| ]/ { print; next }
    {
        line = $1
        for (i = 2; i <= NF; i++)
            if (length (line) + 1 + length ($i) <= 100) {
                line = line " " $i
            } else {
                print line
                line = $i
            }
        print line
    }'
}

{
    cat <<'TEXT'
# Configuration

This page is printed by `scripts/docs.sh` from the option tables of the programs; do not edit it.

A flag wins over the environment, the environment over the YAML file (`-c FILE` or `TRIAGE_CONFIG`),
the file over the default. The program reports all unknown keys, wrong types and values out of range
at once, with file and line. Then it ends with exit code 78.

`--print-config` prints what is in force as a file, with secrets masked. A program that finds a mask
in place of a secret does not start. Blanks and line ends around a secret are ignored. A secret that
has only blanks counts as unset, but a secret's file must hold something. Durations are `300`
(seconds), `5m`, `168h`; sizes are `10MiB`.

## Checks before a start

`--check-config` checks what a start needs, with the code of the start: the values, and the folders,
files, keys, names and programs that they name. It ends with 0 and `configuration ok`, or with 78
and one line for each error. The line says where the value was set and what is wrong.

The check creates, changes and sends nothing, and does not disturb a program that runs. A line `not
checked:` on standard output names what it cannot know, such as whether a port is free or a server
answers. A line `warning:` on standard error is no error. Run it where the program will run: as its
user, in its environment and working folder.

The check is stricter than the start in one way. Some things may come later, so a start only warns
when they are missing. For `--check-config` each of them is an error, because otherwise a rollout
would run without them:

- the token file of an MCP server
- a publisher's files and its `ready_file`
- what agents need: the script, the program, its key, a kubeconfig, `agent_user`, and the files,
  folders and hosts that options name; until they are there, a worker takes no work

So check a worker's file on the worker's host, or with the key of its agent in the environment.

A worker has two more checks. `--check-agent` looks at what agents need and tries the sandbox out.
It also asks the provider for its models, which costs nothing. It ends with 0, or with 1 when agents
cannot run here. `--list-runtimes` tries each sandbox out, and says what it holds and what not.

## Signals

| signal | what happens |
|---|---|
| SIGHUP | a broker reads its configuration again, a worker its log level and keys; others end |
| SIGUSR1 | a broker or worker logs what it is doing; publisher, tap and preview ignore it |
| SIGTERM, SIGINT | the program stops in order; after a second one it ends at once |

At SIGHUP a worker also looks again if agents can run. It reads the files of its keys every 30 s.

## Proxies

The programs obey `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as curl reads them. That
holds for MCP servers, webhooks and `triagectl`. No other variable counts, except those in the
tables below. A proxy sees the token of a plain `http://` MCP server behind it: use `https://`, or
name the server in `no_proxy`. A loopback address and `localhost` are never reached by a proxy.
`SSL_CERT_FILE` names a file of authorities that replaces the system's for all TLS servers.

## Exit codes

| code | meaning | `triagectl` |
|---|---|---|
| 0 | stopped in order | done |
| 1 | failed while running; `--check-agent`: agents cannot run here | failed or refused |
| 2 | wrong usage | wrong usage |
| 3 | another process holds the lock | broker not reached |
| 4 | | no such thing |
| 65 | the store is damaged or of a later version | |
| 74 | a write to the store, or to the folder of a worker, failed | |
| 78 | bad configuration | |

TEXT
    for program in triage-broker triage-worker triage-publisher triage-tap triagectl \
        triage-preview; do
        [ "$program" = triage-broker ] || echo
        env -i "$bin/$program" --print-docs | wrap
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
