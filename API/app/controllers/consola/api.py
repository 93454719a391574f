"""What the API is, for people."""

from flask import Response

from API.app.controllers.consola.pages import page, require_person
from API.app.openapi.document import document


def show_api() -> Response:
    """Show each route, what it takes and what it answers."""
    return page("api.html", section="api", who=require_person(), api=document())
