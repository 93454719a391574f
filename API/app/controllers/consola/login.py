"""Coming in to the console, and going out."""

from http import HTTPStatus

import structlog
from flask import Response, request

from API.app.accounts.attempts import TooManyAttemptsError
from API.app.accounts.login import WrongCredentialsError
from API.app.accounts.login import log_in as open_session
from API.app.accounts.sessions import LONGEST, end_session
from API.app.collector import the_collector
from API.app.controllers.consola.pages import form, go, page, require_person, to, way_back
from API.app.door.entrance import origin
from API.app.identity import cookie_name, identify
from API.app.words import SpokenError

log = structlog.get_logger()


def show_login() -> Response:
    """Show the login page; whoever is logged in already goes on."""
    who = identify()
    if who and who.id_sesion:
        return go(way_back(request.args.get("volver", "")))
    return page("login.html", wanted=request.args.get("volver"))


def log_in() -> Response:
    """Log somebody in."""
    name, password = form("nombre", "clave")
    address = str(origin().address)
    engine = the_collector().patient
    try:
        secret = open_session(engine, name, password, address, request.user_agent.string)
    except WrongCredentialsError:
        # Without the name: people type their password into its place.
        log.warning("login refused", address=address)
        return _refused("wrong_credentials", HTTPStatus.UNAUTHORIZED)
    except TooManyAttemptsError as error:
        response = _refused(error, HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(error.wait_s)
        return response
    response = go(way_back(request.form.get("volver", "")))
    set_cookie(response, secret, int(LONGEST.total_seconds()))
    return response


def log_out() -> Response:
    """End the session, here and in the browser."""
    who = require_person()
    with the_collector().patient.begin() as connection:
        end_session(connection, who.actor, who.id_cuenta, who.id_sesion)
    response = to("console.show_login")
    set_cookie(response, "", 0)
    return response


def _refused(why: SpokenError | str, status: HTTPStatus) -> Response:
    return page("login.html", told=why, status=status, wanted=request.form.get("volver"))


def set_cookie(response: Response, secret: str, seconds: int) -> None:
    """Have the browser keep what a session is known by, out of reach of any script."""
    response.set_cookie(
        cookie_name(), secret, max_age=seconds, secure=request.is_secure,
        httponly=True, samesite="Strict", path="/",
    )  # fmt: skip
