"""What the console's pages share: their language, their forms, how they are shown."""

import hashlib
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from flask import (
    Flask,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import BadRequestKeyError

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.consola import assets, filters
from API.app.errors import ProblemError
from API.app.fleet import Fleet
from API.app.identity import Identity, identify, require_same_origin
from API.app.roster import Roster
from API.app.version import VERSION
from API.app.words import LANGUAGES, WORDS, SpokenError, count, say

Seen = TypeVar("Seen")

MAX_FORM = 16 << 10
"""Bytes that a form may have."""

SECTIONS = (
    ("home", "console.show_home", Role.LECTOR),
    ("servers", "console.list_servers", Role.LECTOR),
    ("policies", "console.list_policies", Role.LECTOR),
    ("changes", "console.list_changes", Role.LECTOR),
    ("who", "console.show_who", Role.LECTOR),
    ("agents", "console.list_agents", Role.LECTOR),
    ("alerts", "console.list_alerts", Role.LECTOR),
    ("audit", "console.show_trail", Role.ADMINISTRADOR),
    ("settings", "console.show_settings", Role.ADMINISTRADOR),
)
"""What the navigation leads to: the key of its name and icon, its endpoint, and for whom."""

THEMES = ("auto", "claro", "oscuro")
LANGUAGE, THEME, TOLD = "idioma", "tema", "dicho"
"""Cookies of the console."""

DONE = "done_"
"""How the keys begin of what a page may be told by the one before, through a cookie."""


def register(app: Flask) -> None:
    """Have `app` show pages, errors too."""
    assets.register(app)
    filters.register(app)
    app.after_request(_error_as_page)


def language() -> str:
    """Give the language that was chosen, or else the first of ours that the browser asks for."""
    chosen = request.cookies.get(LANGUAGE)
    if chosen in LANGUAGES:
        return chosen
    asked = (tag.lower().partition("-")[0] for tag, _ in request.accept_languages)
    return next((found for found in asked if found in LANGUAGES), LANGUAGES[0])


def theme() -> str:
    """Give the theme that was chosen; `auto` is the system's."""
    chosen = request.cookies.get(THEME)
    return chosen if chosen in THEMES else THEMES[0]


def page(
    template: str, *, told: SpokenError | str | None = None, status: HTTPStatus = HTTPStatus.OK,
    **values: Any,
) -> Response:  # fmt: skip
    """Show a page, with what it is to tell in the page's language; no cache keeps it.

    Where a script of ours asks, it is the page's main part alone.
    """
    spoken = language()
    left = request.cookies.get(TOLD, "")
    if told is None and left.startswith(DONE) and left in WORDS:
        told = left
    text = render_template(
        template,
        layout="bare.html" if by_script() else "base.html",
        language=spoken,
        theme=theme(),
        t=partial(say, language=spoken),
        n=partial(count, language=spoken),
        told=_spoken(told, spoken),
        sections=SECTIONS,
        version=VERSION,
        in_trouble=_in_trouble,
        here=quote(request.full_path.removesuffix("?")),
        **values,
    )
    response = make_response(text, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language, Cookie, HX-Request"
    if left:
        response.delete_cookie(TOLD, path="/consola")
    if "stamp" in g:
        response.set_etag(g.stamp, weak=True)
    return response


def by_script() -> bool:
    """Tell whether the request is htmx's, for a part of a page."""
    return "HX-Request" in request.headers


def answer_if_seen(*state: Any) -> None:
    """Answer 304 where whoever asks has seen the page in this state; it costs no more questions.

    Raises:
        HTTPException: the answer.
    """
    seen_as = (request.full_path, language(), *state)
    g.stamp = hashlib.sha256(repr(seen_as).encode()).hexdigest()[:16]
    if request.if_none_match.contains_weak(g.stamp):
        abort(Response(status=HTTPStatus.NOT_MODIFIED, headers={"Cache-Control": "no-store"}))


def look_at_fleet(*state: Any) -> Fleet:
    """Give the fleet, unless whoever asks has seen it, in this state of the page.

    Raises:
        HTTPException: 304.
    """
    return _look(the_collector().overview.fleet, *state)


def look_at_agents() -> Roster:
    """Give all agents, unless whoever asks has seen them.

    Raises:
        HTTPException: 304.
    """
    return _look(the_collector().overview.agents)


def _look(give: Callable[[tuple[Any, ...]], tuple[Seen, bool]], *state: Any) -> Seen:
    version = the_collector().overview.version()
    answer_if_seen(*version, *state)
    found, latest = give(version)
    if not latest:  # there is more to see than what is shown
        del g.stamp
    return found


def _in_trouble() -> int:
    """Give how many servers are in trouble, as somebody was last told; a script asks on."""
    return the_collector().overview.lately().trouble


def require_person(role: Role = Role.LECTOR) -> Identity:
    """Let the request in only if somebody is logged in who may do what `role` allows.

    A token is for programs: it opens no page, and makes no other token.

    Raises:
        HTTPException: the way to the login page, where nobody is logged in.
        ProblemError: 403.
    """
    who = identify()
    if who is None or not who.id_sesion:
        abort(_login())
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


def to(endpoint: str, told: str | None = None, **values: Any) -> Response:
    """Send the browser to another page, which says `told`: the key of words that begin `done_`."""
    return go(url_for(endpoint, **values), told)


def go(address: str, told: str | None = None) -> Response:
    """Send the browser to an address of ours."""
    response = make_response(redirect(address, HTTPStatus.SEE_OTHER))
    response.headers["Cache-Control"] = "no-store"
    if told:
        keep(response, TOLD, told, seconds=60)
    return response


def keep(response: Response, name: str, value: str, seconds: int) -> None:
    """Have the browser keep what is no secret."""
    response.set_cookie(
        name, value, max_age=seconds, secure=request.is_secure, httponly=True,
        samesite="Lax", path="/consola",
    )  # fmt: skip


def way_back(address: str) -> str:
    """Give the page that somebody came from, where it is one of ours; else the first."""
    path = urlsplit(address).path
    ours = path == "/consola" or path.startswith("/consola/")
    if ours and address.startswith(path) and address.isprintable() and "\\" not in address:
        return address
    return url_for("console.show_home")


def _login() -> Response:
    """Lead to the login page, and from there back to the page that was asked for."""
    wanted = request.full_path.removesuffix("?") if request.method == "GET" else None
    if by_script():
        wanted = urlsplit(request.headers.get("HX-Current-URL", "")).path or None
        address = url_for("console.show_login", volver=wanted)
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": address})
    if wanted == url_for("console.show_home"):
        wanted = None
    return to("console.show_login", volver=wanted)


def _spoken(told: SpokenError | str | None, spoken: str) -> str | None:
    if isinstance(told, SpokenError):
        return told.in_language(spoken)
    return None if told is None else say(told, spoken)


def _error_as_page(response: Response) -> Response:
    """Show people an error of the console as a page; programs get it as it is."""
    ours = request.path == "/consola" or request.path.startswith("/consola/")
    for_people = ours and "text/html" in request.accept_mimetypes.values() and not by_script()
    if not for_people or response.mimetype != "application/problem+json":
        return response
    status = HTTPStatus(response.status_code)
    known = f"error_{status.value}" in WORDS
    found = response.get_json()
    shown = page(
        "error.html",
        status=status,
        what=f"error_{status.value}" if known else "error_other",
        detail=found.get("detail"),
        code=status.value,
    )
    for name, value in response.headers.items():
        if name in ("Retry-After", "Allow", "Connection"):
            shown.headers[name] = value
    return shown
