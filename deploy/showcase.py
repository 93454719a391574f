"""A fleet to show: a month of 36 servers, the same each time but for when it ends."""

import http.client
import json
import random
import sqlite3
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

SEED = 20_261_120
DAYS = 30
INTERVAL_S = 300
JUDGED_S = 60

SYSTEMS = (
    ("debian", "13", "6.12.41+deb13-amd64"),
    ("debian", "12", "6.1.0-23-amd64"),
    ("ubuntu", "24.04", "6.8.0-40-generic"),
    ("almalinux", "9", "5.14.0-503.el9"),
)
BASE = (
    ("systemd", "root"), ("systemd-journald", "root"), ("rsyslogd", "syslog"), ("auditd", "root"),
    ("chronyd", "_chrony"), ("sshd", "root"), ("cron", "root"), ("clamd", "clamav"),
)  # fmt: skip
ROLES = {
    "web": (("nginx", "www-data"), ("gunicorn", "app"), ("gunicorn", "app")),
    "db": (("postgres", "postgres"), ("pgbouncer", "postgres")),
    "cache": (("redis-server", "redis"),),
    "cola": (("beam.smp", "rabbitmq"),),
    "lotes": (("python3", "lotes"), ("celery", "lotes")),
}


class Fault(NamedTuple):
    """What is wrong with a server for some days."""

    server: int
    since: float
    """How many days ago it began."""
    until: float = 0
    """And ended; 0: it has not."""
    adds: tuple[str, str] | None = None
    removes: str = ""


MINING = 3
FAULTS = (
    Fault(MINING, 0.02, adds=("xmrig", "www-data")),
    Fault(7, 6.5, adds=("in.telnetd", "root")),
    Fault(11, 12, 3, adds=("in.telnetd", "root")),
    Fault(12, 9, removes="auditd"),
    Fault(17, 20, 8, removes="auditd"),
    Fault(18, 2.2, removes="clamd"),
    Fault(21, 24, 15, removes="rsyslogd"),
    Fault(22, 26, 11, removes="clamd"),
    Fault(25, 4, adds=("postgres", "root")),
    Fault(26, 16, 9, adds=("tcpdump", "root")),
    Fault(29, 28, 19, removes="chronyd"),
    Fault(30, 1.1, adds=("tcpdump", "root")),
    Fault(33, 22, 13, adds=("vncserver", "oper")),
)
A_MOMENT = 1e-6
"""Days, within which two moments are one."""
SILENT = {14: timedelta(hours=2, minutes=10), 31: timedelta(minutes=12)}
"""Servers that have not reported for so long."""
PAUSED = 34


def send_history(port: int, end: datetime) -> None:
    """Have the fleet report a month to the collector on `port`, each at the moments that matter."""
    client = http.client.HTTPConnection("127.0.0.1", port)
    reports = [_report(number, at, end) for number in range(36) for at in _moments(number, end)]
    for report in sorted(reports, key=lambda report: str(report["fecha_hora"])):
        body = json.dumps(report).encode()
        client.request("POST", "/servers", body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        if answer.read() and answer.status != http.client.CREATED:
            raise SystemExit(f"a report was answered {answer.status}")


def age(database: Path) -> None:
    """Wait until all is judged; then have the fleet be known for a month, and some be silent."""
    deadline = time.monotonic() + JUDGED_S
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        while connection.execute(_LEFT).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise SystemExit("the reports are not judged in time")
            time.sleep(0.1)
        connection.execute(_KNOWN_SINCE, (f"-{DAYS + 1} days",))
        for number in range(36):
            labels = {"entorno": _environment(number), "rol": _role(number)}
            connection.execute(_LABELS, (json.dumps(labels), _hostname(number)))
            ago = SILENT.get(number, timedelta(seconds=number * 7))
            gone = f"-{ago.total_seconds():.0f} seconds"
            connection.execute(_LAST_REPORT, (gone, _hostname(number)))
        connection.execute(_PAUSE, (_hostname(PAUSED),))


def identity(number: int) -> uuid.UUID:
    """Give the identity of a server."""
    chance = random.Random(SEED - number)  # noqa: S311 - a fleet to show, no secret
    return uuid.UUID(int=chance.getrandbits(128), version=4)


def _moments(number: int, end: datetime) -> list[datetime]:
    days = {float(DAYS), 0.0}
    for fault in FAULTS:
        if fault.server == number:
            days |= {fault.since, fault.until}
    latest = timedelta(seconds=number * 7)
    return [end - timedelta(days=ago) - latest for ago in days]


def _report(number: int, at: datetime, end: datetime) -> dict[str, Any]:
    chance = random.Random(SEED + number)  # noqa: S311 - a fleet to show, no secret
    distribution, version, kernel = SYSTEMS[chance.randrange(len(SYSTEMS))]
    own = identity(number)
    return {
        "arquitectura_proc": "X86_64",
        "marca_proc": "AMD EPYC 7763 64-Core Processor",
        "nombre_so": "Linux",
        "version_so": "#1 SMP PREEMPT_DYNAMIC",
        "ipaddress": f"10.{20 + number % 3}.{number // 6}.{10 + number}",
        "fecha_hora": at.isoformat(),
        "id_agente": str(own),
        "id_reporte": str(uuid.uuid5(own, at.isoformat())),
        "hostname": _hostname(number),
        "distribucion": distribution,
        "version_distribucion": version,
        "nucleo": kernel,
        "id_arranque": str(uuid.uuid5(own, "arranque")),
        "intervalo": float(INTERVAL_S),
        "version_agente": "0.1.0",
        "procesos": _processes(number, (end - at) / timedelta(days=1) - number * 7 / 86_400),
        "usuarios_activos": [],
    }


def _processes(number: int, ago: float) -> list[dict[str, Any]]:
    faults = [
        fault for fault in FAULTS
        if fault.server == number and (fault.until or -1) + A_MOMENT < ago <= fault.since + A_MOMENT
    ]  # fmt: skip
    there = [*BASE, *ROLES[_role(number)], *(fault.adds for fault in faults if fault.adds)]
    gone = {fault.removes for fault in faults}
    return [
        {"pid": 1 + 37 * place, "name": name, "username": username}
        for place, (name, username) in enumerate(there)
        if name not in gone
    ]


def _role(number: int) -> str:
    return list(ROLES)[number % len(ROLES)]


def _environment(number: int) -> str:
    return "pruebas" if number % 6 == 5 else "produccion"


def _hostname(number: int) -> str:
    return f"{_role(number)}-{number // len(ROLES) + 1}.{_environment(number)[:4]}.example.com"


_LEFT = """
    SELECT count(*) FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""
_KNOWN_SINCE = "UPDATE agentes SET primer_reporte = datetime(primer_reporte, ?)"
_LABELS = "UPDATE agentes SET etiquetas = ? WHERE hostname = ?"
_LAST_REPORT = "UPDATE agentes SET ultimo_reporte = datetime('now', ?) WHERE hostname = ?"
_PAUSE = "UPDATE agentes SET estado = 'pausado' WHERE hostname = ?"


def now() -> datetime:
    """Give the moment at which the month ends."""
    return datetime.now(UTC).replace(microsecond=0)
