"""The line at the head of every page that tells of trouble; the tab's title and icon go by it."""

from datetime import UTC, datetime

from flask import Response

from API.app.collector import the_collector
from API.app.controllers.consola.pages import answer_if_news, page, require_person
from API.app.queries.flota import in_trouble, progress


def show_pulse() -> Response:
    """Tell how many servers are in trouble."""
    require_person()
    with the_collector().reader.connect() as connection:
        answer_if_news(progress(connection), f"{datetime.now(UTC):%H:%M}")
        return page("pulse.html", trouble=in_trouble(connection))
