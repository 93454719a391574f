"""A fleet with a past in which there is something of everything that can be asked for."""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from API.app.accounts.credentials import fingerprint
from bench.history import Size, history_database
from createDB.schema import OPEN
from createDB.views import Layout

HOUR = 3_600_000
SERVERS, DAYS = 4, 1
SPACES = "a\tb\u00a0\u200b"
NAMES = ("Ñandú", "zeta", "Zeta", "=1+1", "100%", "a_b\\c", "\U0001f600 ok", SPACES, "")
FIRST_AGENT = "00000000-0000-4000-8000-000000000002"
SESSION = "sesion-de-ana"
"""What the cookie of an administrator holds."""
VERDICTS = ("cumple", "no_cumple", "sin_datos", "no_aplica")
SEVERITIES = ("critica", "alta", "media", "baja")


def lifelike(folder: Path, layout: Layout) -> Path:
    """Make the database; the same one each time, but for when it ends: now."""
    path = history_database(folder, Size(SERVERS, DAYS, layout))
    with closing(sqlite3.connect(path)) as database:
        chance = random.Random(1)
        [(now,)] = database.execute("SELECT max(momento) FROM servers")
        for table, rows in (
            *_agents(now), *_labels(now), *_policies(), *_verdicts(now, chance),
            *_exceptions(now), *_alerts(now), *_trail(now), *_people(),
        ):  # fmt: skip
            for row in rows:
                marks = ", ".join("?" * len(row))
                names = ", ".join(row)
                insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
                database.execute(insert, tuple(row.values()))
        for statement, values in (*_changes(now), *_sessions(now, layout)):
            database.execute(statement, values)
        database.commit()
    return path


Rows = Iterator[tuple[str, Iterator[dict[str, Any]] | list[dict[str, Any]]]]


