"""The table `sesiones`: who is logged in. They end by themselves, and at once when told to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from API.app.accounts.credentials import fingerprint, new_secret, now
from API.app.accounts.roles import Role
from API.app.audit import Actor, record
from createDB.schema import cuentas, sesiones

IDLE = timedelta(hours=1)
"""How long a session lasts that nobody uses."""

LONGEST = timedelta(hours=12)
"""How long a session lasts, however much it is used."""

PRECISION = timedelta(minutes=1)
"""How exactly it is known when a session was last used: not every request writes."""

MAX_PROGRAM = 200


class Session(NamedTuple):
    """A session that is good now, and whose it is."""

    id_sesion: int
    id_cuenta: int
    nombre: str
    rol: Role
    usada: datetime


def open_session(connection: Connection, actor: Actor, id_cuenta: int, program: str | None) -> str:
    """Log an account in; give what its cookie is to hold."""
    moment = now()
    connection.execute(delete(sesiones).where(_over(moment)))
    secret = new_secret("sesion")
    values = {"id_cuenta": id_cuenta, "huella": fingerprint(secret), "creada": moment,
              "usada": moment, "desde": actor.origin,
              "programa": program[:MAX_PROGRAM] if program else None}  # fmt: skip
    connection.execute(insert(sesiones).values(values))
    record(connection, actor, "sesion.abrir", actor.name)
    return secret


def find_session(connection: Connection, secret: str) -> Session | None:
    """Give the session that a cookie holds, unless it has ended or its account may not come in."""
    columns = (sesiones.c.id_sesion, sesiones.c.id_cuenta, cuentas.c.nombre, cuentas.c.rol,
               sesiones.c.usada)  # fmt: skip
    query = select(*columns).join(cuentas).where(
        sesiones.c.huella == fingerprint(secret), ~_over(now()), cuentas.c.activa == 1
    )  # fmt: skip
    row = connection.execute(query).one_or_none()
    return Session(*row)._replace(rol=Role(row.rol)) if row else None


def is_stale(session: Session) -> bool:
    """Tell whether it is time to note that a session is used."""
    return now() - session.usada > PRECISION


def note_use(connection: Connection, session: Session) -> None:
    """Note that a session is used now."""
    which = sesiones.c.id_sesion == session.id_sesion
    connection.execute(update(sesiones).where(which).values(usada=now()))


def sessions_of(connection: Connection, id_cuenta: int) -> Sequence[Row[Any]]:
    """Give the sessions of an account that are good now, the newest first."""
    columns = [sesiones.c[name] for name in ("id_sesion", "creada", "usada", "desde", "programa")]
    query = select(*columns).where(sesiones.c.id_cuenta == id_cuenta, ~_over(now()))
    return connection.execute(query.order_by(sesiones.c.id_sesion.desc())).all()


def end_session(connection: Connection, actor: Actor, id_cuenta: int, id_sesion: int) -> bool:
    """End a session of the account; False where it has none of that number."""
    which = and_(sesiones.c.id_sesion == id_sesion, sesiones.c.id_cuenta == id_cuenta)
    ended = connection.execute(delete(sesiones).where(which)).rowcount == 1
    if ended:
        record(connection, actor, "sesion.cerrar", actor.name)
    return ended


def _over(moment: datetime) -> ColumnElement[bool]:
    return or_(sesiones.c.usada < moment - IDLE, sesiones.c.creada < moment - LONGEST)
