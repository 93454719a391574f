"""The language and the theme that somebody chooses; their browser keeps them."""

from http import HTTPStatus

from flask import Response, request

from API.app.controllers.consola.pages import LANGUAGE, THEME, THEMES, form, go, keep, way_back
from API.app.errors import ProblemError
from API.app.words import LANGUAGES

YEAR_S = 31_536_000


def keep_preference() -> Response:
    """Keep one of them, and go back to where it was chosen."""
    form()
    response = go(way_back(request.form.get("volver", "")))
    for name, known in ((LANGUAGE, LANGUAGES), (THEME, THEMES)):
        chosen = request.form.get(name)
        if chosen is None:
            continue
        if chosen not in known:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name} must be one of {', '.join(known)}")
        keep(response, name, chosen, YEAR_S)
    return response
