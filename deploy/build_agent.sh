#!/usr/bin/env bash
# Builds the agent with its libraries inside, twice: as one file, by shiv, that runs where its Python
# is and nothing else (dist/agente-0.1.0-cp311-x86_64.pyz), and as a Debian package. The same input
# gives the same bytes. --python 3.12, --arch aarch64, --out FOLDER.
set -euo pipefail
# shellcheck source=deploy/building.sh
source "$(dirname "${BASH_SOURCE[0]}")/building.sh"
read_target "$@"

one_file() {
    local made=$out/agente-$version-cp${python/./}-$arch.pyz preamble=$stage/preamble.py
    sed "s/@python@/$python/; s/@arch@/$arch/" "$root/deploy/agente/preamble.py" >"$preamble"
    "$(need shiv)" --site-packages "$1" --entry-point agente:run --reproducible --compressed \
        --python '/usr/bin/env python3' --preamble "$preamble" --output-file "$made" >/dev/null
    rm "$preamble"
    echo "$made"
}

package() {
    install -D -m 0755 "$root/deploy/agente/compliance-agente" -t "$stage/usr/bin"
    install -D -m 0644 "$root/deploy/systemd/compliance-agente.service" -t "$stage/usr/lib/systemd/system"
    install -D -m 0644 "$root/LICENSE" "$stage/usr/share/doc/compliance-agente/copyright"
    mkdir -p "$stage/etc/compliance"
    sed 's|^intervalo =.*|intervalo = 300|; s|^estado =.*|estado = /var/lib/compliance-agente|' \
        "$root/agente/config.ini" >"$stage/etc/compliance/agente.ini"
    make_package agente
}

code=$stage/usr/lib/compliance-agente
mkdir -p "$code"
stage_agent "$code"
one_file "$code"
package
