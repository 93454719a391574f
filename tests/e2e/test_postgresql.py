"""A collector on PostgreSQL: real processes, a real server."""

import pytest

from tests.conftest import NewCollector

pytestmark = pytest.mark.both_databases


def test_a_collector_starts_and_ends(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    assert collector.get("/readyz").json()["comprobaciones"]["base_de_datos"] == "bien"
    assert collector.stop() == 0
