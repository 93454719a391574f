"""Is the collector alive, and can it store?"""

from http import HTTPStatus

from flask import Response, jsonify

from API.app.collector import the_collector
from API.app.door.entrance import answered_apart, in_clear
from API.app.errors import problem
from API.app.readiness import readiness


@in_clear
def is_alive() -> Response:
    """Answer that the process serves requests; nothing else is looked at."""
    return jsonify(estado="vivo")


@answered_apart
@in_clear
def is_ready() -> Response:
    """Answer whether a report that came now would be taken, and what is wrong."""
    found = readiness(the_collector())
    checks = {name: reason or "bien" for name, reason in found.checks.items()}
    if found.accepts:
        return jsonify(estado="listo", comprobaciones=checks)
    detail = "reports cannot be stored now"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, comprobaciones=checks)
