"""Proves that the views of `compacto` give what the tables of `completo` hold, or finds what not.

Whatever it finds would be lost with the tables.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection
from tqdm import tqdm

from createDB.findings import Findings
from createDB.retained import Retained
from createDB.schema import metadata
from createDB.views import COMPACT, View, select_of
from createDB.words import counted

BATCH = 200
"""Reports that are compared at a time."""

_KINDS = {"index": "el índice", "trigger": "el disparador"}


def find_losses(connection: Connection) -> Findings:
    """Look for what a database of `completo` has that it would not have as `compacto`.

    First for what somebody added to the tables, as that takes no time; where there is nothing of
    the kind, for rows that the periods do not give.

    Args:
        connection: inside a transaction; what is found is true until its end.
    """
    findings = Findings()
    for view in COMPACT:
        for addition in _additions(connection, view):
            findings.add("añadido a mano", addition)
    if not findings.counts:
        for view in COMPACT:
            _find_strays(connection, view, findings)
        _compare_reports(connection, findings)
    return findings


def _additions(connection: Connection, view: View) -> Iterator[str]:
    """Name the columns, indexes and triggers that are not ours, and the keys that lead here."""
    for column in connection.exec_driver_sql(_COLUMNS, (view.name,)).scalars():
        if column not in view.columns:
            yield f"la columna {column} de {view.name}"
    ours = {index.name for index in metadata.tables[view.name].indexes}
    for kind, name in connection.exec_driver_sql(_OBJECTS, (view.name, f"%{view.name}%")):
        if name not in ours:
            yield f"{_KINDS[kind]} {name}, por {view.name}"
    for table in connection.exec_driver_sql(_KEYS, (view.name,)).scalars():
        yield f"la clave foránea de {table} hacia {view.name}"


def _find_strays(connection: Connection, view: View, findings: Findings) -> None:
    """Look for rows of no report, such as the first generation left."""
    query = f"""
        SELECT count(*) FROM {view.name}
        WHERE id_serv IS NULL OR id_serv NOT IN (SELECT id_serv FROM servers)
    """  # noqa: S608 - names of ours
    strays = connection.exec_driver_sql(query).scalar_one()
    if strays:
        findings.add("filas sin su reporte", f"{view.name}, {strays}", strays)


def _compare_reports(connection: Connection, findings: Findings) -> None:
    """Compare the rows of every report."""
    driver: Any = connection.connection.driver_connection
    retained, unplaced = Retained(driver), set()
    for after, last in _batches(connection):
        for view in COMPACT:
            differing = set(connection.exec_driver_sql(_difference(view), (after, last)).scalars())
            lasting = retained.lasting(sorted(differing))
            unplaced |= differing.difference(lasting)
            for number in lasting:
                findings.add("filas que los períodos no dan", f"{view.name}, reporte {number}")
    if unplaced:
        late = counted(len(unplaced), "reporte que llegó", "reportes que llegaron")
        findings.notes.append(
            f"{late} tras pasar sus días: no hay historia de entonces, quedan sin filas, y la "
            "limpieza los borra"
        )


def _batches(connection: Connection) -> Iterator[tuple[int, int]]:
    """Divide the reports, under a progress bar: numbers past the first and up to the second."""
    total = connection.exec_driver_sql("SELECT count(*) FROM servers").scalar_one()
    after = -1 << 63
    with tqdm(total=total, desc="comparación", unit=" reportes", disable=None) as bar:
        while True:
            count, last = connection.exec_driver_sql(_BATCH, (after, BATCH)).one()
            if not count:
                return
            yield after, last
            bar.update(count)
            after = last


def _difference(view: View) -> str:
    """Write the SELECT of the reports of which table and view give different rows, or not as often.

    Its two parameters are those of a batch. The number of a row does not count.
    """
    columns = ", ".join(list(view.columns)[1:])
    return f"""
        WITH vista ({", ".join(view.columns)}) AS ({select_of(view, "sqlite")})
        SELECT DISTINCT id_serv FROM (
            SELECT {columns}, 1 AS balance FROM {view.name} WHERE id_serv IN (
                SELECT id_serv FROM servers WHERE id_serv > ?1 AND id_serv <= ?2)
            UNION ALL
            SELECT {columns}, -1 FROM vista WHERE id_serv > ?1 AND id_serv <= ?2
        ) GROUP BY {columns} HAVING sum(balance) <> 0
    """  # noqa: S608 - names of ours


_COLUMNS = "SELECT name FROM pragma_table_xinfo(?)"
_OBJECTS = """
    SELECT type, name FROM sqlite_master
    WHERE type IN ('index', 'trigger') AND (tbl_name = ?1 OR type = 'trigger' AND sql LIKE ?2)
"""
_KEYS = """
    SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
    WHERE m.type = 'table' AND f."table" = ?1 COLLATE NOCASE
"""
_BATCH = """
    SELECT count(*), max(id_serv)
    FROM (SELECT id_serv FROM servers WHERE id_serv > ? ORDER BY id_serv LIMIT ?)
"""
