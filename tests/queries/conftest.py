from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from createDB.engine import database_url, open_engine
from createDB.views import Layout
from tests.past import Past, make_past
from tests.postgresql import PostgresServer
from tests.queries.lifelike import lifelike
from tests.two_databases import Both, copy_rows


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    yield from make_past(tmp_path)


@pytest.fixture(scope="package")
def both(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresServer) -> Iterator[Both]:
    """The same lifelike past in both databases, to be read only."""
    with _both(tmp_path_factory.mktemp("lifelike"), postgresql, Layout.COMPLETO) as made:
        yield made


@pytest.fixture(scope="package")
def both_compacto(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresServer
) -> Iterator[Both]:
    """The same in the layout `compacto`, where the rows of reports are views."""
    with _both(tmp_path_factory.mktemp("lifelike"), postgresql, Layout.COMPACTO) as made:
        yield made


@contextmanager
def _both(folder: Path, postgresql: PostgresServer, layout: Layout) -> Iterator[Both]:
    path = lifelike(folder, layout)
    with postgresql.database(layout) as url, ExitStack() as ends:
        copy_rows(path, url)
        urls = database_url(str(path)), database_url(url)
        here, there = (open_engine(each, read_only=True, plan_each=True) for each in urls)
        for engine in (here, there):
            ends.callback(engine.dispose)
        yield Both(here, there, datetime.now(UTC), urls)
