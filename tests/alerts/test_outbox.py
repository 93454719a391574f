"""From alerts to messages: together, once, in order, and none lost while a channel is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from API.app.alerts import sender
from API.app.alerts.outbox import LONGEST_PAUSE_S, discard, pause, plan
from API.app.housekeeping import Rows, Way, alone
from API.app.queries.times import now_ms
from API.app.serial import serially
from createDB.postgresql.locks import Lock
from createDB.views import Layout
from tests.alerts.conftest import NewTelling, NewTrial, PutFile, Telling
from tests.alerts.receivers import Receiver
from tests.alerts.test_incidents import GOOD, MINING
from tests.conftest import wait_until
from tests.ingest.conftest import entry

WAITING = "SELECT count(*) FROM mensajes WHERE estado = 'espera'"
LOCKED_OUT = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
MINERS = {"reglas": [{"canales": ["gancho"], "politicas": ["mineros"]}]}
"""Rules for the one policy of the trial's that the tests are about."""


@pytest.fixture
def telling(
    new_trial: NewTrial, new_telling: NewTelling, put_file: PutFile, receiver: Receiver
) -> Telling:
    return new_telling(new_trial(Layout.COMPLETO), put_file(receiver.url, **MINERS))


def fleet(number: int, seconds: int, **fields: Any) -> list[Any]:
    """Reports of so many servers."""
    return [
        entry(0, seconds, seconds * 1_000 + n, hostname=f"web-{n}",
              id_agente=f"00000000-0000-4000-8000-{n:012}", **fields)
        for n in range(1, number + 1)
    ]  # fmt: skip


@pytest.mark.both_databases
def test_a_hundred_servers_are_one_message_and_so_is_their_end(
    telling: Telling, receiver: Receiver
) -> None:
    telling.put(*fleet(100, 0, **MINING))
    telling.delivers(receiver, 1)
    [message] = receiver.posted
    assert message.json["resumen"] == "ALTA: 100 servidores no cumplen: Una"
    assert (message.json["total"], len(message.json["alertas"])) == (100, 100)
    assert message.json["alertas"][0]["evidencia"] == [{"pid": 7, "username": "www-data"}]
    telling.put(*fleet(100, 60, **GOOD))
    telling.delivers(receiver, 2)
    assert receiver.posted[1].json["resumen"] == "Resuelto: 100 servidores: Una"
    assert set(receiver.posted[1].states) == {(f"web-{n}", "resuelta") for n in range(1, 101)}
    telling.rests()


def test_the_first_judging_of_a_fleet_is_one_message_and_so_is_a_new_policy(
    new_trial: NewTrial, new_telling: NewTelling, put_file: PutFile, receiver: Receiver
) -> None:
    telling = new_telling(new_trial(Layout.COMPLETO), put_file(receiver.url, cada=300))
    telling.put(*fleet(30, 0, **MINING))
    telling.delivers(receiver, 1)
    counts = {(g["tipo"], g["politica"]): g["total"] for g in receiver.posted[0].json["grupos"]}
    assert counts == {
        ("incumplimiento", "mineros"): 30,
        ("incumplimiento", "auditoria"): 30,
        ("servidor_nuevo", None): 30,
    }
    telling.trial.put("nueva", ["procesos"], "SELECT 1 FROM procesos WHERE id_serv = :id_serv")
    telling.trial.court.library.refresh()
    telling.trial.court.synchronize()
    telling.rests()
    telling.trial.judges()
    telling.delivers(receiver, 2)
    assert receiver.posted[1].json["resumen"] == "ALTA: 30 servidores no cumplen: Una"
    telling.rests()


def test_nothing_is_lost_or_doubled_while_the_channel_is_away(
    telling: Telling, receiver: Receiver
) -> None:
    receiver.answers = [500, 503, 204]
    began = time.monotonic()
    telling.put(entry(0, 0, 1, hostname="web-0", **MINING))
    telling.until(lambda: len(receiver.posted) == 1 and not telling.sender.busy, "one attempt")
    telling.put(entry(1, 0, 2, hostname="web-1", **MINING))
    telling.put(entry(2, 0, 3, hostname="web-2", **MINING), entry(2, 60, 4, **GOOD))
    telling.rests()
    [(attempts, wait, error)] = telling.trial.rows(
        "SELECT intentos, proximo - creado, error FROM mensajes"
    )
    assert (attempts, error) == (1, "respondió 500")
    assert 3_900 < wait < 5_100 + passed_ms(began)
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mensajes SET proximo = 0")
    telling.until(lambda: len(receiver.posted) == 2 and not telling.sender.busy, "another")
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mensajes SET proximo = 0")
    telling.until(lambda: telling.trial.rows(WAITING) == [(0,)] and len(receiver.posted) == 4,
                  "all is told")  # fmt: skip
    first, second, third, last = receiver.posted
    assert first.states == [("web-0", "abierta")]
    assert last.states == [("web-1", "abierta")]  # web-2 was over before anybody was told
    assert {p.headers["webhook-id"] for p in (first, second, third)} != {last.headers["webhook-id"]}
    assert len({(p.headers["webhook-id"], p.body) for p in (first, second, third)}) == 1
    telling.rests()


