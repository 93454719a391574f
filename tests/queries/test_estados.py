"""How a server stands, by when it reported and how often it should."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert

from API.app.accounts.credentials import now
from API.app.queries.estados import STATES, servers_by_state
from createDB.build import build
from createDB.engine import database_url, open_engine
from createDB.schema import agentes, credenciales

HOUR, DAY = 3_600, 86_400


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    url = database_url(str(tmp_path_factory.mktemp("estados") / "servers.sqlite"))
    build(url)
    engine = open_engine(url)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.mark.parametrize(
    ("interval", "age", "state"),
    [
        (600, 0, "reportando"),
        (600, 899, "reportando"),
        (600, 901, "atrasado"),
        (600, 1_799, "atrasado"),
        (600, 1_801, "callado"),
        (600, 30 * DAY - 1, "callado"),
        (600, 30 * DAY + 1, "ausente"),
        (10, 69, "reportando"),
        (10, 71, "atrasado"),
        (10, 299, "atrasado"),
        (10, 301, "callado"),
        (None, 12 * HOUR - 1, "reportando"),
        (None, 12 * HOUR + 1, "atrasado"),
        (None, DAY + 1, "callado"),
        (20 * DAY, 59 * DAY, "atrasado"),
        (20 * DAY, 61 * DAY, "ausente"),
    ],
)
def test_state_goes_by_the_interval(
    connection: Connection, interval: float | None, age: float, state: str
) -> None:
    assert state_of(connection, interval=interval, reported=age, first=40 * DAY + age) == state


@pytest.mark.parametrize(("first", "state"), [(DAY - 1, "nuevo"), (DAY + 1, "reportando")])
def test_server_is_new_for_a_day(connection: Connection, first: float, state: str) -> None:
    assert state_of(connection, interval=600, reported=10, first=first) == state


def test_silence_is_shown_on_the_first_day_too(connection: Connection) -> None:
    assert state_of(connection, interval=600, reported=HOUR, first=2 * HOUR) == "callado"


@pytest.mark.parametrize("state", ["pausado", "retirado", "revocado"])
def test_what_the_operator_said_goes_before(connection: Connection, state: str) -> None:
    assert state_of(connection, interval=600, reported=DAY, first=DAY, said=state) == state


@pytest.mark.parametrize(
    ("age", "state"), [(60, "nuevo"), (13 * HOUR, "atrasado"), (2 * DAY, "callado")]
)
def test_server_that_only_enrolled_goes_by_that(
    connection: Connection, age: float, state: str
) -> None:
    assert state_of(connection, interval=None, enrolled=age) == state


def test_server_of_which_nothing_is_known_is_missing(connection: Connection) -> None:
    assert state_of(connection, interval=None) == "ausente"


def state_of(
    connection: Connection,
    *,
    interval: float | None,
    reported: float | None = None,
    first: float | None = None,
    enrolled: float | None = None,
    said: str = "activo",
) -> str:
    """Put one server into the database and ask; all times are seconds ago."""
    at = now()
    reported_at, first_at, enrolled_at = (
        None if age is None else at - timedelta(seconds=age) for age in (reported, first, enrolled)
    )
    with connection.begin() as transaction:
        server = {
            "id_agente": "a", "intervalo": interval, "estado": said,
            "ultimo_reporte": reported_at, "primer_reporte": first_at,
        }  # fmt: skip
        number = connection.execute(
            insert(agentes).values(server).returning(agentes.c.num_agente)
        ).scalar_one()
        if enrolled_at:
            token = {"hash": "x", "num_agente": number, "desde": enrolled_at}
            connection.execute(insert(credenciales).values(token))
        counts = servers_by_state(connection, at)
        transaction.rollback()
    assert list(counts) == [state.name for state in STATES]
    [(state, count)] = [found for found in counts.items() if found[1]]
    assert count == 1
    return state
