"""From alerts to messages, and what became of these: the tables `mensajes` and `entregas`.

An alert that is due gets a row of `entregas` for each channel that the rules name (`plan`). What
waits for a channel goes into one message together (`gather`), whose text is then fixed; it is tried
until the other side has taken it. An alert that is over before anybody was told is told to nobody.
"""

import random
import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row

from API.app.alerts.channels import DeliveryError, Message
from API.app.alerts.rules import File, Incident, Rule, channels_for
from API.app.serial import serially
from createDB.postgresql.locks import Lock

PLANNED = 500
"""Alerts that are planned in one transaction."""

PATIENCE_MS = 5 * 60_000
"""How long an alert waits, at most, for a fleet to be judged anew, so that all go together."""

BEHIND_MS = 30_000
"""Reports that wait longer than this to be judged say that the judge is catching up."""

STUCK_MS = 60 * 60_000
"""After how long a message that is not taken no longer holds back the next one of its channel."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 600.0


class Due(NamedTuple):
    """A message that is to be tried now."""

    id_mensaje: int
    canal: str
    intentos: int
    message: Message


def something_to_do(
    connection: Connection, file: File | None, channels: Collection[str], now: int
) -> bool:
    """Tell whether `plan` or `gather` has something to do; asks, and changes nothing."""
    until = now - (1_000 * file.espera if file else 0)
    values = {"until": until, "patient": min(until, _patient(connection, file, now))}
    if connection.exec_driver_sql(_IS_DUE, values).scalar():
        return True
    return bool(file and _to_gather(connection, file, channels, now))


def plan(connection: Connection, file: File | None, now: int) -> bool:
    """Decide who is told of the alerts that there are; without a file, nobody is.

    Args:
        connection: in a transaction.
        file: of channels and rules.
        now: in milliseconds since 1970.

    Returns:
        whether there may be more: a few are done at a time, so that no report waits for long.
    """
    serially(connection, Lock.FOLLOWING)  # what is resolved meanwhile is not to be told as open
    patient = _patient(connection, file, now)
    opened = connection.exec_driver_sql(_OPENED, (patient, PLANNED)).all()
    rules: Sequence[Rule] = file.reglas if file else ()
    rows = [
        (row.id_alerta, "abierta", channel)
        for row in opened
        for channel in channels_for(rules, _incident(row))
    ]
    if rows:
        connection.exec_driver_sql(_DELIVER, rows)
    over = [(number,) for number in connection.exec_driver_sql(_CLOSED, (PLANNED,)).scalars()]
    if over:
        connection.exec_driver_sql(_DELIVER_END, over)
        connection.exec_driver_sql(_CANCEL, over)
    if done := [*over, *((row.id_alerta,) for row in opened)]:
        connection.exec_driver_sql(_PLANNED, done)
    return PLANNED in (len(opened), len(over))


def gather(connection: Connection, file: File, channels: Collection[str], now: int) -> None:
    """Put what waits for a channel into a message, where it is time for one.

    Args:
        connection: in a transaction.
        file: of channels and rules.
        channels: those that there are.
        now: in milliseconds since 1970.
    """
    for channel in _to_gather(connection, file, channels, now):
        values = (channel, str(uuid.uuid4()), now, now)
        number = connection.exec_driver_sql(_NEW, values).scalar_one()
        connection.exec_driver_sql(_TAKE, (number, channel))


def without_text(connection: Connection) -> Sequence[int]:
    """Number the messages whose text is not made yet."""
    return connection.exec_driver_sql(_WITHOUT_TEXT).scalars().all()


def fix_text(connection: Connection, id_mensaje: int, text: str) -> None:
    """Let a message say this from now on, on every attempt."""
    connection.exec_driver_sql(_FIX_TEXT, (text, id_mensaje))


def due(connection: Connection, channels: Collection[str], now: int) -> list[Due]:
    """Give the oldest message of each channel that is to be tried now."""
    found = []
    for channel in channels:
        row = connection.exec_driver_sql(_DUE, (channel, now)).first()
        if row:
            message = Message(row.clave, row.contenido)
            found.append(Due(row.id_mensaje, channel, row.intentos, message))
    return found


def delivered(connection: Connection, attempt: Due, now: int) -> None:
    """Note that a message was taken; whatever else waits for the channel is tried at once."""
    connection.exec_driver_sql(_DELIVERED, (now, attempt.id_mensaje))
    connection.exec_driver_sql(_AT_ONCE, (now, attempt.canal))


def failed(connection: Connection, attempt: Due, error: DeliveryError, now: int) -> None:
    """Note that a message was not taken, and when it is tried again."""
    wait = max(pause(attempt.intentos), error.retry_after)
    values = (error.reason, now + int(1_000 * wait), attempt.id_mensaje)
    connection.exec_driver_sql(_FAILED, values)


def pause(attempts: int) -> float:
    """Give the pause in seconds after one more failed attempt than `attempts`, with some chance."""
    whole = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts, 20))
    return whole * random.uniform(0.8, 1.0)  # noqa: S311 - so that not all come back at once


def retry(connection: Connection, now: int) -> int:
    """Have every message that waits tried at once; tell how many there are."""
    return connection.exec_driver_sql(_RETRY, (now,)).rowcount


def discard(connection: Connection, channel: str, now: int) -> tuple[int, int]:
    """Give up whatever waits for a channel.

    Returns:
        how many messages that were, and how many alerts that waited for one.
    """
    messages = connection.exec_driver_sql(_DISCARD, (now, channel)).rowcount
    alerts = connection.exec_driver_sql(_DISCARD_WAITING, (channel,)).rowcount
    return messages, alerts


def _to_gather(
    connection: Connection, file: File, channels: Collection[str], now: int
) -> list[str]:
    waiting = set(connection.exec_driver_sql(_WAITING).scalars())
    values = {"now": now, "cada": 1_000 * file.cada, "stuck": STUCK_MS}
    return [
        channel
        for channel in sorted(waiting.intersection(channels))
        if connection.exec_driver_sql(_IS_TIME, {"canal": channel, **values}).scalar()
    ]


def _patient(connection: Connection, file: File | None, now: int) -> int:
    """Tell up to which moment alerts of policies count: those after it wait for more of them.

    That is now, unless the judge judges much anew: a policy that changed, or what came long ago.
    """
    row = connection.exec_driver_sql(_BEHIND).one()
    behind = row.anew or (row.since is not None and row.since < now - BEHIND_MS)
    return now - PATIENCE_MS if file and behind else now


def _incident(row: Row[Any]) -> Incident:
    labels = msgspec.json.decode(row.etiquetas) if row.etiquetas else {}
    return Incident(row.tipo, row.severidad, row.id_politica, row.hostname, labels)


_IS_DUE = """
    SELECT EXISTS (SELECT 1 FROM alertas WHERE por_avisar = 'resuelta' AND resuelta <= :until)
        OR EXISTS (
            SELECT 1 FROM alertas WHERE por_avisar = 'abierta' AND abierta <= :until
            AND (abierta <= :patient OR num_politica IS NULL))