def test_an_attempt_that_does_not_end_is_given_up(
    telling: Telling, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LONGEST_S", 0.2)
    receiver.hold = threading.Event()
    telling.put(entry(0, 0, 1, **MINING))
    failed = "SELECT intentos, error FROM mensajes WHERE error IS NOT NULL"
    telling.until(lambda: telling.trial.rows(failed), "it is given up")
    assert telling.trial.rows(failed) == [(1, "no terminó en 0 segundos")]
    receiver.hold.set()


def test_who_asks_to_be_left_alone_is(telling: Telling, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": "900"}
    began = time.monotonic()
    telling.put(entry(0, 0, 1, **MINING))
    telling.until(lambda: receiver.posted and not telling.sender.busy, "one attempt")
    [(wait,)] = telling.trial.rows("SELECT proximo - creado FROM mensajes")
    assert 900_000 <= wait < 901_000 + passed_ms(began)


def passed_ms(began: float) -> float:
    """Tell how long ago that was."""
    return 1_000 * (time.monotonic() - began)


def test_pauses_grow_to_ten_minutes() -> None:
    pauses = [pause(attempts) for attempts in (0, 1, 2, 3, 50)]
    assert pauses == sorted(pauses)
    assert 4 <= pauses[0] <= 5
    assert 0.8 * LONGEST_PAUSE_S <= pauses[-1] <= LONGEST_PAUSE_S == 600


def test_of_a_policy_that_comes_and_goes_a_channel_hears_now_and_then(
    new_trial: NewTrial, new_telling: NewTelling, put_file: PutFile, receiver: Receiver
) -> None:
    path = put_file(receiver.url, **MINERS, cada=300)
    telling = new_telling(new_trial(Layout.COMPLETO), path)
    for second in range(0, 600, 60):
        telling.put(entry(0, second, second, **(MINING if second % 120 == 0 else GOOD)))
        telling.until(lambda: receiver.posted and not telling.sender.busy, "the first is told")
        telling.rests()
    assert len(receiver.posted) == 1
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mensajes SET creado = creado - 300000")
    telling.delivers(receiver, 2)
    assert [state for _, state in receiver.posted[1].states] == ["resuelta"]


def test_alerts_wait_for_others_and_for_what_is_judged_anew(
    new_trial: NewTrial, new_telling: NewTelling, put_file: PutFile, receiver: Receiver
) -> None:
    path = put_file(receiver.url, **MINERS, espera=10)
    telling = new_telling(new_trial(Layout.COMPLETO), path)
    telling.put(*fleet(3, 0, **MINING))
    telling.rests()
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alertas SET abierta = abierta - 10000")
        connection.exec_driver_sql("UPDATE politicas SET repaso = 1")
    telling.rests()
    assert not receiver.posted
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE politicas SET repaso = NULL")
    telling.delivers(receiver, 1)
    assert receiver.posted[0].json["total"] == 3


def test_waiting_for_the_judge_has_an_end(telling: Telling, receiver: Receiver) -> None:
    telling.trial.stores(entry(0, 0, 1, **MINING))
    telling.trial.judges()
    telling.trial.stores(entry(0, 60, 2, **MINING))
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE servers SET recibido = '2020-01-01 00:00:00.000000'")
    telling.rests()
    assert not receiver.posted
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alertas SET abierta = abierta - 300000")
    telling.delivers(receiver, 1)


def test_a_message_that_is_never_taken_does_not_hold_up_the_others(
    telling: Telling, receiver: Receiver
) -> None:
    receiver.answers = [400, 204]
    telling.put(entry(0, 0, 1, hostname="web-0", **MINING))
    telling.until(lambda: receiver.posted and not telling.sender.busy, "one attempt")
    telling.put(entry(1, 0, 2, hostname="web-1", **MINING))
    with telling.trial.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE mensajes SET creado = creado - 3600000, proximo = proximo + 600000"
        )
    telling.until(lambda: len(receiver.posted) >= 2, "the other")
    assert receiver.posted[1].states == [("web-1", "abierta")]


def test_what_is_discarded_is_told_no_more_and_neither_is_its_end(
    telling: Telling, receiver: Receiver
) -> None:
    receiver.answers = [500, 204]
    telling.put(entry(0, 0, 1, **MINING))
    telling.until(lambda: receiver.posted and not telling.sender.busy, "one attempt")
    telling.put(entry(1, 0, 2, **MINING))
    telling.rests()
    with telling.trial.engine.begin() as connection:
        assert discard(connection, "gancho", 1) == (1, 1)
    telling.put(entry(0, 60, 3, **GOOD), entry(1, 60, 4, **GOOD))
    telling.rests()
    assert len(receiver.posted) == 1


def test_what_is_over_and_told_goes_after_its_days(telling: Telling, receiver: Receiver) -> None:
    telling.put(entry(0, 0, 1, **MINING), entry(1, 0, 2, **MINING), entry(2, 0, 3, **MINING))
    telling.delivers(receiver, 1)
    telling.put(entry(0, 60, 4, **GOOD))
    telling.delivers(receiver, 2)
    receiver.answers = [500]
    telling.put(entry(1, 60, 5, **GOOD))
    telling.until(lambda: len(receiver.posted) == 3 and not telling.sender.busy, "one attempt")
    reader = telling.trial.court.reader
    Rows(telling.trial.engine, reader, Way(alone, lambda _seconds: False)).alerts(1 << 50)
    left = "SELECT num_agente, resuelta IS NULL FROM alertas JOIN politicas USING (num_politica)"
    miners = f"{left} WHERE id_politica = 'mineros' ORDER BY 1"
    assert telling.trial.rows(miners) == [(2, 0), (3, 1)]  # one untold, one open
    assert telling.trial.rows("SELECT id_mensaje, estado FROM mensajes ORDER BY 1") == [
        (1, "entregado"), (3, "espera")
    ]  # fmt: skip


def test_without_a_file_nobody_is_told_then_or_later(
    new_trial: NewTrial, new_telling: NewTelling, put_file: PutFile, receiver: Receiver
) -> None:
    trial = new_trial(Layout.COMPLETO)
    nobody = new_telling(trial, None)
    nobody.put(entry(0, 0, 1, hostname="web-0", **MINING))
    nobody.rests()
    nobody.sender.close()
    telling = new_telling(trial, put_file(receiver.url, **MINERS))
    telling.put(entry(0, 60, 2, **GOOD), entry(1, 60, 3, hostname="web-1", **MINING))
    telling.delivers(receiver, 1)
    assert receiver.posted[0].states == [("web-1", "abierta")]
    telling.rests()


def test_a_changed_file_counts_and_a_wrong_one_does_not(
    telling: Telling, receiver: Receiver, put_file: PutFile
) -> None:
    path = put_file(receiver.url, **MINERS)
    path.write_text("canales: [")
    telling.put(entry(0, 0, 1, **MINING))
    telling.delivers(receiver, 1)  # as the file was
    with Receiver().up() as other:
        text = put_file(other.url, **MINERS).read_text().replace("gancho.secreto", "nuevo.secreto")
        path.write_text(text)  # the secret that it names is not there yet
        telling.rests()
        path.with_name("gancho.secreto").rename(path.with_name("nuevo.secreto"))
        watched = telling.sender.watched
        telling.until(lambda: str(other.port) in watched.channels["gancho"].shown, "it is read")
        telling.put(entry(1, 0, 2, **MINING))
        telling.until(lambda: other.posted, "the other is told")
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_is_resolved_meanwhile_is_not_told_as_open(telling: Telling) -> None:
    engine, watched = telling.trial.engine, telling.sender.watched
    telling.put(*fleet(3, 0, **MINING))
    watched.refresh()

    def plan_all() -> None:
        with engine.begin() as connection:
            plan(connection, watched.file, now_ms() + 10**9)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as judging:
            serially(judging, Lock.FOLLOWING)
            judging.exec_driver_sql("UPDATE alertas SET resuelta = abierta + 1, por_avisar = NULL")
            planning = pool.submit(plan_all)
            wait_until(lambda: telling.trial.rows(LOCKED_OUT) == [(1,)], "it does not wait")
        planning.result()
    assert telling.trial.rows("SELECT count(*) FROM entregas") == [(0,)]
