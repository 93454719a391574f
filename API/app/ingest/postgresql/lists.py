"""The rows of reports' lists, as COPY takes them: some 200 a report, so every step counts."""

from operator import add
from struct import Struct
from typing import TYPE_CHECKING

from API.app.facts import NO_PID
from API.app.ingest.postgresql.copying import NULL, bigint, count, integer, moment, text
from createDB.schema import servers

if TYPE_CHECKING:
    from API.app.facts import Label
    from API.app.ingest.tables import Stands

PROCESOS = "procesos (id_serv, ip_server, fecha_hora, pid, name, username, num_agente, recibido)"
USUARIOS = "usuarios_activos (id_serv, ip_server, fecha_hora, username, pid, num_agente, recibido)"

REMEMBERED = 20_000
"""Labels whose bytes are kept."""

_COLUMNS = [column.name for column in servers.columns]
_IPADDRESS, _FECHA_HORA, _RECIBIDO, _NUM_AGENTE = map(
    _COLUMNS.index, ("ipaddress", "fecha_hora", "recibido", "num_agente")
)
_pid = Struct("!iq").pack


class Lists:
    """Writes rows; it remembers how labels are written."""

    def __init__(self) -> None:
        self._labels: dict[Label, bytes] = {}

    def processes(self, report: "Stands") -> bytes:
        """Write the rows of `procesos`."""
        found = report.lists["procesos"]
        if not found.labels:
            return b""
        if len(self._labels) > REMEMBERED:
            self._labels.clear()
        known = self._labels
        labels = [known.get(label) or self._label(label) for label in found.labels]
        before, after = _around(report, 8)
        rows = map(add, [_pid(8, pid) for pid in found.pids], labels)
        return before + (after + before).join(rows) + after

    def _label(self, label: "Label") -> bytes:
        written = self._labels[label] = text(label[0]) + text(label[1])
        return written


def sessions(report: "Stands") -> bytes:
    """Write the rows of `usuarios_activos`."""
    found = report.lists["usuarios_activos"]
    before, after = _around(report, 7)
    return b"".join(
        before + text(name) + (NULL if pid == NO_PID else bigint(pid)) + after
        for (name, _), pid in zip(found.labels, found.pids, strict=True)
    )


def _around(report: "Stands", columns: int) -> tuple[bytes, bytes]:
    """Write what the rows of a report share: before and after what is their own."""
    row = report.server
    before = count(columns) + bigint(report.id_serv) + text(row[_IPADDRESS])
    return before + moment(row[_FECHA_HORA]), integer(row[_NUM_AGENTE]) + moment(row[_RECIBIDO])
