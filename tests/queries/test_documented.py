"""The queries of docs/policies.md: they say what happened."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from API.app.queries.times import now_ms
from tests.conftest import ROOT
from tests.documentation import blocks
from tests.past import HOUR, START, Past

QUERIES = [block.text for block in blocks(ROOT / "docs" / "policies.md", "sql")]


@pytest.fixture
def mended(past: Past) -> Past:
    """Violations that were mended after 2, 4, 6 and 9 hours, some that were not."""
    now = round((now_ms() - START) / HOUR)
    past.policy(1, "ftp")
    past.policy(2, "telnet", severidad="critica")
    past.server(1, now - 100)
    past.server(2, now - 100)
    past.server(3, now - 100, estado="retirado")
    for begin, end in ((-90, -88), (-80, -76), (-70, -61)):
        past.said(1, 1, "no_cumple", now + begin, now + end)
        past.said(1, 1, "cumple", now + end, now + end + 1)
    past.said(2, 1, "no_cumple", now - 90, now - 60)
    past.said(2, 1, "sin_datos", now - 60)
    past.said(2, 2, "no_cumple", now - 49)
    past.said(2, 2, "no_cumple", now - 2_400, now - 2_394)
    past.said(2, 2, "cumple", now - 2_394, now - 49)
    past.said(3, 2, "no_cumple", now - 49)
    return past


def ask(past: Past, number: int) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(past.path)) as connection:
        return connection.execute(QUERIES[number]).fetchall()


def test_since_when(mended: Past) -> None:
    [(hostname, policy, severity, _, days)] = ask(mended, 0)
    assert (hostname, policy, severity, days) == ("web-2", "telnet", "critica", 2)


def test_how_often(mended: Past) -> None:
    assert ask(mended, 1) == [("ftp", 4, 2), ("telnet", 2, 2)]


def test_how_long_until_it_was_mended(mended: Past) -> None:
    assert ask(mended, 2) == [("telnet", 1, 6.0, 6.0), ("ftp", 3, 4.0, 9.0)]
