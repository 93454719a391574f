#!/usr/bin/env bash
# Makes a release from a clean main, step by step: deploy/release.sh 0.2.0. CONTRIBUTING.md has the
# steps. With --prepare it ends before the tests and the packages.
set -euo pipefail
# shellcheck source=deploy/building.sh
source "$(dirname "${BASH_SOURCE[0]}")/building.sh"
cd "$root"
new=${1:-} prepare=${2:-}
[[ $new =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "diga qué versión: deploy/release.sh 0.2.0"
[[ -z $prepare || $prepare == --prepare ]] || fail "no conozco $prepare"

step() { echo "== $*" >&2; }

step "1. El repositorio está limpio, en main, y la versión es mayor que $version"
[[ $(git branch --show-current) == main ]] || fail "no es la rama main"
[[ -z $(git status --porcelain) ]] || fail "hay cambios sin confirmar"
[[ $new != "$version" && $(printf '%s\n' "$version" "$new" | sort -V | tail -1) == "$new" ]] ||
    fail "$new no es mayor que $version"
[[ $(sed -n '/^## Unreleased/,/^## [0-9]/p' CHANGELOG.md | grep -c '^- ') -gt 0 ]] ||
    fail "CHANGELOG.md no dice nada bajo Unreleased"

step "2. El número en agente/VERSION y en CHANGELOG.md"
echo "$new" >agente/VERSION
sed -i "s/^## Unreleased\$/## Unreleased\n\n## $new - $(date -u +%F)/" CHANGELOG.md

step "3. Lo que prueban las versiones que vengan: los programas y una base de datos de cada diseño"
"$(need python)" deploy/keep_released.py "$new"

step "4. El cambio y su etiqueta"
git add agente/VERSION CHANGELOG.md tests/released
git commit --quiet --message "Release $new"
git tag --annotate "v$new" --message "Release $new"
[[ -z $prepare ]] || exit 0

step "5. Todas las pruebas"
CI=1 ./test.sh

step "6. Los paquetes"
rm -rf dist
for python in 3.11 3.12 3.13; do
    for arch in x86_64 aarch64; do
        deploy/build_agent.sh --python "$python" --arch "$arch"
        deploy/build_collector.sh --python "$python" --arch "$arch"
    done
done
(cd dist && sha256sum -- * >SHA256SUMS)

step "Queda por hacer: git push origin main v$new; y publicar dist/ con lo que CHANGELOG.md dice de $new"
