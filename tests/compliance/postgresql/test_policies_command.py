"""`init_app.py policies` where the database is PostgreSQL."""

from pathlib import Path

from API.app.compliance.library import SHIPPED
from tests.compliance.test_policies_command import policies
from tests.compliance.test_reading import GOOD
from tests.postgresql import rows_of

WORDS = "consulta_postgresql: {}\n"
EXAMPLES = "ejemplos: {no_cumple: [{procesos: [{pid: 7, name: telnetd}]}]}\n"


def test_check_says_what_postgresql_would_not_run(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD + WORDS.format("SELECT clave FROM cuentas"))
    done = policies("check", path, "--database", url)
    assert "consulta_postgresql: la consulta hace lo que no debe: leer cuentas" in done.stdout
    assert done.returncode == 1
    path.write_text(GOOD + WORDS.format("SELECT 1 FROM servers WHERE id_serv = :id_serv AND :en"))
    done = policies("check", path)
    assert f"{path}:" in done.stdout
    assert "consulta_postgresql: la consulta mira la hora (:en)" in done.stdout


def test_test_runs_examples_there_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD + EXAMPLES + WORDS.format("SELECT pid FROM procesos WHERE pid > 90000"))
    done = policies("test", path, SHIPPED / "silencio.yaml", "--database", url)
    assert "en el diseño compacto de PostgreSQL, dice cumple" in done.stdout
    assert "fallan: 2." in done.stdout
    assert done.returncode == 1
    left = rows_of(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'prueba%'")
    assert left == []
