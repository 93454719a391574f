#!/bin/sh
# Runs the agent in a virtual environment of its own, made on the first run and whenever
# agente/requirements.txt changes. Arguments go to agente.py. Needs neither sudo nor a compiler.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
venv="$here/.venv-agente"
wanted="$here/agente/requirements.txt"

fail() {
    echo "agente.sh: $*" >&2
    exit 2
}

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "falta Python 3.11 o más nuevo (en Debian y Ubuntu: apt install python3 python3-venv)"
}

stamp() {
    { cat "$wanted" && "$1" -c 'import sys; print(sys.version, sys.prefix)'; } | cksum
}

install() {
    python=$(find_python) || exit 2
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "falta el módulo venv de Python (en Debian y Ubuntu: apt install python3-venv)"
    "$python" -m venv --clear "$venv" >&2 || fail "no puedo crear $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --only-binary :all: -r "$wanted" >&2 || fail "no puedo instalar lo que pide $wanted"
    # With its bytecode at hand the agent starts in half the time; where it can't be written, it runs.
    "$venv/bin/python" -m compileall -q "$here/agente" >/dev/null 2>&1 || true
    stamp "$venv/bin/python" >"$venv/instalado"
}

is_installed() {
    [ -x "$venv/bin/python" ] && [ -f "$venv/instalado" ] &&
        [ "$(stamp "$venv/bin/python")" = "$(cat "$venv/instalado")" ]
}

if ! is_installed; then
    if command -v flock >/dev/null 2>&1; then
        # Two that start at once: the second waits, and finds it done.
        exec 9<"$here"
        flock 9
    fi
    is_installed || install
    exec 9<&-
fi
exec "$venv/bin/python" "$here/agente/agente.py" "$@"
