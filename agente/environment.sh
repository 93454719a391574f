# Sourced by agente.sh, init_app.sh and test.sh: virtual environments, made on the first run. It is
# in this folder because agente.sh and agente/ are all that is copied to a server. POSIX sh.

fail() {
    echo "${0##*/}: $*" >&2
    exit 2
}

# find_python: print the name of a Python that is new enough.
find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "falta Python 3.11 o más nuevo (en Debian y Ubuntu: apt install python3 python3-venv)"
}

# stamp FOLDER FILES...: print what an environment depends on, as a checksum. Of Python that is what its
# libraries were built for: a corrected one (3.11.2, 3.11.3) goes on with them.
stamp() {
    python=$1/bin/python
    shift
    { cat -- "$@" && "$python" -c 'import sys; print(sys.implementation.cache_tag, sys.abiflags)'; } | cksum
}

# is_installed FOLDER FILES...: whether the environment is there, whole and of these files.
is_installed() {
    [ -x "$1/bin/python" ] && [ -f "$1/instalado" ] && [ "$(stamp "$@")" = "$(cat "$1/instalado")" ]
}

# install FOLDER LOCK: make the environment anew; a library whose hash is another is not installed.
# What a link leads to is left alone.
install() {
    found=$(find_python) || exit 2
    "$found" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "falta el módulo venv de Python (en Debian y Ubuntu: apt install python3-venv)"
    echo "${0##*/}: instalando en ${1##*/} lo que hace falta (una sola vez)..." >&2
    [ ! -L "$1" ] || rm "$1"
    "$found" -m venv --clear "$1" >&2 || fail "no puedo crear $1; arriba está el motivo"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --only-binary :all: --require-hashes -r "$2" >&2 || fail "no puedo instalar lo que pide $2; arriba está el motivo"
    stamp "$@" >"$1/instalado"
}

# make_environment FOLDER LOCK: an environment in FOLDER with the libraries that LOCK pins; made anew
# when that changes, or Python to one that they are not for.
make_environment() (
    is_installed "$@" && exit
    # Two that start at once: the second waits, and then finds it done.
    if command -v flock >/dev/null 2>&1; then
        exec 9<"${1%/*}"
        flock 9
    fi
    is_installed "$@" || install "$@"
)
