"""One server over time, and who runs a name, on a past that is made up to the millisecond."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from API.app import sight as seeing
from API.app.queries import quien, servidor
from API.app.queries.estado import removed_since
from API.app.queries.times import from_ms
from API.app.sight import Sight
from createDB.schema import OPEN
from tests.past import Past, at


@contextmanager
def see(past: Past, identity: str, hours: float | None = None) -> Iterator[Sight]:
    with past.engine.connect() as connection:
        moment = None if hours is None else at(hours)
        found = seeing.look(connection, identity, moment, "todo")
        assert found
        yield found


def label(past: Past, number: int, name: str, user: str | None = "root") -> None:
    past.put("hechos", id_hecho=number, campo="procesos", nombre=name, valor=user)


def lived(
    past: Past, server: int, label: int, begin: float, end: float | None, pid: int = 1
) -> None:
    past.put("periodos", num_agente=server, id_hecho=label, pid=pid, desde=at(begin), veces=1,
             hasta=OPEN if end is None else at(end), numero=0, propio=0)  # fmt: skip
    with past.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO presencias (id_hecho, num_agente) VALUES (?, ?)",
            (label, server),
        )


def test_gap_is_where_reports_are_too_far_apart(past: Past) -> None:
    identity = past.server(1, 0, 1, 2, 10, 11)
    for hours, gap in ((5, (at(2), at(10))), (10.5, None)):
        with see(past, identity, hours) as sight:
            assert sight.gap == gap
    with see(past, identity) as now:
        assert now.gap == (at(11), now.latest)


def test_pages_of_changes_follow_each_other_without_a_loss(past: Past) -> None:
    identity = past.server(1, *range(0, 200, 2))
    chance = random.Random(7)
    for number in range(1, 40):
        label(past, number, f"p{number}")
        begin = chance.randrange(0, 190)
        lived(past, 1, number, begin, None if number % 3 else begin + 1, pid=number)
    with see(past, identity, 199) as sight:
        whole = servidor.changes_of(sight.connection, 1, sight.at, "", "", 1_000)
        found, before = [], sight.at
        while True:
            page = seeing.timeline(sight, before, limit=7)
            found += [change for moment in page.moments for change in moment.changes]
            assert len(page.moments) <= 15
            if page.end is None:
                break
            before = page.end
    assert found == whole.changes
    assert len(found) == 39 + 13


def test_a_moment_of_more_changes_than_are_shown_says_so(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = past.server(1, 0, 1, 2)
    label(past, 1, "cron")
    for pid in range(30):
        lived(past, 1, 1, 1, 2 if pid < 4 else None, pid)
    monkeypatch.setattr(servidor, "MOST_CHANGES", 20)
    with see(past, identity, 2) as sight:
        page = seeing.timeline(sight, sight.at, limit=12)
    shown = [(moment.momento, len(moment.changes), moment.cut) for moment in page.moments]
    assert shown == [(at(2), 4, False), (at(1), 16, True)]
    assert page.end == at(1) - 1


def test_many_gaps_make_pages_too(past: Past) -> None:
    identity = past.server(1, *range(0, 560, 4))
    with see(past, identity, 559) as sight:
        assert len(sight.gaps) > 130
        page = seeing.timeline(sight, sight.at)
        assert len(page.moments) == seeing.CHANGES_A_PAGE
        assert page.end is not None
        rest = seeing.timeline(sight, page.end)
    shown = [moment.momento for moment in (*page.moments, *rest.moments)]
    assert len(set(shown)) == len(shown) == len([gap for gap in sight.gaps if gap[0] < sight.at])


def test_what_lived_is_complete_or_says_from_when(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.server(1, 0, 100)
    label(past, 1, "cron")
    for hour in range(0, 100, 2):
        lived(past, 1, 1, hour, hour + 1)
    for pid in range(20):
        lived(past, 1, 1, 1, None, pid)
    with past.engine.connect() as connection:
        asked = (connection, 1, ["procesos"], at(0), at(100))
        assert servidor.lives(*asked).complete_from == at(0)
        monkeypatch.setattr(servidor, "MOST_LIVES", 10)
        found = servidor.lives(*asked)
    there = [life for life in found.lives if life.hasta is None]
    assert {life.pid for life in there} == set(range(20)), "what is there is never left out"
    gone = [life.hasta for life in found.lives if life.hasta is not None]
    assert gone == [at(99 - 2 * n) for n in range(10)]
    assert found.complete_from == at(81)


def test_changes_of_a_name_are_found_as_it_is_written(past: Past) -> None:
    past.server(1, 0, 5)
    label(past, 1, "ÁRBOL.EXE")
    lived(past, 1, 1, 1, 3)
    with past.engine.connect() as connection:
        for search in ("ÁRBOL.EXE", "Árbol", "bol.exe"):
            found = servidor.changes_of(connection, 1, at(5), "", search, 100).changes
            assert [change.tipo for change in found] == ["termina", "inicia"], search


def test_what_is_there_is_told_the_oldest_first(past: Past) -> None:
    identity = past.server(1, 0, 9)
    label(past, 1, "sshd")
    for pid, begin in ((3, 5), (1, 7), (2, 1), (9, 3)):
        lived(past, 1, 1, begin, None, pid)
    with see(past, identity, 9) as sight:
        [[lane], _] = seeing.lanes_of(sight, ["procesos"])
    assert [life.desde for life in lane.there] == [at(1), at(3), at(5), at(7)]


def test_a_state_says_what_was_removed_since(past: Past) -> None:
    for what, until in (("reportes", 60), ("periodos", 30), ("bitacora", 90)):
        past.put("retencion", que=what, hasta=at(until))
    with past.engine.connect() as connection:
        told = [removed_since(connection, at(hour)) for hour in (29, 30, 59, 60)]
    reports, both = {"reportes": from_ms(at(60))}, {"periodos": from_ms(at(30))}
    assert told == [both | reports, reports, reports, {}]


def test_rare_and_common_names_are_told_alike(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    for server in (1, 2, 3):
        past.server(server, 0, 50)
    label(past, 1, "xmrig", "juan")
    label(past, 2, "xmrig", "ana")
    label(past, 3, "sshd")
    lived(past, 1, 1, 3, 5)
    lived(past, 1, 1, 8, 9)
    lived(past, 2, 2, 4, None)
    lived(past, 3, 3, 0, None)
    with past.engine.connect() as connection:
        labels = quien.labels_of(connection, "xmrig", "")
        assert quien.count_of(connection, labels) == (2, 1)
        rare = quien.sightings(connection, labels, False, 0, 50)
        monkeypatch.setattr(quien, "MOST_PERIODS", 0)
        assert quien.sightings(connection, labels, False, 0, 50) == rare
        assert quien.labels_of(connection, "juan", "usuario") == [1]
        assert quien.labels_of(connection, "juan", "proceso") == []
    told = [(each.hostname, each.valor, each.first, each.last, each.times) for each in rare]
    assert told == [
        ("web-2", "ana", at(4), None, 1),
        ("web-1", "juan", at(3), at(9), 2),
    ]
