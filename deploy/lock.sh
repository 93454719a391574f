#!/usr/bin/env bash
# Writes the lock files anew from the requirements: every library with its version and the hashes of
# its wheels for every Python and processor. --upgrade takes the newest versions that they allow.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

uv=$root/.venv-test/bin/uv
[[ -x $uv ]] || uv=uv
lock() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --only-binary :all: \
        --generate-hashes --no-emit-index-url --no-header --no-annotate "${@:2}" \
        "$1.txt" --output-file "$1.lock"
}
lock requirements-dev "$@"
# The others take what that has, so that what is tested is what runs.
lock requirements --constraint requirements-dev.lock "$@"
lock agente/requirements --constraint requirements-dev.lock "$@"
