#!/usr/bin/env bash
# Starts the collector: makes .venv, installs what it needs, builds or upgrades the database, runs
# API/init_app.py. Arguments go on to it, commands too. With --demo an agent of this machine reports
# every 10 s.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

demo=
arguments=()
database=()   # what createDB.py must know too: where the settings and the database are
while (($#)); do
    case $1 in
        --demo) demo=yes; shift; continue ;;
        --config | --database | --storage) (($# > 1)) && database+=("$1" "$2") ;;
        --config=* | --database=* | --storage=*) database+=("$1") ;;
    esac
    arguments+=("$1")
    shift
done

# shellcheck source=agente/environment.sh
source "$root/agente/environment.sh"
make_environment "$root/.venv" "$root/requirements.lock"
python=$root/.venv/bin/python

# A command (`./init_app.sh cuentas list`) says what it has to say and nothing else, help too; neither
# builds or upgrades a database.
case ${arguments[0]-} in
    [a-z]*) exec "$python" "$root/API/init_app.py" "${arguments[@]}" ;;
esac
for argument in ${arguments[@]+"${arguments[@]}"}; do
    case $argument in -h | --help) exec "$python" "$root/API/init_app.py" --help ;; esac
done

"$python" "$root/createDB/createDB.py" ${database[@]+"${database[@]}"}
if [[ -z $demo ]]; then
    exec "$python" "$root/API/init_app.py" ${arguments[@]+"${arguments[@]}"}
fi
exec "$python" "$root/deploy/demo.py" ${arguments[@]+"${arguments[@]}"}
