"""A database with a past that is made up to the millisecond."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from API.app.auditing.audit import Audit
from API.app.auditing.model import Scope, Server
from API.app.commands import run_command
from API.app.queries.times import as_ms
from createDB import schema
from createDB.engine import database_url, open_engine
from createDB.schema import OPEN
from createDB.tables import create_tables
from createDB.views import Layout

HOUR = 3_600_000
START = as_ms(datetime(2026, 11, 1, tzinfo=UTC))
END = START + 240 * HOUR


class Past:
    """Writes what happened; times are hours after `START`, the beginning of the period."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "servers.sqlite"
        self.engine = open_engine(database_url(str(self.path)))
        with self.engine.begin() as connection:
            create_tables(connection, Layout.COMPACTO)

    def put(self, table: str, **row: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(insert(schema.metadata.tables[table]).values(**row))

    def server(self, number: int, *reports: float, **fields: Any) -> str:
        """Give it reports at these hours, at an interval of an hour where nothing else is said."""
        identity = f"00000000-0000-4000-8000-{number:012}"
        first = datetime.fromtimestamp(at(reports[0]) / 1_000, UTC).replace(tzinfo=None)
        row = {"num_agente": number, "id_agente": identity, "hostname": f"web-{number}",
               "id_serv": number * 1_000, "intervalo": 3_600.0, "primer_reporte": first,
               "estado": "activo", "siguiente": 0}  # fmt: skip
        self.put("agentes", **row | fields)
        rows = [{"id_serv": number * 1_000 + place, "num_agente": number, "momento": at(hours),
                 "id_agente": identity} for place, hours in enumerate(reports)]  # fmt: skip
        with self.engine.begin() as connection:
            connection.execute(insert(schema.servers), rows)
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO avance SELECT 'juzgado', max(id_serv) FROM servers"
            )
        return identity

    def policy(self, number: int, name: str, **fields: Any) -> None:
        requires = fields.pop("requiere", ["procesos"])
        row = {"num_politica": number, "id_politica": name, "titulo": f"De {name}",
               "severidad": "alta", "huella": "x", "vigente": 1,
               "documento": json.dumps({"requiere": requires})}  # fmt: skip
        self.put("politicas", **row | fields)

    def said(
        self, server: int, policy: int, verdict: str, begin: float, end: float | None = None,
        **fields: Any,
    ) -> None:  # fmt: skip
        self.put("cumplimiento", num_agente=server, num_politica=policy, veredicto=verdict,
                 desde=at(begin), hasta=OPEN if end is None else at(end), **fields)  # fmt: skip

    def waived(self, policy: int, begin: float, end: float, **fields: Any) -> None:
        self.put("excepciones", num_politica=policy, desde=at(begin), hasta=at(end),
                 **{"motivo": "Es un laboratorio", "quien": "ana"} | fields)  # fmt: skip

    def did(self, server: int, action: str, hours: float, detail: Any = None) -> None:
        """Note something in the audit trail."""
        moment = datetime.fromtimestamp(at(hours) / 1_000, UTC).replace(tzinfo=None)
        self.put("auditoria", momento=moment, quien="ana", desde="terminal", accion=action,
                 objeto=f"00000000-0000-4000-8000-{server:012}",
                 detalle=json.dumps(detail) if detail else None)  # fmt: skip

    def audit(self, **scope: Any) -> tuple[Audit, list[Server]]:
        asked = Scope(**{"desde": START, "hasta": END, **scope})
        with self.engine.connect() as connection, Audit(connection, asked) as audit:
            return audit, list(audit.records())

    def hash(self, **scope: Any) -> str:
        return self.audit(**scope)[0].sha256

    def report(self, *arguments: str | Path) -> int:
        """Run the command on it."""
        given = ("report", "--database", self.path, *arguments)
        return run_command(list(map(str, given)), {})


def at(hours: float) -> int:
    return START + round(hours * HOUR)


def make_past(folder: Path) -> Iterator[Past]:
    """Make one for a fixture."""
    made = Past(folder)
    yield made
    made.engine.dispose()
