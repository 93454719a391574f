"""The table `tokens_personales`: tokens that people make for their programs, each with an end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from API.app.accounts.credentials import fingerprint, new_secret, now
from API.app.accounts.roles import Role, lesser
from API.app.accounts.sessions import PRECISION
from API.app.audit import Actor, record
from API.app.serial import serially
from API.app.words import SpokenError
from createDB.postgresql.locks import Lock
from createDB.schema import cuentas, tokens_personales

LONGEST_DAYS = 366
MAX_NAME = 100
MOST = 50
"""Tokens that an account may have."""


class Token(NamedTuple):
    """A token that is good now, and whose it is; `rol` is what it may do."""

    id_token: int
    id_cuenta: int
    nombre: str
    rol: Role
    usado: datetime | None


def create_token(
    connection: Connection, actor: Actor, id_cuenta: int, name: str, scope: Role, days: int
) -> str:
    """Make a token for an account and give it: nobody can tell it later.

    Raises:
        SpokenError: it has no name, too long a life, or the account too many tokens.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise SpokenError("token_name", most=MAX_NAME)
    if not 1 <= days <= LONGEST_DAYS:
        raise SpokenError("token_days", most=LONGEST_DAYS)
    serially(connection, Lock.ACCOUNTS)
    if len(tokens_of(connection, id_cuenta)) >= MOST:
        raise SpokenError("token_count", most=MOST)
    secret, moment = new_secret("persona"), now()
    until = moment + timedelta(days=days)
    values = {"id_cuenta": id_cuenta, "nombre": name, "alcance": scope,
              "huella": fingerprint(secret), "creado": moment, "caduca": until}  # fmt: skip
    number = connection.execute(insert(tokens_personales).values(values)).inserted_primary_key
    owner = _owner(connection, id_cuenta)
    detail = {"token": number[0] if number else None, "nombre": name, "alcance": scope,
              "caduca": f"{until:%Y-%m-%dT%H:%M:%SZ}"}  # fmt: skip
    record(connection, actor, "token.crear", owner, detail)
    return secret


def find_token(connection: Connection, secret: str) -> Token | None:
    """Give the token, unless it is over or its account may not come in."""
    columns = (tokens_personales.c.id_token, tokens_personales.c.id_cuenta, cuentas.c.nombre,
               cuentas.c.rol, tokens_personales.c.usado, tokens_personales.c.alcance)  # fmt: skip
    query = select(*columns).join(cuentas).where(
        tokens_personales.c.huella == fingerprint(secret),
        tokens_personales.c.caduca > now(),
        cuentas.c.activa == 1,
    )  # fmt: skip
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    role = lesser(Role(row.rol), Role(row.alcance))
    return Token(row.id_token, row.id_cuenta, row.nombre, role, row.usado)


def is_stale(token: Token) -> bool:
    """Tell whether it is time to note that a token is used."""
    return token.usado is None or now() - token.usado > PRECISION


def note_use(connection: Connection, token: Token) -> None:
    """Note that a token is used now."""
    which = tokens_personales.c.id_token == token.id_token
    connection.execute(update(tokens_personales).where(which).values(usado=now()))


def tokens_of(connection: Connection, id_cuenta: int) -> Sequence[Row[Any]]:
    """Give the tokens of an account, those that are over too, the newest first."""
    names = ("id_token", "nombre", "alcance", "creado", "caduca", "usado")
    columns: list[ColumnElement[Any]] = [tokens_personales.c[name] for name in names]
    columns.append((tokens_personales.c.caduca > now()).label("vale"))
    query = select(*columns).where(tokens_personales.c.id_cuenta == id_cuenta)
    return connection.execute(query.order_by(tokens_personales.c.id_token.desc())).all()


def revoke_token(connection: Connection, actor: Actor, id_cuenta: int, id_token: int) -> bool:
    """Revoke a token of the account; False where it has none of that number."""
    which = (tokens_personales.c.id_token == id_token, tokens_personales.c.id_cuenta == id_cuenta)
    revoked = connection.execute(delete(tokens_personales).where(*which)).rowcount == 1
    if revoked:
        owner = _owner(connection, id_cuenta)
        record(connection, actor, "token.revocar", owner, {"token": id_token})
    return revoked


def _owner(connection: Connection, id_cuenta: int) -> str:
    name: str = connection.scalars(
        select(cuentas.c.nombre).where(cuentas.c.id_cuenta == id_cuenta)
    ).one()
    return name
