"""`init_app.py alerts`: what waits to be told and why, whether channels work, what rules say."""

import argparse
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from API.app.alerts import outbox
from API.app.alerts.channels import Channel, DeliveryError, Message
from API.app.alerts.file import Alerting, read_file
from API.app.alerts.rules import Rule
from API.app.audit import operator, record
from API.app.commands.tables import in_columns, minute, one_line
from API.app.commands.writing import writing
from API.app.queries.alertas import open_counts, undecided, waiting
from API.app.queries.times import from_ms, now_ms
from API.app.settings import Settings, SettingsError
from createDB.engine import open_engine
from createDB.state import ready
from createDB.words import counted

COLUMNS = ("CANAL", "MENSAJES", "ALERTAS", "DESDE", "INTENTOS", "PRÓXIMO", "ÚLTIMO ERROR")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACCIÓN")
    actions.add_parser("list", help="qué espera, desde cuándo y por qué (también sin ACCIÓN)")
    actions.add_parser("check", help="revisa el archivo de canales y reglas, y dice qué entiende")
    test = actions.add_parser("test", help="manda un mensaje de prueba a cada canal")
    test.add_argument("channels", metavar="CANAL", nargs="*", help="sólo a éstos")
    actions.add_parser("retry", help="vuelve a intentarlo todo ahora, sin esperar a la pausa")
    discard = actions.add_parser("discard", help="renuncia a lo que espera por un canal")
    discard.add_argument("channel", metavar="CANAL")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked for."""
    actions: dict[str | None, Callable[[Settings, argparse.Namespace], int]] = {
        "check": _check,
        "test": _test,
        "retry": _retry,
        "discard": _discard,
    }
    return actions.get(options.action, _list)(settings, options)


def _list(settings: Settings, _options: argparse.Namespace) -> int:
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        with engine.connect() as connection:
            lines = list(_state(connection))
    finally:
        engine.dispose()
    if settings.alerts is None:
        lines.append("No se avisa a nadie: falta [alertas] archivo.")
    print("\n".join(lines))
    return 0


def _state(connection: Connection) -> Iterable[str]:
    counts = open_counts(connection)
    yield "abiertas: " + ", ".join(f"{n} {severity}" for severity, n in counts.items())
    found = waiting(connection)
    if new := undecided(connection):
        yield f"recién llegadas, aún sin repartir: {new}"
    if not found:
        yield "No espera nada: todo se ha entregado."
        return
    yield from in_columns(COLUMNS, map(_cells, found))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    cells = (row["canal"], str(row["mensajes"]), str(row["alertas"]), minute(row["desde"]),
             str(row["intentos"]), minute(row["proximo"]), row["error"] or "")  # fmt: skip
    return tuple(map(one_line, cells))


def _check(settings: Settings, _options: argparse.Namespace) -> int:
    path = _path(settings)
    alerting = read_file(path)
    print(f"{path}: bien")
    for name, channel in alerting.channels.items():
        print(f"canal {name}: {channel.shown}")
    for rule in alerting.file.reglas:
        print(f"regla: {_in_words(rule)} -> {', '.join(rule.canales)}")
    unused = alerting.channels.keys() - {c for rule in alerting.file.reglas for c in rule.canales}
    for name in sorted(unused):
        print(f"ninguna regla nombra el canal {name}")
    return 0


def _in_words(rule: Rule) -> str:
    parts = [
        f"tipos {', '.join(rule.tipos)}" if rule.tipos else "",
        f"severidad {rule.severidad} o mayor" if rule.severidad else "",
        f"políticas {', '.join(rule.politicas)}" if rule.politicas else "",
        f"servidores {', '.join(rule.servidores)}" if rule.servidores else "",
        ", ".join(f"etiqueta {name}:{value}" for name, value in rule.etiquetas.items()),
    ]
    return "; ".join(filter(None, parts)) or "todo"


def _test(settings: Settings, options: argparse.Namespace) -> int:
    alerting = read_file(_path(settings))
    names = options.channels or list(alerting.channels)
    unknown = [name for name in names if name not in alerting.channels]
    if unknown:
        known = ", ".join(alerting.channels)
        raise SettingsError(f"no hay ningún canal {unknown[0]!r}; hay {known}")
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: _try(alerting.channels[name], alerting), names))
    for name, (answer, _) in zip(names, answers, strict=True):
        print(one_line(f"{name}: {answer}"))
    with writing(settings) as connection:
        record(connection, operator(), "alertas.probar", ", ".join(names))
    return 0 if all(well for _, well in answers) else 1


def _try(channel: Channel, alerting: Alerting) -> tuple[str, bool]:
    key = str(uuid.uuid4())
    document: dict[str, Any] = {
        "mensaje": key,
        "creado": from_ms(now_ms()),
        "resumen": "Prueba de las alertas: este canal funciona",
        "enlace": alerting.file.enlace,
        "prueba": True,
        "total": 0,
        "omitidas": 0,
        "grupos": [],
        "alertas": [],
    }
    try:
        return channel.send(Message(key, msgspec.json.encode(document).decode())), True
    except DeliveryError as error:
        return f"FALLA: {error.reason}", False


def _retry(settings: Settings, _options: argparse.Namespace) -> int:
    with writing(settings) as connection:
        count = outbox.retry(connection, now_ms())
        record(connection, operator(), "alertas.reintentar", detail={"mensajes": count})
    print(f"mensajes que se vuelven a intentar: {count}")
    return 0


def _discard(settings: Settings, options: argparse.Namespace) -> int:
    with writing(settings) as connection:
        messages, alerts = outbox.discard(connection, options.channel, now_ms())
        detail = {"mensajes": messages, "alertas": alerts}
        record(connection, operator(), "alertas.descartar", options.channel, detail)
    waited = counted(alerts, "alerta que esperaba uno", "alertas que esperaban uno")
    gone = counted(messages, "mensaje descartado", "mensajes descartados")
    print(one_line(f"{options.channel}: {gone}, y {waited}"))
    return 0


def _path(settings: Settings) -> Path:
    if settings.alerts is None:
        raise SettingsError("falta [alertas] archivo en config.ini (o --alertas)")
    return settings.alerts
