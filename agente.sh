#!/bin/sh
# Runs the agent in a virtual environment of its own, made on the first run and whenever
# agente/requirements.lock changes. Arguments go to agente.py. Needs neither sudo nor a compiler.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
venv="$here/.venv-agente"

if [ ! -r "$here/agente/environment.sh" ]; then
    echo "agente.sh: falta la carpeta agente/ en $here: se copia junto con este archivo" >&2
    exit 2
fi
. "$here/agente/environment.sh"
if ! is_installed "$venv" "$here/agente/requirements.lock"; then
    make_environment "$venv" "$here/agente/requirements.lock"
    # With its bytecode at hand the agent starts in half the time; where it can't be written, it runs.
    "$venv/bin/python" -m compileall -q "$here/agente" >/dev/null 2>&1 || true
fi
exec "$venv/bin/python" "$here/agente/agente.py" "$@"
