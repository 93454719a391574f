"""The line at the head of every page that tells of trouble; the tab's title and icon go by it."""

from flask import Response

from API.app.controllers.consola.pages import look_at_fleet, page, require_person


def show_pulse() -> Response:
    """Tell how many servers are in trouble."""
    require_person()
    return page("pulse.html", trouble=look_at_fleet().trouble)
