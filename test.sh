#!/usr/bin/env bash
# Installs everything the tests need and runs them all, within 15 minutes. --long runs the full
# counts of kills and fuzzing; other arguments go on to pytest.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

# shellcheck source=agente/environment.sh
source agente/environment.sh
make_environment "$root/.venv-test" requirements-dev.lock
bin=$root/.venv-test/bin

"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy" API createDB bench deploy tests
(cd agente && "$bin/mypy" --config-file ../pyproject.toml .)
# Once, where the environment forbids it: the programs that tests start are hundreds.
"$bin/python" -m compileall -q agente API createDB
exec "$bin/python" -m pytest -n 2 "$@"
