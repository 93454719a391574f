"""How agents are found and counted; without a database."""

from typing import Any

import pytest

from API.app.roster import Agent, narrow, roster_of

EMPTY = Agent(
    id_agente="x", hostname=None, state="reportando", version="0.2.0", last_report=None, labels=(),
    skew=0, dropped=0, clone_of=None, clone_seen=None, rotating=False, has_token=True, text="",
)  # fmt: skip


def agent(hostname: str, **values: Any) -> Agent:
    return EMPTY._replace(hostname=hostname, text=hostname, **values)


AGENTS = [
    agent("web-1", skew=-61),
    agent("web-2", version="0.1.0", clone_of="x", has_token=False),
    agent("db-1", version=None, state="callado", dropped=3),
    agent("db-2", clone_seen="2026-11-28", rotating=True),
]


def names(agents: list[Agent]) -> list[str]:
    return [str(each.hostname) for each in agents]


def test_it_works() -> None:
    facets = roster_of(AGENTS).facets
    assert facets["aviso"] == {
        "clon": 2, "reloj": 1, "descartes": 1, "sin_token": 1, "rotacion": 1
    }  # fmt: skip
    assert facets["version"] == {"0.2.0": 2, "0.1.0": 1, "": 1}
    assert facets["estado"] == {"reportando": 3, "callado": 1}


@pytest.mark.parametrize(
    ("search", "chosen", "found"),
    [
        ("", {}, ["web-1", "web-2", "db-1", "db-2"]),
        ("", {"aviso": "", "version": ""}, ["web-1", "web-2", "db-1", "db-2"]),
        ("2 WEB", {}, ["web-2"]),
        ("", {"aviso": "clon"}, ["web-2", "db-2"]),
        ("web", {"aviso": "reloj", "estado": "reportando"}, ["web-1"]),
        ("", {"version": "0.1.0", "estado": "callado"}, []),
        ("", {"aviso": "nothing"}, []),
    ],
)
def test_agents_are_narrowed(search: str, chosen: dict[str, str], found: list[str]) -> None:
    assert names(narrow(AGENTS, search, chosen)) == found
