# Sourced by init_app.sh and test.sh.

# make_environment FOLDER REQUIREMENTS...: a virtual environment in FOLDER with what the first of
# the files asks for; made anew when any of them changes. Needs neither root nor a compiler.
make_environment() {
    local folder=$1 requirements=$2 wanted
    shift
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "${0##*/}: falta Python 3.11 o más nuevo (apt install python3)" >&2
        return 1
    fi
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        echo "${0##*/}: falta el módulo venv de Python (apt install python3-venv)" >&2
        return 1
    fi
    wanted=$(python3 --version; cat "$@")
    (
        # Two that start at once: the second waits, and then finds the work done.
        exec 9>"$folder.lock"
        command -v flock >/dev/null && flock 9
        if [[ -x $folder/bin/python && $(cat "$folder/wanted" 2>/dev/null) == "$wanted" ]]; then
            exit 0
        fi
        echo "Instalando en ${folder##*/} lo que hace falta (una sola vez)..." >&2
        python3 -m venv --clear "$folder"
        if ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
            --only-binary :all: -r "$requirements"; then
            echo "${0##*/}: no se pudo instalar ${requirements##*/}; arriba está el motivo" >&2
            exit 1
        fi
        printf '%s\n' "$wanted" >"$folder/wanted"
    )
}
