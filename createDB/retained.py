"""What a comparison need not find, because housekeeping has removed it or is about to."""

import json

import pandas as pd

from API.app.ingest.entry import Entry
from API.app.ingest.retention import WAS_REMOVED, Limits, first_day_kept
from API.app.ingest.sql import to_ms
from API.app.ingest.store import moment_of
from createDB.findings import Asked, Findings
from createDB.words import counted


class Retained:
    """Tells what was removed when its days were over from what is missing, and counts it."""

    def __init__(self, database: Asked) -> None:
        self._database = database
        self._limits = Limits(**dict(database.execute("SELECT que, hasta FROM retencion")))
        self._reports = self._lines = 0

    def rest(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Leave out the reports of the log that were removed from the database."""
        if not self._limits.reportes or frame.empty:
            return frame
        gone = pd.Series([self._gone(entry) for entry in frame["entry"]], index=frame.index)
        self._reports += int(gone.sum())
        return frame[~gone]

    def lasting(self, numbers: list[int]) -> list[int]:
        """Leave out what came when its days were over: it has no history, and goes next."""
        if not self._limits.reportes:
            return numbers
        going = self._database.execute(_GOING, (json.dumps(numbers), self._limits.reportes))
        return sorted(set(numbers) - {id_serv for (id_serv,) in going})

    def logged(self, numbers: list[int]) -> list[int]:
        """Leave out the reports whose file of the log was removed."""
        if not self._limits.bitacora:
            return numbers
        first = first_day_kept(self._limits)
        removed = self._database.execute(_UNLOGGED, (json.dumps(numbers), first))
        found = {id_serv for (id_serv,) in removed}
        self._lines += len(found)
        return [id_serv for id_serv in numbers if id_serv not in found]

    def note(self, findings: Findings) -> None:
        """Say how many there were."""
        if self._reports:
            removed = counted(self._reports, "reporte", "reportes")
            words = f"{removed} de la bitácora que la limpieza borró de la base"
            findings.notes.append(words)
        if self._lines:
            kept = counted(self._lines, "reporte", "reportes")
            findings.notes.append(f"{kept} de la base cuya bitácora borró la limpieza")

    def _gone(self, entry: Entry) -> bool:
        """Tell whether a report is past its days and was removed."""
        moment = to_ms(
            moment_of(entry.report.fecha_hora, entry.recibido or entry.report.fecha_hora)
        )
        if moment >= self._limits.reportes:
            return False
        past = self._database.execute(WAS_REMOVED, (moment, entry.id_agente, moment))
        there = self._database.execute(_THERE, (entry.id_agente, entry.id_reporte))
        return past.fetchone() is not None and there.fetchone() is None


_THERE = """
    SELECT 1 FROM agentes a JOIN servers s ON s.num_agente = a.num_agente
    WHERE a.id_agente = ? AND s.id_reporte = ?
"""
_GOING = """
    SELECT id_serv FROM servers WHERE id_serv IN (SELECT CAST(value AS BIGINT) FROM json_each(?))
    AND momento < ? AND id_serv NOT IN (SELECT id_serv FROM agentes WHERE id_serv IS NOT NULL)
"""
_UNLOGGED = """
    SELECT id_serv FROM servers WHERE id_serv IN (SELECT CAST(value AS BIGINT) FROM json_each(?))
    AND recibido < ?
"""
