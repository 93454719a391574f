"""Lets SQLite check its own file: is it whole, and does every key lead somewhere."""

import sqlite3

from createDB.findings import Findings
from createDB.words import counted


def check_integrity(database: sqlite3.Connection, findings: Findings) -> None:
    """Run SQLite's checks of the file and of the foreign keys; add to `findings` what they say."""
    for (line,) in database.execute("PRAGMA integrity_check"):
        if line != "ok":
            findings.add("archivo dañado", line)
    _check_keys(database, findings)


def _check_keys(database: sqlite3.Connection, findings: Findings) -> None:
    """Look for rows whose report is gone. The first generation left such rows: they are a note."""
    query = "SELECT min(id_serv) FROM servers WHERE recibido IS NOT NULL"
    first = database.execute(query).fetchone()[0]
    old = 0
    for table, rowid, *_ in database.execute("PRAGMA foreign_key_check"):
        lookup = f'SELECT id_serv FROM "{table}" WHERE rowid = ?'  # noqa: S608
        id_serv = database.execute(lookup, (rowid,)).fetchone()[0]
        if first is None or id_serv < first:
            old += 1
        else:
            findings.add("fila sin su reporte", f"{table}, id_serv {id_serv}")
    if old:
        strays = counted(old, "fila", "filas")
        findings.notes.append(f"{strays} sin su reporte, de la primera generación")
