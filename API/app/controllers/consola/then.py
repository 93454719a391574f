"""Which servers there were at a moment, each as its report of then says."""

from datetime import UTC, datetime

from flask import Response, request

from API.app.collector import the_collector
from API.app.controllers.asking import AFTER, LIMIT, ORDER, place_after, read_question
from API.app.controllers.consola.filters import instant
from API.app.controllers.consola.pages import page, require_person
from API.app.controllers.consola.paging import PAGE
from API.app.controllers.consola.server import instant as asked
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import page as rows_of
from API.app.queries.servidor import forgotten
from API.app.queries.times import as_ms


def show_then() -> Response:
    """Show the servers of the moment `en`, now where none is given, by their names of then."""
    who = require_person()
    at, now = asked("en"), as_ms(datetime.now(UTC))
    at = now if at is None else min(at, now)
    servers = RESOURCES["servers"]
    arguments = {"en": instant(at), ORDER: "hostname", LIMIT: str(PAGE)}
    place = {AFTER: request.args[AFTER]} if request.args.get(AFTER) else {}
    question = read_question(servers, arguments | place)
    with the_collector().reader.connect() as connection:
        found = rows_of(connection, servers, question, PAGE)
        removed = forgotten(connection).get("reportes", 0)
    names = [column.name for column in question.columns]
    return page(
        "then.html",
        section="servers",
        who=who,
        at=at,
        found=[dict(zip(names, row, strict=True)) for row in found.rows],
        after=found.end and place_after(question, found.end),
        newest=not place,
        removed=removed,
    )
