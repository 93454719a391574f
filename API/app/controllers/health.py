"""Is the collector alive, and can it store?"""

from http import HTTPStatus

from flask import Response, jsonify

from API.app.collector import the_collector
from API.app.door.entrance import in_clear
from API.app.errors import problem
from API.app.readiness import readiness


@in_clear
def is_alive() -> Response:
    """Answer that the process serves requests; nothing else is looked at."""
    return jsonify(estado="vivo")


@in_clear
def is_ready() -> Response:
    """Answer whether a report that came now could be stored."""
    checks = readiness(the_collector())
    if all(reason is None for reason in checks.values()):
        return jsonify(estado="listo", comprobaciones=dict.fromkeys(checks, "bien"))
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "reports cannot be stored now",
        comprobaciones={name: reason or "bien" for name, reason in checks.items()},
    )