"""
"""Whoever waited long enough takes along what has come since."""
_OPENED = """
    SELECT al.id_alerta, al.tipo, al.severidad, a.hostname, a.etiquetas, o.id_politica
    FROM alertas al JOIN agentes a USING (num_agente) LEFT JOIN politicas o USING (num_politica)
    WHERE al.por_avisar = 'abierta' AND (al.abierta <= ? OR al.num_politica IS NULL)
    ORDER BY al.id_alerta LIMIT ?
"""
_CLOSED = """
    SELECT id_alerta FROM alertas WHERE por_avisar = 'resuelta' ORDER BY id_alerta LIMIT ?
"""
_DELIVER = "INSERT INTO entregas (id_alerta, que, canal) VALUES (?, ?, ?)"
_DELIVER_END = """
    INSERT INTO entregas (id_alerta, que, canal) SELECT e.id_alerta, 'resuelta', e.canal
    FROM entregas e JOIN mensajes m USING (id_mensaje)
    WHERE e.id_alerta = ? AND e.que = 'abierta' AND m.estado <> 'descartado'
"""
_CANCEL = "DELETE FROM entregas WHERE id_alerta = ? AND que = 'abierta' AND id_mensaje IS NULL"
_PLANNED = "UPDATE alertas SET por_avisar = NULL WHERE id_alerta = ?"
_WAITING = "SELECT DISTINCT canal FROM entregas WHERE id_mensaje IS NULL"
_IS_TIME = """
    SELECT NOT EXISTS (SELECT 1 FROM mensajes
            WHERE canal = :canal AND estado = 'espera' AND creado > :now - :stuck)
        AND EXISTS (
            SELECT 1 FROM entregas e JOIN alertas al USING (id_alerta)
            WHERE e.canal = :canal AND e.id_mensaje IS NULL
            AND (al.tipo, coalesce(al.num_politica, 0)) NOT IN (
                SELECT told.tipo, coalesce(told.num_politica, 0)
                FROM mensajes m JOIN entregas d USING (id_mensaje)
                    JOIN alertas told ON told.id_alerta = d.id_alerta
                WHERE m.canal = :canal AND m.creado > :now - :cada))
"""
"""No message waits, and of something that waits the channel was not told just now."""
_NEW = """
    INSERT INTO mensajes (canal, clave, contenido, creado, proximo) VALUES (?, ?, '', ?, ?)
    RETURNING id_mensaje
"""
_WITHOUT_TEXT = "SELECT id_mensaje FROM mensajes WHERE estado = 'espera' AND contenido = ''"
_FIX_TEXT = "UPDATE mensajes SET contenido = ? WHERE id_mensaje = ? AND contenido = ''"
_TAKE = "UPDATE entregas SET id_mensaje = ? WHERE canal = ? AND id_mensaje IS NULL"
_DUE = """
    SELECT id_mensaje, clave, contenido, intentos FROM mensajes
    WHERE estado = 'espera' AND canal = ? AND proximo <= ? AND contenido <> ''
    ORDER BY proximo, id_mensaje LIMIT 1
"""
_DELIVERED = """
    UPDATE mensajes SET estado = 'entregado', terminado = ?, intentos = intentos + 1, error = NULL
    WHERE id_mensaje = ? AND estado = 'espera'
"""
_AT_ONCE = "UPDATE mensajes SET proximo = ? WHERE canal = ? AND estado = 'espera'"
_FAILED = """
    UPDATE mensajes SET intentos = intentos + 1, error = ?, proximo = ?
    WHERE id_mensaje = ? AND estado = 'espera'
"""
_RETRY = "UPDATE mensajes SET proximo = ? WHERE estado = 'espera'"
_DISCARD = """
    UPDATE mensajes SET estado = 'descartado', terminado = ?
    WHERE canal = ? AND estado = 'espera'
"""
_DISCARD_WAITING = "DELETE FROM entregas WHERE canal = ? AND id_mensaje IS NULL"
_BEHIND = """
    SELECT EXISTS (SELECT 1 FROM politicas WHERE vigente = 1 AND repaso IS NOT NULL) AS anew,
        (SELECT (julianday(recibido) - 2440587.5) * 86400000 FROM servers
         WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
         ORDER BY id_serv LIMIT 1) AS since
"""
