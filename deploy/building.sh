# Sourced by the scripts that build what is shipped. bash.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(<"$root/agente/VERSION")
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1577836800} # the same input gives the same bytes
umask 022

fail() {
    echo "${0##*/}: $*" >&2
    exit 2
}

# need PROGRAM: print where it is: in the tests' environment, or on PATH.
need() {
    PATH=$root/.venv-test/bin:$PATH command -v "$1" || fail "falta $1; ./test.sh lo instala en .venv-test"
}

# read_target ARGUMENTS...: set python, arch, debian (its name of that), out, and stage, an empty folder.
# By default for the Python and processor at hand, into dist/.
read_target() {
    python=$("$(need python3)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    arch=$(uname -m) out=$root/dist
    while (($#)); do
        case $1 in
            --python | --arch | --out) (($# > 1)) || fail "$1: falta el valor" ;;
            *) fail "no conozco $1; sé de --python 3.11, --arch x86_64, --out CARPETA" ;;
        esac
        declare -g "${1#--}=$2"
        shift 2
    done
    [[ $python =~ ^3\.[0-9]+$ ]] || fail "--python $python: tiene que ser como 3.11"
    case $arch in
        x86_64) debian=amd64 ;;
        aarch64) debian=arm64 ;;
        *) fail "--arch $arch: sé de x86_64 y aarch64" ;;
    esac
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    stage=$(mktemp -d)
    trap 'rm -rf "$stage"' EXIT
}

# install_libraries LOCK FOLDER: what the lock file pins, for that Python and processor: wheels alone,
# their hashes checked. Without what was only of use to an installer, or has paths of this machine.
install_libraries() {
    "$(need python3)" -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement "$1" --target "$2" \
        --implementation cp --python-version "$python" --abi "cp${python/./}" --abi abi3 --abi none \
        --platform "manylinux_2_28_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux2014_$arch" ||
        fail "no puedo instalar lo que pide $1 para Python $python, $arch; arriba está el motivo"
    rm -rf "$2/bin"
    find "$2" \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
    find "$2" -name __pycache__ -prune -exec rm -rf {} +
}

# stage_agent FOLDER: the agent's modules, and its libraries beside them.
stage_agent() {
    install_libraries "$root/agente/requirements.lock" "$1"
    (cd "$root/agente" && find . -name '*.py' -exec cp --parents {} "$1" \; && cp VERSION "$1")
    chmod -R u=rwX,go=rX "$1"
}

# make_package NAME: a Debian package of what is in $stage; deploy/debian/NAME says the rest of it.
make_package() {
    local source=$root/deploy/debian/$1
    local made=$out/compliance-$1_$version+cp${python/./}_$debian.deb
    local size
    size=$(find "$stage" -type f -printf '%s\n' | awk '{ sum += $1 } END { print int(sum / 1024) + 1 }')
    mkdir "$stage/DEBIAN"
    cp "$source"/* "$stage/DEBIAN"
    sed -i "s/@version@/$version/; s/@cp@/${python/./}/; s/@debian@/$debian/; s/@python@/$python/
        s/@next@/3.$((${python#3.} + 1))/; s/@size@/$size/" "$stage/DEBIAN"/*
    chmod -R u=rwX,go=rX "$stage"
    "$(need dpkg-deb)" --root-owner-group -Zzstd -z3 --build "$stage" "$made" >/dev/null
    echo "$made"
}
