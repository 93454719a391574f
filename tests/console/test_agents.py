"""What the agents' pages refuse, and whom."""

import uuid

import pytest

from API.app.accounts.roles import Role
from tests.api.people import FROM_OUR_PAGE, Browser, make_account
from tests.conftest import CollectorProcess, make_report

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def server(shared_collector: CollectorProcess) -> str:
    identity = str(uuid.uuid4())
    assert shared_collector.post(make_report(id_agente=identity)).ok
    return f"/consola/agentes/{identity}"


def somebody(collector: CollectorProcess, role: Role) -> Browser:
    name = f"p-{uuid.uuid4().hex[:8]}"
    make_account(collector, name, role)
    browser = Browser(collector)
    assert browser.log_in(name).status_code == 303
    return browser


def states(collector: CollectorProcess, path: str) -> str:
    query = "SELECT estado FROM agentes WHERE id_agente = ?"
    return str(collector.rows(query, path.rpartition("/")[2])[0]["estado"])


def test_nobody_hides_behind_the_identity_of_another(
    shared_collector: CollectorProcess, server: str
) -> None:
    identity = server.rpartition("/")[2]
    liar = make_report(id_agente=str(uuid.uuid4()), hostname=identity)
    assert shared_collector.post(liar).ok
    operator = somebody(shared_collector, Role.OPERADOR)
    assert operator.post(f"{server}/estado", accion="retirar", seguro="si").status_code == 303
    assert states(shared_collector, server) == "retirado"
    assert operator.post(f"{server}/estado", accion="reanudar").status_code == 303
    assert states(shared_collector, server) == "activo"


def test_operator_pauses_and_retires_but_does_not_revoke(
    shared_collector: CollectorProcess, server: str
) -> None:
    operator = somebody(shared_collector, Role.OPERADOR)
    answer = operator.post(f"{server}/estado", accion="revocar", seguro="si")
    assert answer.status_code == 403
    assert operator.post(f"{server}/token", horas="1").status_code == 403
    assert operator.post("/consola/agentes/alta", horas="", cupo="", redes="").status_code == 403
    assert states(shared_collector, server) == "activo"
    assert operator.post(f"{server}/estado", accion="retirar", seguro="si").status_code == 303
    assert states(shared_collector, server) == "retirado"


def test_operator_does_not_undo_a_revocation(
    shared_collector: CollectorProcess, server: str
) -> None:
    administrator = somebody(shared_collector, Role.ADMINISTRADOR)
    administrator.post(f"{server}/estado", accion="revocar", seguro="si")
    operator = somebody(shared_collector, Role.OPERADOR)
    for action in ("reanudar", "pausar", "retirar"):
        answer = operator.post(f"{server}/estado", accion=action, seguro="si")
        assert answer.status_code == 403
    assert "Hace falta el rol administrador" in operator.get(server).text
    assert states(shared_collector, server) == "revocado"
    assert administrator.post(f"{server}/estado", accion="reanudar").status_code == 303
    assert states(shared_collector, server) == "activo"


def test_what_takes_a_server_out_of_service_is_confirmed(
    shared_collector: CollectorProcess, server: str
) -> None:
    administrator = somebody(shared_collector, Role.ADMINISTRADOR)
    for action in ("retirar", "revocar"):
        answer = administrator.post(f"{server}/estado", accion=action)
        assert answer.status_code == 400
        assert "No se hizo nada" in answer.text
    assert states(shared_collector, server) == "activo"


def test_wrong_forms_change_nothing(shared_collector: CollectorProcess, server: str) -> None:
    administrator = somebody(shared_collector, Role.ADMINISTRADOR)
    forms: list[tuple[str, dict[str, str]]] = [
        ("estado", {"accion": "borrar"}),
        ("token", {"horas": "0"}),
        ("token", {"horas": "mañana"}),
        ("etiquetas", {"etiquetas": "=valor"}),
        ("etiquetas", {"etiquetas": "a\u202eb=c"}),
    ]
    for path, fields in forms:
        assert administrator.post(f"{server}/{path}", FROM_OUR_PAGE, **fields).status_code == 400, (
            fields
        )
    wrong: list[dict[str, str]] = [{"cupo": "0"}, {"horas": "-1"}, {"redes": "10.0.0.0/99"}]
    for limits in wrong:
        fields = {"horas": "", "cupo": "", "redes": ""} | limits
        assert (
            administrator.post("/consola/agentes/alta", FROM_OUR_PAGE, **fields).status_code == 400
        ), limits
    secrets = "SELECT max(id_secreto) AS n FROM secretos"
    assert shared_collector.rows(secrets)[0]["n"] == 1
    assert states(shared_collector, server) == "activo"


def test_changes_come_from_our_pages_alone(shared_collector: CollectorProcess, server: str) -> None:
    operator = somebody(shared_collector, Role.OPERADOR)
    foreign = {**FROM_OUR_PAGE, "Sec-Fetch-Site": "cross-site"}
    assert operator.post(f"{server}/estado", foreign, accion="pausar").status_code == 403
    assert states(shared_collector, server) == "activo"


def test_nobody_is_nobody(shared_collector: CollectorProcess) -> None:
    administrator = somebody(shared_collector, Role.ADMINISTRADOR)
    assert administrator.get(f"/consola/agentes/{NOBODY}").status_code == 404
    answer = administrator.post(f"/consola/agentes/{NOBODY}/estado", accion="pausar")
    assert answer.status_code == 404


def test_reader_does_not_see_the_trail(shared_collector: CollectorProcess, server: str) -> None:
    reader = somebody(shared_collector, Role.LECTOR)
    text = reader.get(server).text
    assert "Qué se hizo con él" not in text
    assert "Hace falta el rol operador" in text
