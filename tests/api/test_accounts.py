"""init_app.py cuentas: made, listed, changed; each change is in the audit trail."""

import json
import re

import pytest
from argon2 import PasswordHasher

from API.app.accounts.attempts import FIRST_PAUSE_S, FREE, LONGEST_PAUSE_S, wait_s
from API.app.accounts.credentials import now
from API.app.accounts.roles import Role, lesser
from tests.api.people import PASSWORD, Browser, change, command, make_account
from tests.conftest import CollectorProcess, NewCollector


def audit(collector: CollectorProcess) -> list[tuple[str, str | None]]:
    rows = collector.rows("SELECT accion, objeto FROM auditoria ORDER BY id_auditoria")
    return [(row["accion"], row["objeto"]) for row in rows]


def test_it_works(new_collector: NewCollector) -> None:
    collector = new_collector()
    assert "Aún no hay cuentas" in command(collector, "cuentas", "list").stdout
    made = command(
        collector, "cuentas", "create", "ana", "--rol", "administrador", typed=f"{PASSWORD}\n"
    )
    assert (made.returncode, made.stderr) == (0, "")
    make_account(collector, "juan")
    command(collector, "cuentas", "role", "juan", "operador")
    command(collector, "cuentas", "disable", "juan")
    ana, juan = command(collector, "cuentas", "list").stdout.splitlines()
    assert re.fullmatch(r"ana +administrador +\d{4}-\d\d-\d\d", ana)
    assert re.fullmatch(r"juan +operador +\d{4}-\d\d-\d\d  desactivada", juan)
    assert audit(collector) == [
        ("cuenta.crear", "ana"),
        ("cuenta.crear", "juan"),
        ("cuenta.rol", "juan"),
        ("cuenta.desactivar", "juan"),
    ]


@pytest.mark.parametrize(
    ("arguments", "typed", "reason"),
    [
        (("create", "Ana", "--rol", "lector"), PASSWORD, "no sirve de nombre"),
        (("create", "../ana", "--rol", "lector"), PASSWORD, "no sirve de nombre"),
        (("create", "a\nb", "--rol", "lector"), PASSWORD, "no sirve de nombre"),
        (("create", "ana", "--rol", "lector"), "corta", "al menos 12"),
        (("create", "ana", "--rol", "lector"), "", "al menos 12"),
        (("create", "ana", "--rol", "lector"), "x" * 1025, "como mucho 1024"),
        (("create", "ana", "--rol", "lector"), "ananananananana", "se adivina"),
        (("create", "admin", "--rol", "lector"), PASSWORD, "Ya hay una cuenta"),
        (("role", "nadie", "lector"), "", "No hay una cuenta"),
        (("role", "admin", "lector"), "", "único administrador"),
        (("disable", "admin"), "", "único administrador"),
        (("revoke", "admin", "7"), "", "No hay tal token"),
        (("token", "admin", "--nombre", "x", "--dias", "367"), "", "de 1 a 366"),
        (("token", "admin", "--nombre", "x\ny"), "", "necesita un nombre"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_in_one_line(
    accounts_of_nobody: CollectorProcess, arguments: tuple[str, ...], typed: str, reason: str
) -> None:
    collector = accounts_of_nobody
    before = audit(collector)
    done = command(collector, "cuentas", *arguments, typed=typed)
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert audit(collector) == before


@pytest.fixture(scope="module")
def accounts_of_nobody(new_shared_collector: NewCollector) -> CollectorProcess:
    """A collector that does not run, with an administrator."""
    collector = new_shared_collector()
    make_account(collector, "admin", Role.ADMINISTRADOR)
    return collector


def test_there_is_no_way_to_give_a_password_as_an_argument(new_collector: NewCollector) -> None:
    collector = new_collector()
    done = command(collector, "cuentas", "create", "ana", "--rol", "lector", "--password", PASSWORD)
    assert done.returncode == 2
    assert not collector.rows("SELECT * FROM cuentas")


def test_nothing_in_the_database_is_a_password_or_a_token(collector: CollectorProcess) -> None:
    make_account(collector, "ana")
    token = command(collector, "cuentas", "token", "ana", "--nombre", "x").stdout.strip()
    browser = Browser(collector)
    browser.log_in("ana")
    cookie = browser.session.cookies["sesion"]
    kept = json.dumps(
        [collector.rows(f"SELECT * FROM {table}")  # noqa: S608
         for table in ("cuentas", "sesiones", "tokens_personales", "intentos", "auditoria")],
    )  # fmt: skip
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    for secret in (PASSWORD, token, cookie):
        assert len(secret) > 12
        assert secret not in kept
        assert secret not in collector.log


def test_an_old_hash_is_renewed_by_the_next_login(collector: CollectorProcess) -> None:
    make_account(collector, "ana")
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    change(collector, "UPDATE cuentas SET clave = ?", weak)
    assert Browser(collector).log_in("ana").status_code == 303
    [row] = collector.rows("SELECT clave FROM cuentas")
    assert row["clave"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert Browser(collector).log_in("ana").status_code == 303


def test_roles_are_ordered() -> None:
    assert [role for role in Role if Role.OPERADOR.covers(role)] == [Role.LECTOR, Role.OPERADOR]
    assert lesser(Role.LECTOR, Role.ADMINISTRADOR) is Role.LECTOR
    assert lesser(Role.ADMINISTRADOR, Role.OPERADOR) is Role.OPERADOR


def test_pauses_grow_to_a_minute_and_no_further() -> None:
    moment = now()
    assert [wait_s(failures, moment, moment) for failures in range(FREE)] == [0] * FREE
    pauses = [wait_s(failures, moment, moment) for failures in range(FREE, 5_000)]
    assert pauses[:5] == [4, 8, 16, 32, 60]
    assert pauses[0] == FIRST_PAUSE_S
    assert set(pauses[4:]) == {LONGEST_PAUSE_S}
