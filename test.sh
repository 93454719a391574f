#!/usr/bin/env bash
# Installs everything the tests need and runs them all, within 15 minutes. --long runs the full
# counts of kills and fuzzing, and those that have a collector with PostgreSQL as well; other
# arguments go on to pytest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

# Programs that tests start, and Debian's packages that have them. Without root, or elsewhere than on
# Debian, tests whose program is missing say that they were skipped; with CI set they fail.
programs=(chromium-headless-shell:chromium-headless-shell nginx:nginx-light cloud-init:cloud-init
    mmdebstrap:mmdebstrap gcc:gcc)
packages=()
for program in "${programs[@]}"; do
    PATH=$PATH:/usr/sbin command -v "${program%%:*}" >/dev/null || packages+=("${program##*:}")
done
installing=
if ((${#packages[@]} && EUID == 0)) && command -v apt-get >/dev/null; then
    echo "test.sh: instalando ${packages[*]} (una sola vez)..." >&2
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends "${packages[@]}" >/dev/null) &
    installing=$!
fi

# shellcheck source=agente/environment.sh
source agente/environment.sh
PIP_COMPILE=0 make_environment "$root/.venv-test" requirements-dev.lock
wait $installing
bin=$root/.venv-test/bin

"$bin/ruff" check .
"$bin/ruff" format --check .
# What they import is compiled before, also where the environment forbids it: workers and the programs
# that tests start are hundreds. And some have no room for a file, of which Python would keep half.
(export PYTHONDONTWRITEBYTECODE=
    "$bin/python" -m compileall -q agente API createDB
    "$bin/python" -c "import API.app.server, createDB.createDB"
    "$bin/python" -m pytest --collect-only -q "$@") >/dev/null 2>&1 &
compiling=$!
"$bin/mypy" API createDB bench deploy tests
(cd agente && "$bin/mypy" --config-file ../pyproject.toml .)
wait $compiling || true
# A worker more than cores: tests also wait. What ends early takes from those that have much left.
run=("$bin/python" -m pytest -n 3 --dist worksteal)
if [[ " $* " == *" --long "* && " $* " != *" --postgresql "* ]]; then
    # 5: none of those that were asked for has a collector.
    "${run[@]}" --postgresql "$@" || (($? == 5))
fi
exec "${run[@]}" "$@"
