#!/usr/bin/env bash
# Builds the collector as a Debian package, with a virtual environment of its own that has all its
# libraries. The same input gives the same bytes. --python 3.12, --arch aarch64, --out FOLDER.
set -euo pipefail
# shellcheck source=deploy/building.sh
source "$(dirname "${BASH_SOURCE[0]}")/building.sh"
read_target "$@"

home=$stage/usr/lib/compliance-colector
mkdir -p "$home/agente" "$home/.venv/bin" "$stage/etc/compliance" "$stage/usr/share/doc/compliance-colector"
(cd "$root" && find API createDB -path API/storage -prune -o -path API/config.ini -o -name __pycache__ -prune \
    -o -type f -exec cp --parents {} "$home" \;)
cp "$root/agente/VERSION" "$home/agente"

# What python3 -m venv makes, for the Python of the machine that it is for.
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$home/.venv/pyvenv.cfg"
ln -s "/usr/bin/python$python" "$home/.venv/bin/python"
install_libraries "$root/requirements.lock" "$home/.venv/lib/python$python/site-packages"

install -D -m 0755 "$root/deploy/colector/compliance-colector" -t "$stage/usr/bin"
install -D -m 0644 "$root/deploy/systemd/compliance-colector.service" -t "$stage/usr/lib/systemd/system"
sed 's|^# url = /srv/.*|url = /var/lib/compliance/database/servers.sqlite|; s|^# carpeta = /srv/compliance$|carpeta = /var/lib/compliance|' \
    "$root/API/config.ini" >"$stage/etc/compliance/colector.ini"
cp "$root/LICENSE" "$stage/usr/share/doc/compliance-colector/copyright"
make_package colector
