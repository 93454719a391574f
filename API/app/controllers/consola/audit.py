"""The audit trail: who did what, from where, when."""

import re

from flask import Response, request

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.consola.pages import page, require_person
from API.app.controllers.consola.paging import PAGE
from API.app.queries.auditoria import NEWEST, TrailFilters, entries, known


def show_trail() -> Response:
    """Show what was done, the newest first."""
    who = require_person(Role.ADMINISTRADOR)
    wanted = TrailFilters(*(request.args.get(name, "").strip() for name in TrailFilters._fields))
    with the_collector().reader.connect() as connection:
        found = entries(connection, wanted, before("antes"), PAGE)
        values = known(connection)
    return page("trail_page.html", section="audit", who=who, wanted=wanted, found=found,
                known=values, narrowed=any(wanted))  # fmt: skip


def before(name: str) -> int:
    """Read the number before which a page begins; from the newest, where it is none."""
    text = request.args.get(name, "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else NEWEST