def _text(milliseconds: int, microseconds: int = 0) -> str:
    moment = datetime.fromtimestamp(milliseconds // 1_000, UTC).replace(tzinfo=None)
    return moment.replace(microsecond=microseconds).isoformat(" ", "microseconds")


def _identity(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def _agents(now: int) -> Rows:
    """Servers that never reported, were retired, paused, revoked; clones, tokens."""
    states = ("activo", "pausado", "retirado", "revocado")
    yield "agentes", [
        {"num_agente": 100 + place, "id_agente": _identity(place), "estado": state,
         "hostname": None if place % 2 else f"web-{place}", "siguiente": 0,
         "clon_de": _identity(place - 1) if place == 3 else None,
         "clon_visto": _text(now - HOUR, 250) if place == 3 else None,
         "ultimo_reporte": _text(now - 40 * 24 * HOUR) if place == 1 else None,
         "rotacion": 24 if place == 2 else None, "version_agente": "0.1.0" if place else None,
         "etiquetas": json.dumps({"entorno": "pruebas"}) if place > 1 else None}
        for place, state in enumerate(states)
    ]  # fmt: skip
    yield (
        "credenciales",
        [
            {"hash": f"{number:064}", "num_agente": number, "desde": _text(now - number * HOUR)}
            for number in (1, 2, 100, 101)
        ],
    )


def _labels(now: int) -> Rows:
    """Names that are hard to order and to match, and what has no value."""
    yield "hechos", [
        {"id_hecho": 10_000 + place, "campo": "procesos", "nombre": name or "vacío",
         "valor": None if place % 2 else name}
        for place, name in enumerate(NAMES)
    ]  # fmt: skip
    yield (
        "hechos",
        [
            {"id_hecho": 10_100, "campo": "procesos", "nombre": "Ñandú", "valor": None},
            {"id_hecho": 10_101, "campo": "procesos", "nombre": "Ñandú", "valor": "ana"},
        ],
    )
    numbers = [10_000 + place for place in range(len(NAMES))] + [10_100, 10_101]
    yield "periodos", [
        {"num_agente": 1 + number % 2, "id_hecho": number, "pid": 77 if number % 3 else -1,
         "desde": now - 5 * HOUR, "hasta": now - 3 * HOUR if number % 2 else OPEN, "veces": 1,
         "numero": number, "inicio": None, "propio": 0}
        for number in numbers
    ]  # fmt: skip
    yield "presencias", [{"id_hecho": number, "num_agente": 1 + number % 2} for number in numbers]
    yield "momentos", [
        {"momento": now - hours * HOUR, "num_agente": number}
        for hours in (5, 3) for number in (1, 2)
    ]  # fmt: skip


def _policies() -> Rows:
    yield "politicas", [
        {"num_politica": number, "id_politica": f"politica-{number}", "titulo": f"Título {number}",
         "severidad": SEVERITIES[number % 4], "huella": "x", "vigente": int(number != 5),
         "documento": json.dumps({"requiere": ["procesos"]}), "repaso": 2 if number == 3 else None}
        for number in range(1, 7)
    ]  # fmt: skip


def _verdicts(now: int, chance: random.Random) -> Rows:
    for server in (*range(1, SERVERS + 1), 102):
        for policy in range(1, 7):
            begin, rows = now - DAYS * 24 * HOUR, []
            while begin < now:
                end = begin + chance.randrange(HOUR, 20 * HOUR)
                verdict = chance.choice(VERDICTS)
                evidence = json.dumps([{"name": chance.choice(NAMES), "pid": 1}])
                rows.append({
                    "num_agente": server, "num_politica": policy, "desde": begin,
                    "hasta": end if end < now else OPEN, "veredicto": verdict,
                    "evidencia": evidence if verdict == "no_cumple" else None,
                    "evidencia_ultima": "[]" if policy == 1 else None,
                    "razon": "sin procesos" if verdict == "sin_datos" else None,
                })  # fmt: skip
                begin = end
            yield "cumplimiento", rows
    yield "avance", [{"que": "juzgado", "hasta": 1_000}]


def _exceptions(now: int) -> Rows:
    whom = [(None, "entorno", "produccion"), (1, None, None), (2, None, None), (None, "rol", None)]
    yield "excepciones", [
        {"num_politica": 1 + number % 6, "num_agente": server, "etiqueta": label, "valor": value,
         "motivo": f'"Raro" \\ {NAMES[number % len(NAMES)]}\n', "quien": "ana",
         "desde": now - (20 - number) * HOUR, "hasta": now + (number - 8) * 5 * HOUR,
         "terminada": now - HOUR if number == 11 else None}
        for number, (server, label, value) in enumerate(whom * 4)
    ]  # fmt: skip


def _alerts(now: int) -> Rows:
    kinds = ("incumplimiento", "silencio", "servidor_nuevo", "clon", "regreso")
    yield "alertas", [
        {"id_alerta": number, "tipo": kinds[number % 5], "num_agente": 1 + number % SERVERS,
         "num_politica": 1 + number % 6 if number % 5 == 0 else None,
         "severidad": SEVERITIES[number % 4], "desde": now - number * HOUR,
         "abierta": now - number * HOUR, "evidencia": '[{"pid":1}]' if number % 2 else None,
         "resuelta": now if number % 3 else None, "resolucion": "cumple" if number % 3 else None,
         "por_avisar": "abierta" if number == 24 else None}
        for number in range(1, 25)
    ]  # fmt: skip
    yield "mensajes", [
        {"id_mensaje": number, "canal": f"canal-{number % 2}", "clave": _identity(number),
         "contenido": "{}", "creado": now - number * HOUR, "intentos": number,
         "proximo": now + number, "error": "no contesta" if number == 1 else None,
         "estado": ("espera", "entregado", "descartado")[number % 3],
         "terminado": now if number % 3 else None}
        for number in range(1, 7)
    ]  # fmt: skip
    yield "entregas", [
        {"id_alerta": number, "que": "abierta", "canal": f"canal-{number % 2}",
         "id_mensaje": None if number > 12 else 1 + number % 6}
        for number in range(1, 20)
    ]  # fmt: skip


def _trail(now: int) -> Rows:
    actions = ("agente.retirar", "agente.reanudar", "agente.etiquetar", "cuenta.crear")
    yield "auditoria", [
        {"momento": _text(now - (40 - number) * HOUR, number % 8 * 125_000),
         "quien": "ana" if number % 3 else "luis",
         "desde": "terminal" if number % 2 else "10.0.0.1",
         "accion": actions[number % 4], "objeto": _identity(2) if number % 5 else None,
         "detalle": json.dumps({"entorno": "pruebas"}) if number % 4 == 2 else None}
        for number in range(30)
    ]  # fmt: skip


def _people() -> Rows:
    """An administrator who is logged in, with a token."""
    made = datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    yield "cuentas", [
        {"id_cuenta": 1, "nombre": "ana", "rol": "administrador", "clave": "x", "activa": 1,
         "creada": made, "clave_desde": made}
    ]  # fmt: skip
    yield "sesiones", [
        {"id_cuenta": 1, "huella": fingerprint(SESSION), "creada": made, "usada": made,
         "desde": "127.0.0.1", "programa": "Mozilla"}
    ]  # fmt: skip
    yield "tokens_personales", [
        {"id_cuenta": 1, "nombre": "copias", "alcance": "lector", "huella": fingerprint("otro"),
         "creado": made, "caduca": made.replace("20", "21", 1)}
    ]  # fmt: skip


def _sessions(now: int, layout: Layout) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Two people who are logged in since 100 minutes before the last report."""
    since = now - 100 * HOUR // 60
    period = """INSERT INTO periodos
        (num_agente, id_hecho, pid, desde, hasta, veces, numero, propio)
        VALUES (?, ?, ?, ?, ?, 1, ?, 0)"""
    rows = """INSERT INTO usuarios_activos (id_serv, ip_server, fecha_hora, username, pid)
        SELECT id_serv, ipaddress, fecha_hora, ?, nullif(?, -1) FROM servers
        WHERE num_agente = ? AND momento >= ?"""
    for label, name, server, pid in ((10_200, "Ángela", 1, 901), (10_201, "Ñandú", 4, -1)):
        yield "INSERT INTO hechos VALUES (?, 'usuarios_activos', ?, NULL)", (label, name)
        yield "INSERT INTO presencias (id_hecho, num_agente) VALUES (?, ?)", (label, server)
        yield period, (server, label, pid, since, OPEN, label)
        if layout is Layout.COMPLETO:  # in the other one this is a view
            yield rows, (name, pid, server, since)


def _changes(now: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    labels = "UPDATE agentes SET etiquetas = ? WHERE num_agente = ?"
    yield labels, (json.dumps({"entorno": "produccion", "rol": "web"}), 1)
    yield labels, (json.dumps({"entorno": "produccion", "rol": 'a"b:c'}), 2)
    yield "UPDATE agentes SET hostname = NULL, intervalo = NULL WHERE num_agente = 3", ()
    yield "UPDATE servers SET hostname = NULL, nucleo = 'Ñ_%' WHERE num_agente = 3", ()
    slow = "strftime('%Y-%m-%d %H:%M:%f000', momento / 1000.0 + num_agente, 'unixepoch')"
    yield f"UPDATE servers SET recibido = {slow}", ()  # noqa: S608 - a text of ours
    # Whole seconds: SQLite's julianday may lose a millisecond of others.
    for number, hours in ((1, 60), (2, 90), (3, 5), (4, 26)):
        first = "UPDATE agentes SET primer_reporte = ? WHERE num_agente = ?"
        yield first, (_text(now - hours * HOUR), number)
    out = "INSERT INTO auditoria (momento, quien, desde, accion, objeto) SELECT ?, 'ana', '::1', ?"
    for minutes, action in ((90, "agente.retirar"), (60, "agente.volver")):
        moment = _text(now - minutes * HOUR // 60)
        yield f"{out}, id_agente FROM agentes WHERE num_agente = 2", (moment, action)
    errors = json.dumps({"usuarios_activos": "no se pudo"})
    yield "UPDATE servers SET errores = ? WHERE num_agente = 4 AND id_serv % 3 = 0", (errors,)
