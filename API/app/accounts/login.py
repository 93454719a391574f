"""Logging in: a name and a password become a session, or a refusal that tells nothing."""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, select, update

from API.app.accounts.attempts import MAX_NAME, begin_attempt, confirm, forgive
from API.app.accounts.passwords import hashed, is_outdated, is_right
from API.app.accounts.sessions import open_session
from API.app.audit import Actor, record
from createDB.schema import cuentas


class WrongCredentialsError(Exception):
    """There is no such account, it may not come in, or the password is another: nobody is told."""


class _Known(NamedTuple):
    id_cuenta: int
    clave: str


def log_in(engine: Engine, name: str, password: str, address: str, program: str | None) -> str:
    """Log somebody in; give what the session's cookie is to hold.

    Args:
        engine: that writes.
        name: of the account, as it was typed.
        password: as it was typed.
        address: that they come from.
        program: their browser, in its own words.

    Raises:
        WrongCredentialsError: they don't come in.
        TooManyAttemptsError: they have to wait, whatever the password.
        OverloadedError: too many are logging in.
    """
    name = name.strip().lower()[:MAX_NAME]
    id_cuenta = require_password(engine, name, password, address)
    with engine.begin() as connection:
        return open_session(connection, Actor(name, address), id_cuenta, program)


def require_password(engine: Engine, name: str, password: str, address: str) -> int:
    """Make sure that somebody knows the password of the account `name`, and give its number.

    Raises:
        WrongCredentialsError: they don't, or there is no such account.
        TooManyAttemptsError: they have to wait, whatever the password.
        OverloadedError: too many passwords are being checked.
    """
    with engine.begin() as connection:
        begin_attempt(connection, name, address)
        known = _active(connection, name)
    right = is_right(password, known.clave if known else None)
    with engine.begin() as connection:
        if known and right:
            forgive(connection, name, address)
            _renew_hash(connection, known, password)
            return known.id_cuenta
        confirm(connection, name)
        if known:  # other names are anybody's to make up, and the audit trail cannot forget them
            record(connection, Actor(name, address), "sesion.rechazar", name)
    raise WrongCredentialsError


def _active(connection: Connection, name: str) -> _Known | None:
    query = select(cuentas.c.id_cuenta, cuentas.c.clave).where(
        cuentas.c.nombre == name, cuentas.c.activa == 1
    )
    row = connection.execute(query).one_or_none()
    return _Known(*row) if row else None


def _renew_hash(connection: Connection, known: _Known, password: str) -> None:
    """Hash the password anew where that is done otherwise today than when it was chosen."""
    if is_outdated(known.clave):
        whose = cuentas.c.id_cuenta == known.id_cuenta
        connection.execute(update(cuentas).where(whose).values(clave=hashed(password)))
