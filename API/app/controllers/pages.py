"""What the console's pages share: their language, their forms, how they are shown."""

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequestKeyError

from API.app.accounts.roles import Role
from API.app.errors import ProblemError
from API.app.identity import Identity, identify, require_same_origin
from API.app.words import LANGUAGES, SpokenError, say

MAX_FORM = 16 << 10
"""Bytes that a form may have."""


def language() -> str:
    """Give the language that the browser asks for, of those there are."""
    asked = (tag.lower().partition("-")[0] for tag, _ in request.accept_languages)
    return next((found for found in asked if found in LANGUAGES), LANGUAGES[0])


def page(
    template: str, *, told: SpokenError | str | None = None, status: HTTPStatus = HTTPStatus.OK,
    **values: Any,
) -> Response:  # fmt: skip
    """Show a page, with what it is to tell in the page's language; no cache keeps it."""
    spoken = language()
    if told is not None:
        told = told.in_language(spoken) if isinstance(told, SpokenError) else say(told, spoken)
    text = render_template(
        template, language=spoken, t=partial(say, language=spoken), told=told, **values
    )
    response = make_response(text, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def require_person(role: Role = Role.LECTOR) -> Identity:
    """Let the request in only if somebody is logged in who may do what `role` allows.

    A token is for programs: it opens no page, and makes no other token.

    Raises:
        HTTPException: the way to the login page, where nobody is logged in.
        ProblemError: 403.
    """
    who = identify()
    if who is None or not who.id_sesion:
        abort(to("console.show_login"))
    if not who.role.covers(role):
        raise ProblemError(HTTPStatus.FORBIDDEN, f"the role {role} is needed; yours is {who.role}")
    return who


def form(*names: str) -> list[str]:
    """Read the fields of the form that a page of ours sent.

    Raises:
        ProblemError: 400 or 403.
        RequestEntityTooLarge: 413.
    """
    require_same_origin()
    request.max_content_length = MAX_FORM
    try:
        return [request.form[name] for name in names]
    except BadRequestKeyError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"{error.args[0]} is missing") from None


def to(endpoint: str) -> Response:
    """Send the browser to another page."""
    response = make_response(redirect(url_for(endpoint), HTTPStatus.SEE_OTHER))
    response.headers["Cache-Control"] = "no-store"
    return response


def moment(value: datetime) -> str:
    """Write a moment for people."""
    return f"{value:%Y-%m-%d %H:%M}Z"
