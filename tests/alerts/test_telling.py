"""A real collector tells people: after kills too, and it says what waits and why."""

import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.alerts.conftest import PutFile
from tests.alerts.receivers import MailServer, Receiver
from tests.api.people import command
from tests.conftest import CollectorProcess, NewCollector, free_port, make_report, wait_until

MINER = {"pid": 7, "name": "xmrig", "username": "www-data"}
MINERS = [{"canales": ["gancho"], "politicas": ["mineros"]}]
LINK = "https://compliance.example.net"


def miner(**changes: Any) -> dict[str, Any]:
    return make_report(procesos=[MINER], **changes)


def has_alert(collector: CollectorProcess, report: dict[str, Any]) -> bool:
    query = "SELECT 1 FROM alertas JOIN agentes USING (num_agente) WHERE id_agente = ? AND tipo = ?"
    return bool(collector.rows(query, report["id_agente"], "incumplimiento"))


def test_a_kill_between_storing_and_delivering_loses_nothing(
    new_collector: NewCollector, put_file: PutFile
) -> None:
    receiver = Receiver()  # away
    collector = new_collector("--alertas", str(put_file(receiver.url, reglas=MINERS)))
    collector.start()
    agents = []
    for _ in range(2):
        report = miner()
        agents.append(report["id_agente"])
        collector.post(report)
        wait_until(functools.partial(has_alert, collector, report), "the alert is there")
        collector.kill()
        collector.start()
    with receiver.up():
        command(collector, "alerts", "retry")
        wait_until(
            lambda: (
                collector.rows("SELECT 1 FROM alertas WHERE por_avisar IS NOT NULL") == []
                and collector.rows("SELECT 1 FROM entregas WHERE id_mensaje IS NULL") == []
                and collector.rows("SELECT 1 FROM mensajes WHERE estado = 'espera'") == []
            ),
            "all is delivered",
        )
    told = [a["id_agente"] for posted in receiver.posted for a in posted.json["alertas"]]
    assert sorted(told) == sorted(agents)


def test_a_kill_between_delivering_and_noting_it_sends_the_same_again(
    new_collector: NewCollector, put_file: PutFile
) -> None:
    with Receiver(hold=threading.Event()).up() as receiver:
        collector = new_collector("--alertas", str(put_file(receiver.url, reglas=MINERS)))
        collector.start()
        collector.post(miner())
        receiver.wait_for(1)
        collector.kill()
        assert receiver.hold
        receiver.hold.set()
        collector.start()
        first, second = receiver.wait_for(2)
        wait_until(lambda: "alerts delivered" in collector.log, "it is noted")
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.body == second.body
        assert first.headers["webhook-signature"]
        # A channel that hangs keeps nobody from ending.
        receiver.hold.clear()
        collector.post(miner())
        receiver.wait_for(3)
        assert collector.stop() == 0
        receiver.hold.set()


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer().up() as mail:
        yield mail


@pytest.fixture
def served(
    new_collector: NewCollector, put_file: PutFile, receiver: Receiver, mail: MailServer
) -> CollectorProcess:
    """A collector with a webhook, mail, and a channel that is away."""
    path = put_file(receiver.url)
    document = msgspec.yaml.decode(path.read_bytes())
    document["canales"] += [
        {"nombre": "correo", "url": mail.url},
        {"nombre": "caido", "url": f"json://127.0.0.1:{free_port()}/?clave=muysecreta"},
    ]
    document["reglas"] = [{"canales": ["gancho", "correo", "caido"], "politicas": ["mineros"]},
                          {"canales": ["gancho"], "tipos": ["servidor_nuevo"]}]  # fmt: skip
    document["enlace"] = LINK
    path.write_bytes(msgspec.yaml.encode(document))
    return new_collector("--alertas", str(path))


@pytest.mark.both_databases
def test_operators_see_what_waits_and_why(
    served: CollectorProcess, receiver: Receiver, mail: MailServer
) -> None:
    checked = command(served, "alerts", "check", *served.options)
    assert "canal caido: json://127.0.0.1" in checked.stdout
    assert "regla: tipos servidor_nuevo -> gancho" in checked.stdout
    tested = command(served, "alerts", "test", *served.options)
    assert tested.returncode == 1
    assert "gancho: respondió 204" in tested.stdout
    assert "correo: lo aceptó" in tested.stdout
    assert "caido: FALLA" in tested.stdout
    assert receiver.posted.pop().json["prueba"]
    assert mail.mails.pop()["Subject"] == "Prueba de las alertas: este canal funciona"
    served.start()
    served.post(miner(hostname="web-1"))
    waiting = "SELECT 1 FROM mensajes WHERE canal = 'caido' AND error IS NOT NULL"
    wait_until(lambda: served.rows(waiting) and mail.mails, "mail came, and one channel failed")
    listed = command(served, "alerts", *served.options)
    assert "caido" in listed.stdout
    assert "muysecreta" not in listed.stdout + tested.stdout + checked.stdout + served.log
    assert "correo" not in listed.stdout
    told = [a["tipo"] for posted in receiver.posted for a in posted.json["alertas"]]
    assert sorted(told) == ["incumplimiento", "servidor_nuevo"]
    page = served.get("/alertas?politica=mineros").json()
    assert [(row["canal"], row["mensajes"], row["alertas"]) for row in page["por_entregar"]] == [
        ("caido", 1, 1)
    ]
    by_channel = {row["canal"]: row for row in page["alertas"][0]["avisos"]}
    assert by_channel["gancho"]["entregado"]
    assert (by_channel["caido"]["estado"], by_channel["caido"]["entregado"]) == ("espera", None)
    posted = next(
        posted.json
        for posted in receiver.posted
        if any(alert["politica"] == "mineros" for alert in posted.json["alertas"])
    )
    message = posted["mensaje"]
    assert posted["enlace"] == f"{LINK}/consola/alertas?mensaje={message}"
    body = mail.mails[-1].get_body()
    assert body
    mailed = by_channel["correo"]["mensaje"]
    assert f"{LINK}/consola/alertas?mensaje={mailed}" in body.get_content()
    assert message in {row["mensaje"] for row in by_channel.values()}
    assert served.get(f"/alertas?mensaje={message}").json()["alertas"]
    discarded = command(served, "alerts", "discard", "caido", *served.options)
    assert discarded.stdout.startswith("caido: 1 mensaje descartado, y ")
    listed = command(served, "alerts", "list", *served.options)
    assert "No espera nada" in listed.stdout
    assert "1 critica" in listed.stdout
    actions = "SELECT accion FROM auditoria WHERE accion LIKE 'alertas.%' ORDER BY 1"
    assert [row["accion"] for row in served.rows(actions)] == [
        "alertas.descartar", "alertas.probar"
    ]  # fmt: skip


def test_a_wrong_file_stops_the_start_and_names_the_line(
    new_collector: NewCollector, put_file: PutFile
) -> None:
    path: Path = put_file("http://127.0.0.1:1/", reglas=[{"canales": ["nadie"]}])
    collector = new_collector("--alertas", str(path))
    with pytest.raises(AssertionError, match="una regla nombra el canal 'nadie'"):
        collector.start()
    assert collector.process
    assert collector.process.wait(10) == 2
