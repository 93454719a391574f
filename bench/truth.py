"""Whether a collector's database says of a simulated fleet what happened there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from bench.herd import Herd
from bench.servers import Servers
from createDB.schema import OPEN

_PERIODS = """
    SELECT campo, nombre, valor, pid, desde, hasta, inicio
    FROM periodos p JOIN hechos USING (id_hecho) JOIN agentes a USING (num_agente)
    WHERE id_agente = ? AND campo IN ('procesos', 'usuarios_activos')
"""

Row = tuple[str, str, str | None, int, int, int, int | None]


class Findings(NamedTuple):
    """What is not as it has to be; nothing, where all is well."""

    lost: int
    """Reports that were answered 200 or 201 and are not in the database."""
    strange: int
    """Reports that are there twice, or that nobody sent."""
    numbers: int
    """Numbers that were given in a 201 and are not those of the reports."""
    servers: int
    """Servers, of those that were looked at, with another history than they lived."""


def findings(database: Path, herd: Herd, sample: int) -> Findings:
    """Compare a database that the herd's reports went into with what they were.

    Args:
        database: of a collector that has ended.
        herd: that reported.
        sample: of how many servers the periods are compared.
    """
    servers = herd.servers
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        first = servers.plan.servers
        stored = connection.execute(
            "SELECT id_agente, id_reporte FROM servers WHERE id_serv > ?", (first,)
        ).fetchall()
        sent = set(herd.delivered())
        numbers = {number for (number,) in connection.execute("SELECT id_serv FROM servers")}
        given = set(herd.numbers)
        looked_at = [n for n in range(first) if not servers.is_shared(n)][
            :: max(1, first // sample)
        ]
        wrong = sum(
            set(connection.execute(_PERIODS, (herd.identity(number),)))
            != set(expected(servers, number, herd.sent[number]))
            for number in looked_at
        )
    return Findings(
        lost=len(sent - set(stored)),
        strange=len(stored) - len(set(stored) & sent),
        numbers=len(given - numbers) + len(herd.numbers) - len(given),
        servers=wrong,
    )


def expected(servers: Servers, number: int, last: int) -> Iterator[Row]:
    """Give the periods of a server that has delivered its reports up to the beat `last`."""
    seen = [(servers.step(number, beat), servers.moment(number, beat)) for beat in range(last + 1)]
    track = servers.track(number)
    for stay in track.stays():
        during = [moment for step, moment in seen if stay.first <= step < stay.end]
        if not during:
            continue
        after = [moment for step, moment in seen if step >= stay.end]
        pid = -1 if stay.pid is None else stay.pid
        hasta = after[0] if after else OPEN
        yield stay.field, stay.name, stay.value, pid, during[0], hasta, track.inicio(stay)
