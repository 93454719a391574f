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
from API.app.alerts.contents import contents_of
from API.app.alerts.rules import File, Incident, Rule, channels_for

PLANNED = 2_000
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
    opened, over = _to_plan(connection, file, now, 1)
    return bool(opened or over) or bool(file and _to_gather(connection, file, channels, now))


def plan(connection: Connection, file: File | None, now: int) -> None:
    """Decide of alerts that are due who is told; without a file, nobody is.

    Args:
        connection: in a transaction.
        file: of channels and rules.
        now: in milliseconds since 1970.
    """
    opened, over = _to_plan(connection, file, now, PLANNED)
    rules: Sequence[Rule] = file.reglas if file else ()
    rows = [
        (row.id_alerta, "abierta", channel)
        for row in opened
        for channel in channels_for(rules, _incident(row))
    ]
    if rows:
        connection.exec_driver_sql(_DELIVER, rows)
    if opened:
        connection.exec_driver_sql(_PLANNED, [(row.id_alerta,) for row in opened])
    for number in over:
        connection.exec_driver_sql(_DELIVER_END, (number,))
        connection.exec_driver_sql(_CANCEL, (number,))
        connection.exec_driver_sql(_PLANNED, (number,))


def gather(connection: Connection, file: File, channels: Collection[str], now: int) -> None:
    """Put what waits for a channel into a message, where it is time for one.

    Args:
        connection: in a transaction.
        file: of channels and rules.
        channels: those that there are.
        now: in milliseconds since 1970.
    """
    for channel in _to_gather(connection, file, channels, now):
        _gather(connection, file, channel, now)


def _to_plan(
    connection: Connection, file: File | None, now: int, most: int
) -> tuple[Sequence[Row[Any]], Sequence[int]]:
    """Give some alerts that are due, and the numbers of some that are over."""
    until = now - (1_000 * file.espera if file else 0)
    opened = connection.exec_driver_sql(_OPENED, (until, most)).all()
    if opened and file and _catches_up(connection, now):
        patient = now - PATIENCE_MS
        opened = [row for row in opened if row.abierta <= patient or row.id_politica is None]
    return opened, connection.exec_driver_sql(_CLOSED, (until, most)).scalars().all()


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


def _gather(connection: Connection, file: File, channel: str, now: int) -> None:
    key = str(uuid.uuid4())
    number: int = connection.exec_driver_sql(_NEW, (channel, key, now, now)).scalar_one()
    connection.exec_driver_sql(_TAKE, (number, channel))
    link = file.enlace.rstrip("/") if file.enlace else None
    text = contents_of(connection, number, key, now, link)
    connection.exec_driver_sql("UPDATE mensajes SET contenido = ? WHERE id_mensaje = ?",
                               (text, number))  # fmt: skip


def _catches_up(connection: Connection, now: int) -> bool:
    """Tell whether the judge judges much anew: a policy that changed, or what came long ago."""
    row = connection.exec_driver_sql(_BEHIND).one()
    return bool(row.anew) or (row.since is not None and row.since < now - BEHIND_MS)


def _incident(row: Row[Any]) -> Incident:
    labels = msgspec.json.decode(row.etiquetas) if row.etiquetas else {}
    return Incident(row.tipo, row.severidad, row.id_politica, row.hostname, labels)


_OPENED = """
    SELECT al.id_alerta, al.tipo, al.severidad, al.abierta, a.hostname, a.etiquetas,
        o.id_politica
    FROM alertas al JOIN agentes a USING (num_agente) LEFT JOIN politicas o USING (num_politica)
    WHERE al.por_avisar = 'abierta' AND al.abierta <= ? ORDER BY al.id_alerta LIMIT ?
"""
_CLOSED = """
    SELECT id_alerta FROM alertas WHERE por_avisar = 'resuelta' AND resuelta <= ?
    ORDER BY id_alerta LIMIT ?
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
_TAKE = "UPDATE entregas SET id_mensaje = ? WHERE canal = ? AND id_mensaje IS NULL"
_DUE = """
    SELECT id_mensaje, clave, contenido, intentos FROM mensajes
    WHERE estado = 'espera' AND canal = ? AND proximo <= ? ORDER BY proximo, id_mensaje LIMIT 1
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
    SELECT EXISTS (SELECT 1 FROM politicas WHERE vigente AND repaso IS NOT NULL) AS anew,
        (SELECT (julianday(recibido) - 2440587.5) * 86400000 FROM servers
         WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
         ORDER BY id_serv LIMIT 1) AS since
"""
