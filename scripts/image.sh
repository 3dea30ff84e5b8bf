#!/bin/sh
# image.sh - build the agent image of agent-container/Dockerfile, and add the playbook.
#
#   image.sh [NAME]      default k8s-triage-agent:latest
#
# ENGINE: podman or docker; default the first that is installed.  IMAGE_BASE: a Debian 12 image to
# build on, default debian:12-slim.  IMAGE_OPTIONS: more options of the engine's build.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
name=${1:-k8s-triage-agent:latest}
engine=${ENGINE:-}
for program in podman docker; do
    [ -n "$engine" ] || ! command -v $program >/dev/null 2>&1 || engine=$program
done
[ -n "$engine" ] || {
    echo "image.sh: neither podman nor docker is installed: apt-get install podman" >&2
    exit 1
}
scripts/build.sh release
# shellcheck disable=SC2086 # a list of options
$engine build ${IMAGE_BASE:+--build-arg "BASE=$IMAGE_BASE"} ${IMAGE_OPTIONS:-} -t "$name" \
    agent-container
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp build/release/bin/triage-playbook "$folder"
cat >"$folder/Dockerfile" <<END
FROM $name
USER 0:0
RUN apt-get update \\
    && apt-get install -y --no-install-recommends libjansson4 libssl3 \\
    && rm -rf /var/lib/apt/lists/*
COPY triage-playbook /opt/k8s-triage/
USER 65534:65534
END
# shellcheck disable=SC2086
$engine build ${IMAGE_OPTIONS:-} -t "$name" "$folder"
