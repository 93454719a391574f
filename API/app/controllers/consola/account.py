"""The page of one's own account: password, tokens, sessions."""

import re
from http import HTTPStatus
from typing import Any

from flask import Response

from API.app.accounts import accounts, login, sessions, tokens
from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.consola.pages import form, page, require_person, to
from API.app.errors import ProblemError
from API.app.identity import Identity
from API.app.words import SpokenError


def show_account() -> Response:
    """Show the account of whoever is logged in."""
    return _show(require_person())


def change_password() -> Response:
    """Change the password of whoever is logged in and knows it, and end their other sessions."""
    who = require_person()
    current, new = form("clave", "nueva")
    engine = the_collector().patient
    try:
        login.require_password(engine, who.name, current, who.actor.origin)
        with engine.begin() as connection:
            account = accounts.named(connection, who.name)
            accounts.set_password(connection, who.actor, account, new, who.id_sesion)
    except login.WrongCredentialsError:
        return _show(who, told="wrong_password", status=HTTPStatus.BAD_REQUEST)
    except SpokenError as error:
        return _show(who, told=error, status=HTTPStatus.BAD_REQUEST)
    return _show(who, told="password_changed")


def create_token() -> Response:
    """Make a token for whoever is logged in, and show it this once."""
    who = require_person()
    name, scope, days = form("nombre", "alcance", "dias")
    if scope not in list(Role) or not re.fullmatch("[0-9]{1,9}", days):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "alcance or dias is not one that the page gives")
    try:
        with the_collector().patient.begin() as connection:
            secret = tokens.create_token(
                connection, who.actor, who.id_cuenta, name, Role(scope), int(days)
            )
    except SpokenError as error:
        return _show(who, told=error, status=HTTPStatus.BAD_REQUEST)
    return _show(who, secret=secret)


def revoke_token(id_token: int) -> Response:
    """Revoke a token of whoever is logged in."""
    who = require_person()
    with the_collector().patient.begin() as connection:
        found = _fits(id_token) and tokens.revoke_token(
            connection, who.actor, who.id_cuenta, id_token
        )
    if not found:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"you have no token {id_token}")
    return to("console.show_account")


def end_session(id_sesion: int) -> Response:
    """End a session of whoever is logged in: this one, or one elsewhere."""
    who = require_person()
    with the_collector().patient.begin() as connection:
        found = _fits(id_sesion) and sessions.end_session(
            connection, who.actor, who.id_cuenta, id_sesion
        )
    if not found:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"you have no session {id_sesion}")
    return to("console.show_account")


def _show(who: Identity, **values: Any) -> Response:
    with the_collector().reader.connect() as connection:
        return page(
            "account.html",
            section="account",
            who=who,
            tokens=tokens.tokens_of(connection, who.id_cuenta),
            sessions=sessions.sessions_of(connection, who.id_cuenta),
            scopes=[role for role in Role if who.role.covers(role)],
            **values,
        )


def _fits(number: int) -> bool:
    """Tell whether the database can hold such a number."""
    return number < 1 << 63
