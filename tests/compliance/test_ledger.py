"""What the judge reads of its own tables."""

from contextlib import closing

from API.app.compliance.ledger import _AFTER
from API.app.compliance.sandbox import empty
from createDB.views import Layout


def test_what_is_said_of_a_server_is_found_without_that_of_all() -> None:
    with closing(empty(Layout.COMPACTO)) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {_AFTER}", ("[[1, 0]]",)).fetchall()
    assert "SEARCH c USING PRIMARY KEY (num_agente=?)" in [step for *_, step in steps]
