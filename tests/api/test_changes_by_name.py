"""The changes of a name are those that a look at all changes finds, however they are looked up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from API.app.queries import nombres
from API.app.queries.cambios import NEWEST, ChangeFilters, Place, changes
from API.app.queries.times import as_ms
from bench.history import Size, history_database
from createDB.engine import database_url, open_engine
from tests.conftest import ROOT
from tests.documentation import blocks

END = datetime(2026, 11, 20, 10, tzinfo=UTC)

NAMES = (
    {"nombre": "vim"},
    {"nombre": "vim", "usuario": "ana"},
    {"usuario": "juan"},
    {"nombre": "juan", "campo": "usuarios_activos"},
    {"nombre": "kthreadd"},  # runs from the first report on
    {"nombre": "vim", "tipo": "inicia"},
    {"nombre": "debian"},
    {"nombre": "nobody ran this"},
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path = history_database(tmp_path_factory.mktemp("fleet"), Size(4, 8), END.timestamp())
    engine = open_engine(database_url(str(path)), read_only=True)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def everything(fleet: Connection) -> list[dict[str, Any]]:
    return follow(fleet, ChangeFilters(), 1_000)


def follow(
    fleet: Connection, filters: ChangeFilters, limit: int, since: int = 0, before: Place = NEWEST
) -> list[dict[str, Any]]:
    """Give all changes, page after page."""
    found: list[dict[str, Any]] = []
    place: Place | None = before
    while place:
        page = changes(fleet, filters, since, place, limit)
        assert len(page.changes) <= limit
        assert page.end is None or page.end < place or page.end[2] > place[2]
        found, place = found + page.changes, page.end
    return found


def matching(everything: list[dict[str, Any]], filters: ChangeFilters) -> list[dict[str, Any]]:
    """Pick the changes that the filters are for."""
    columns = {"agente": "id_agente", "usuario": "valor"}
    wanted = {columns.get(name, name): text for name, text in filters._asdict().items() if text}
    return [change for change in everything if wanted.items() <= change.items()]


@pytest.mark.parametrize("limit", [1, 7, 1_000])
@pytest.mark.parametrize("most", [0, 20, nombres.MOST_PERIODS])
@pytest.mark.parametrize("name", NAMES, ids=lambda name: "-".join(name.values()))
def test_every_change_of_a_name_is_listed_once(
    fleet: Connection,
    everything: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    name: dict[str, str],
    most: int,
    limit: int,
) -> None:
    monkeypatch.setattr(nombres, "MOST_PERIODS", most)
    filters = ChangeFilters(**name)
    assert follow(fleet, filters, limit) == matching(everything, filters)


def test_of_one_server(fleet: Connection, everything: list[dict[str, Any]]) -> None:
    filters = ChangeFilters(agente=everything[0]["id_agente"], nombre="vim")
    expected = matching(everything, filters)
    assert expected
    assert follow(fleet, filters, 3) == expected


def test_between_two_moments(fleet: Connection, everything: list[dict[str, Any]]) -> None:
    found = matching(everything, ChangeFilters(nombre="vim"))
    newest, oldest = found[len(found) // 4]["momento"], found[-len(found) // 4]["momento"]
    since, until = (as_ms(datetime.fromisoformat(text)) for text in (oldest, newest))
    expected = [change for change in found if oldest <= change["momento"] < newest]
    assert expected
    assert follow(fleet, ChangeFilters(nombre="vim"), 5, since, Place(until, 0)) == expected


def test_a_name_of_too_many_labels(
    fleet: Connection, everything: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nombres, "MOST_LABELS", 1)
    filters = ChangeFilters(nombre="vim")
    assert follow(fleet, filters, 1_000) == matching(everything, filters)


def test_the_documented_queries_find_the_same(
    fleet: Connection, everything: list[dict[str, Any]]
) -> None:
    by_name, by_time = (block.text for block in blocks(ROOT / "docs" / "database.md", "sql"))
    ran = fleet.exec_driver_sql(by_name.replace("tcpdump", "vim")).all()
    begun = matching(everything, ChangeFilters(nombre="vim", tipo="inicia"))
    assert [row.pid for row in ran] == [change["pid"] for change in reversed(begun)]
    now = f"{END.timestamp()}, 'unixepoch'"
    found = fleet.exec_driver_sql(by_time.replace("'now'", now)).all()
    since = (END - timedelta(hours=1)).isoformat(timespec="milliseconds")
    assert sorted((row.hostname, row.tipo, row.nombre) for row in found) == sorted(
        (change["hostname"], change["tipo"], change["nombre"])
        for change in everything
        if change["momento"] >= since
    )
    assert found
