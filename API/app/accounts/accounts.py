"""The table `cuentas`: made, listed and changed here, each change with its entry in the audit."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from API.app.accounts.credentials import now
from API.app.accounts.passwords import hashed, require_strong
from API.app.accounts.roles import Role
from API.app.audit import Actor, record
from API.app.serial import serially
from API.app.words import SpokenError
from createDB.postgresql.locks import Lock
from createDB.schema import cuentas, sesiones, tokens_personales

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


class Account(NamedTuple):
    """Somebody who may come in."""

    id_cuenta: int
    nombre: str
    rol: Role
    activa: bool
    creada: datetime
    clave_desde: datetime


_COLUMNS = [cuentas.c[name] for name in Account._fields]


def create(connection: Connection, actor: Actor, name: str, role: Role, password: str) -> Account:
    """Make an account.

    Raises:
        SpokenError: the name is taken, or no name, or the password not good enough.
    """
    if not _NAME.fullmatch(name):
        raise SpokenError("account_name", name=name)
    require_strong(password, name)
    moment = now()
    values = {"nombre": name, "rol": role, "clave": hashed(password), "activa": 1,
              "creada": moment, "clave_desde": moment}  # fmt: skip
    try:
        connection.execute(insert(cuentas).values(values))
    except IntegrityError:
        raise SpokenError("account_taken", name=name) from None
    record(connection, actor, "cuenta.crear", name, {"rol": role})
    return named(connection, name)


def listed(connection: Connection) -> Sequence[Account]:
    """Give every account, by name."""
    rows = connection.execute(select(*_COLUMNS).order_by(cuentas.c.nombre))
    return [_account(row) for row in rows]


def named(connection: Connection, name: str) -> Account:
    """Give the account `name`.

    Raises:
        SpokenError: there is none.
    """
    row = connection.execute(select(*_COLUMNS).where(cuentas.c.nombre == name)).one_or_none()
    if row is None:
        raise SpokenError("account_unknown", name=name)
    return _account(row)


def set_role(connection: Connection, actor: Actor, account: Account, role: Role) -> None:
    """Give an account another role, from its next request on.

    Raises:
        SpokenError: nobody would be left who may say who comes in.
    """
    if role is not Role.ADMINISTRADOR:
        _require_another_administrator(connection, account)
    _change(connection, account, rol=role)
    record(connection, actor, "cuenta.rol", account.nombre, {"antes": account.rol, "ahora": role})


def set_password(
    connection: Connection,
    actor: Actor,
    account: Account,
    password: str,
    keep_session: int | None = None,
) -> None:
    """Give an account another password, and end its sessions but for `keep_session`.

    Raises:
        SpokenError: it is not good enough.
    """
    require_strong(password, account.nombre)
    _change(connection, account, clave=hashed(password), clave_desde=now())
    _end_sessions(connection, account, keep_session)
    record(connection, actor, "cuenta.clave", account.nombre)


def disable(connection: Connection, actor: Actor, account: Account) -> None:
    """Let an account in no more, from its next request on: its sessions and tokens are gone.

    Raises:
        SpokenError: nobody would be left who may say who comes in.
    """
    _require_another_administrator(connection, account)
    _change(connection, account, activa=0)
    _end_sessions(connection, account)
    whose = tokens_personales.c.id_cuenta == account.id_cuenta
    connection.execute(delete(tokens_personales).where(whose))
    record(connection, actor, "cuenta.desactivar", account.nombre)


def enable(connection: Connection, actor: Actor, account: Account) -> None:
    """Let an account in again, with the password that it had."""
    _change(connection, account, activa=1)
    record(connection, actor, "cuenta.activar", account.nombre)


def _account(row: Any) -> Account:
    return Account(*row)._replace(rol=Role(row.rol), activa=bool(row.activa))


def _change(connection: Connection, account: Account, **values: object) -> None:
    whose = cuentas.c.id_cuenta == account.id_cuenta
    connection.execute(update(cuentas).where(whose).values(values))


def _end_sessions(connection: Connection, account: Account, keep: int | None = None) -> None:
    whose = sesiones.c.id_cuenta == account.id_cuenta
    connection.execute(delete(sesiones).where(whose, sesiones.c.id_sesion.is_distinct_from(keep)))


def _require_another_administrator(connection: Connection, account: Account) -> None:
    serially(connection, Lock.ACCOUNTS)
    account = named(connection, account.nombre)  # as whoever came before left it
    others = select(func.count()).where(
        cuentas.c.rol == Role.ADMINISTRADOR,
        cuentas.c.activa == 1,
        cuentas.c.id_cuenta != account.id_cuenta,
    )
    if account.rol is Role.ADMINISTRADOR and account.activa and not connection.scalar(others):
        raise SpokenError("last_administrator", name=account.nombre)
