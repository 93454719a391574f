"""The servers: found while one types, narrowed, sorted; the address says what is shown."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask import Response, request, url_for

from API.app.controllers.consola.pages import look_at_fleet, page, require_person
from API.app.controllers.consola.paging import page_of
from API.app.controllers.pieces import in_pieces
from API.app.exports.formats import PIECE, Format, csv_text
from API.app.fleet import FACETS, ORDERS, STANDINGS, Server, Wanted
from API.app.queries.estados import STATES
from API.app.queries.resource import Column, Kind, Page
from API.app.queries.times import with_offset

FIRST_ORDER = "cumplimiento"
MOST_VALUES = 12
"""Values of a facet that are shown: the commonest."""
KNOWN_VALUES = {
    "estado": tuple(state.name for state in STATES),
    "cumplimiento": STANDINGS,
}
"""Facets whose values have an order of their own, and words."""


EXPORTED = tuple(
    Column(name, kind, "")
    for name, kind in (
        ("id_agente", Kind.TEXT),
        ("hostname", Kind.TEXT),
        ("ipaddress", Kind.TEXT),
        ("situacion", Kind.TEXT),
        ("cumplimiento", Kind.TEXT),
        ("politicas_incumplidas", Kind.INTEGER),
        ("exceptuadas", Kind.INTEGER),
        ("sistema", Kind.TEXT),
        ("etiquetas", Kind.TEXT),
        ("ultimo_reporte", Kind.MOMENT),
    )
)


class Choice(NamedTuple):
    """A value of a facet that can be chosen."""

    value: str
    servers: int
    chosen: bool


def list_servers() -> Response:
    """List the servers that are wanted, with what else they can be narrowed to."""
    who = require_person()
    fleet = look_at_fleet()
    wanted, order = wanted_servers(), wanted_order()
    found = fleet.listed(wanted, order)
    return page(
        "servers.html",
        section="servers",
        who=who,
        wanted=wanted,
        narrowed=any(wanted),
        known=len(fleet.servers),
        found=page_of(found.servers),
        facets={
            name: _choices(name, counts, getattr(wanted, name))
            for name, counts in found.facets.items()
            if name != "graves"
        },
        standings=STANDINGS,
        states={state.name: state for state in STATES},
        export=f"{url_for('console.export_servers')}?{request.query_string.decode('latin-1')}",
        sort=order.removeprefix("-"),
        descending=order.startswith("-"),
    )


def export_servers() -> Response:
    """Give the servers that are wanted as CSV: all pages, in the order in which they are shown."""
    require_person()
    found = look_at_fleet().listed(wanted_servers(), wanted_order())
    response = in_pieces(csv_text(EXPORTED, _pages(found.servers)))
    response.content_type = f"{Format.CSV.content_type}; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="servidores.csv"'
    return response


def _pages(servers: Sequence[Server]) -> Iterator[Page]:
    for start in range(0, len(servers), PIECE):
        yield Page([_exported(server) for server in servers[start : start + PIECE]], None)


def _exported(server: Server) -> tuple[str | int | None, ...]:
    return (
        server.id_agente, server.hostname, server.ipaddress, server.state, server.standing,
        server.failing, server.excepted, server.system, " ".join(server.labels),
        with_offset(server.last_report),
    )  # fmt: skip


def wanted_servers() -> Wanted:
    """Read what the list is to be narrowed to."""
    return Wanted(request.args.get("buscar", "").strip(),
                  **{name: request.args.get(name, "") for name in FACETS})  # fmt: skip


def wanted_order() -> str:
    """Read how the list is to be sorted; what is no order is the first one."""
    order = request.args.get("orden", FIRST_ORDER)
    return order if order.removeprefix("-") in ORDERS else FIRST_ORDER


def _choices(name: str, counts: Counter[str], chosen: str) -> list[Choice]:
    """Give the values of a facet, the chosen one always among them."""
    known = KNOWN_VALUES.get(name)
    values = known or [value for value, _ in counts.most_common(MOST_VALUES)]
    if chosen and chosen not in values:
        values = [*values, chosen]
    return [
        Choice(value, counts[value], value == chosen)
        for value in values
        if value and (counts[value] or value == chosen)
    ]
