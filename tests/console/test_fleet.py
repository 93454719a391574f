"""How servers are found, counted and put in order; without a database."""

from typing import Any

import pytest

from API.app.fleet import Fleet, PolicyStanding, Server, Wanted, fleet_of, in_order, narrow
from API.app.queries.cumplimiento import VERDICTS

EMPTY = Server(
    num_agente=1, id_agente="x", hostname=None, ipaddress=None, state="reportando", system="",
    labels=(), last_report=None, standing="cumple", failing=0, excepted=0, text="",
)  # fmt: skip


def server(hostname: str, **values: Any) -> Server:
    text = "\n".join([hostname, values.get("system", ""), *values.get("labels", ())]).casefold()
    return EMPTY._replace(hostname=hostname, text=text, **values)


@pytest.fixture
def fleet() -> Fleet:
    return fleet_of(
        [
            server("web-1", system="debian 12", standing="alta", failing=2, ipaddress="10.0.0.10"),
            server("web-2", system="debian 12", labels=("entorno:prod",), ipaddress="10.0.0.9"),
            server("db-1", system="ubuntu 24.04", labels=("entorno:prod",), state="callado"),
            server("old-1", system="debian 11", state="retirado", standing="critica"),
            server("new-1", standing="sin_veredicto", state="nuevo"),
        ],
        [],
    )


def names(servers: list[Server]) -> list[str]:
    return [str(each.hostname) for each in servers]


def test_it_works(fleet: Fleet) -> None:
    assert (fleet.share, fleet.judged, fleet.complying) == (2 / 3, 3, 2)
    assert fleet.trouble == 2, "one fails something grave, one is silent; a retired one is neither"
    assert names(narrow(fleet.servers, Wanted()).servers) == ["web-1", "web-2", "db-1", "new-1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(search="WEB"), ["web-1", "web-2"]),
        (Wanted(search="prod web"), ["web-2"]),
        (Wanted(search="%"), []),
        (Wanted(etiqueta="entorno:prod"), ["web-2", "db-1"]),
        (Wanted(so="debian 12", cumplimiento="cumple"), ["web-2"]),
        (Wanted(estado="retirado"), ["old-1"]),
        (Wanted(graves="si"), ["web-1", "db-1"]),
        (Wanted(estado="nothing"), []),
    ],
)
def test_servers_are_narrowed(fleet: Fleet, wanted: Wanted, found: list[str]) -> None:
    assert names(narrow(fleet.servers, wanted).servers) == found


def test_a_facet_counts_what_choosing_it_would_give(fleet: Fleet) -> None:
    facets = narrow(fleet.servers, Wanted(so="debian 12")).facets
    assert facets["so"]["ubuntu 24.04"] == len(
        narrow(fleet.servers, Wanted(so="ubuntu 24.04")).servers
    )
    assert facets["etiqueta"] == {"entorno:prod": 1}
    assert facets["estado"] == {"reportando": 2}
    assert narrow(fleet.servers, Wanted()).facets["estado"]["retirado"] == 1


@pytest.mark.parametrize(
    ("order", "first"),
    [("nombre", "db-1"), ("-nombre", "web-2"), ("cumplimiento", "web-1"), ("direccion", "db-1")],
)
def test_servers_are_sorted(fleet: Fleet, order: str, first: str) -> None:
    assert names(in_order(narrow(fleet.servers, Wanted()).servers, order))[0] == first


def test_a_list_is_made_once(fleet: Fleet) -> None:
    found = fleet.listed(Wanted(search="web"), "-nombre")
    assert names(found.servers) == ["web-2", "web-1"]
    assert fleet.listed(Wanted(search="web"), "-nombre") is found
    assert names(fleet.listed(Wanted(search="web"), "nombre").servers) == ["web-1", "web-2"]


def test_addresses_are_sorted_by_their_numbers(fleet: Fleet) -> None:
    web = narrow(fleet.servers, Wanted(search="web")).servers
    assert names(in_order(web, "direccion")) == ["web-2", "web-1"]


def test_policies_come_by_severity_and_by_how_many_fail() -> None:
    def policy(number: int, severity: str, failing: int) -> PolicyStanding:
        counts = dict.fromkeys(VERDICTS, 0) | {"no_cumple": failing}
        return PolicyStanding(number, f"p{number}", "", severity, 0, None, counts)

    made = [policy(1, "baja", 9), policy(2, "critica", 1), policy(3, "critica", 3)]
    assert [each.num_politica for each in fleet_of([], made).policies] == [3, 2, 1]


def test_nothing_is_no_share() -> None:
    assert fleet_of([], []).share is None
