"""The commands of init_app.py: who did what, and what every command shares."""

import os
import subprocess
import sys

import pytest

from API.app.audit import operator, record
from createDB.engine import database_url, open_engine
from tests import nursery
from tests.conftest import DEADLINE_S, CollectorProcess, NewCollector


def command(collector: CollectorProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = [*arguments, "--database", collector.database_url]
    return nursery.run(nursery.COLLECTOR, given, timeout=DEADLINE_S)


def note(collector: CollectorProcess, action: str, target: str) -> None:
    engine = open_engine(database_url(collector.database_url))
    with engine.begin() as connection:
        record(connection, operator(), action, target, {"motivo": "salió de servicio"})
    engine.dispose()


def test_the_audit_trail_is_shown_with_the_newest_last(new_collector: NewCollector) -> None:
    collector = new_collector()
    note(collector, "agente.pausar", "web-1")
    note(collector, "agente.retirar", "web-1\nfalso")
    done = command(collector, "auditoria")
    first, second = done.stdout.splitlines()
    assert f"  {operator().name}  terminal  agente.pausar  web-1  " in first
    assert "agente.retirar  web-1\\nfalso" in second
    assert "salió de servicio" in second
    assert command(collector, "auditoria", "--ultimas", "1").stdout == second + "\n"


def test_an_empty_audit_trail_says_so(new_collector: NewCollector) -> None:
    done = command(new_collector(), "auditoria")
    assert (done.returncode, done.stdout) == (0, "Aún no hay nada en la auditoría.\n")


@pytest.mark.parametrize("change", ["UPDATE auditoria SET quien = 'otra'", "DELETE FROM auditoria"])
def test_the_audit_trail_only_grows(new_collector: NewCollector, change: str) -> None:
    collector = new_collector()
    note(collector, "agente.pausar", "web-1")
    with pytest.raises(Exception, match="la auditoría no se cambia"):
        collector.rows(change)


@pytest.mark.sqlite
def test_a_command_needs_a_database(new_collector: NewCollector) -> None:
    collector = new_collector()
    collector.database.unlink()
    done = command(collector, "auditoria")
    assert done.returncode == 2
    assert done.stderr == f"init_app.py: {collector.database}: no existe; ejecute createDB.py\n"


def test_bytes_that_are_no_text_are_refused(new_collector: NewCollector) -> None:
    collector = new_collector()
    wrong = os.fsdecode(b"porque s\xed")
    arguments = ("add", "mineros", "--server", "web-1", "--until", "2999-01-01", "--reason", wrong)
    done = command(collector, "excepciones", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "init_app.py: 'porque s\\xed' no es texto en UTF-8\n"


def test_a_password_that_is_no_text_is_refused(new_collector: NewCollector) -> None:
    given = [sys.executable, str(nursery.COLLECTOR), "cuentas", "create", "ana",
             "--rol", "lector", "--database", new_collector().database_url]  # fmt: skip
    done = subprocess.run(given, check=False, capture_output=True, input=b"contrase\xf1a larga\n")
    assert done.returncode == 2
    assert done.stderr.decode() == "init_app.py: la contraseña no es texto en UTF-8\n"


def test_help_names_the_commands() -> None:
    program = [sys.executable, str(nursery.COLLECTOR)]
    shown = subprocess.run([*program, "--help"], check=True, capture_output=True, text=True).stdout
    assert "init_app.py auditoria" in shown
    shown = subprocess.run([*program, "auditoria", "--help"],
                           check=True, capture_output=True, text=True).stdout  # fmt: skip
    assert "--ultimas" in shown
