"""`init_app.py policies`: check, test, try."""

import subprocess
from pathlib import Path

import pytest

from API.app.compliance.library import SHIPPED
from tests import nursery
from tests.compliance.test_reading import GOOD
from tests.conftest import DEADLINE_S, LAYOUTS, NewCollector, make_report


def policies(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    given = ["policies", *map(str, arguments)]
    return nursery.run(nursery.COLLECTOR, given, timeout=DEADLINE_S)


def test_check_names_file_line_and_reason(tmp_path: Path) -> None:
    (tmp_path / "mala.yaml").write_text(GOOD.replace("alta", "grave"))
    (tmp_path / "buena.yaml").write_text(GOOD)
    done = policies("check", tmp_path / "mala.yaml", tmp_path / "buena.yaml")
    first, last = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path / 'mala.yaml'}:3: 'severidad'")
    assert last == "Políticas que valen: 1; archivos que no: 1."
    assert done.returncode == 1


def test_check_takes_the_operators_own_folder_too(tmp_path: Path) -> None:
    (tmp_path / "buena.yaml").write_text(GOOD)
    done = policies("check", "--politicas", tmp_path)
    assert f"Políticas que valen: {len(list(SHIPPED.glob('*.yaml'))) + 1};" in done.stdout
    assert done.returncode == 0


def test_test_names_the_example_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD + "ejemplos: {no_cumple: [{procesos: [{pid: 7, name: sshd}]}]}\n")
    done = policies("test", path)
    assert "el ejemplo 1 de no_cumple, en el diseño compacto, dice cumple" in done.stdout
    assert done.returncode == 1
    assert policies("test", SHIPPED / "telnet.yaml").returncode == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_try_shows_now_and_the_past(new_collector: NewCollector, layout: str) -> None:
    collector = new_collector(layout=layout).start()
    agent = make_report()["id_agente"]
    bad = {"pid": 31, "name": "telnetd\nfalso", "username": "root"}
    good = {"pid": 31, "name": "telnetd", "username": "root"}
    for hour, process in (("08", bad), ("09", good), ("10", bad)):
        report = make_report(id_agente=agent, fecha_hora=f"2026-11-20T{hour}:00:00Z",
                             hostname="web-1", procesos=[process])  # fmt: skip
        assert collector.post(report).status_code == 201
    collector.stop()
    place = ("try", SHIPPED / "telnet.yaml", "--database", collector.database_url)
    now = policies(*place)
    assert now.stdout == "cumple: 1; no_cumple: 0; sin_datos: 0; no_aplica: 0\n"
    then = policies(*place, "--at", "2026-11-20T09:30:00Z")
    assert f"web-1 ({agent}), reporte 2: no_cumple" in then.stdout
    assert "pid=31  name=telnetd  username=root" in then.stdout
    one = policies(*place, "--server", "web-1", "--at", "2026-11-20T08:30:00Z")
    assert one.stdout.startswith(f"web-1 ({agent}), reporte 1: cumple\n")
    unknown = policies(*place, "--server", "web-2")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no hay reportes de 'web-2'" in unknown.stderr
