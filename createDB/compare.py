"""Compares the JSON log with the database, in bounded memory; changes neither."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from API.app.ingest.store import Store, utc_now
from API.app.storage import known_name
from createDB.engine import BUSY_TIMEOUT_MS, database_path, is_postgresql, name_of, unusable
from createDB.findings import Asked, Findings, Seen
from createDB.frames import FACTS, LISTS, digests, facts
from createDB.integrity import check_integrity
from createDB.reading import NO_NUMBER, LogReader, Row
from createDB.retained import Retained
from createDB.schema import metadata
from createDB.state import require_current
from createDB.words import counted

RANGE = 50_000
"""Numbers that are looked at together, where only numbers are compared."""

IDENTITY = ["id_agente", "id_reporte"]

_FIND = (
    "SELECT r.id_serv FROM agentes a JOIN {} r ON r.num_agente = a.num_agente "
    "WHERE a.id_agente = ? AND r.id_reporte = ?"
)


class _Base(NamedTuple):
    """The database that is compared."""

    asked: Asked
    held: Callable[[list[int]], sqlite3.Connection]
    """Gives a database with the rows of the reports that have these numbers."""
    find: str
    """Asks for the number of a report, by its server's identity and its own."""
    owner: str | None
    """By what name it knows this log, where it may know those of other collectors; else None."""


def compare(url: URL, folder: Path) -> tuple[bool, list[str]]:
    """Compare the log in `folder` with the database of `url`.

    Returns:
        whether they say the same, and what to tell the operator.

    Raises:
        DatabaseUnusableError: one of them can't be read.
    """
    require_current(url)
    findings = Findings()
    try:
        with ExitStack() as open_ones:
            log = LogReader(folder, "comparación")
            last = _this_moment(url, log)
            base = open_ones.enter_context(_opened(url, folder))
            seen = open_ones.enter_context(closing(Seen()))
            retained = Retained(base.asked)
            _compare_reports(base, log, seen, findings, retained)
            _find_unlogged(base, last, seen, findings, retained)
            retained.note(findings)
            _check(base, findings)
    except (sqlite3.Error, DBAPIError, pd.errors.DatabaseError) as error:
        raise unusable(error.__cause__ or error, name_of(url)) from error
    for complaint in log.complaints:
        findings.add("línea dañada en la bitácora", complaint)
    return not findings.counts, _summary(url, log, findings)


@contextmanager
def _opened(url: URL, folder: Path) -> Iterator[_Base]:
    """Open the database; no transaction, so that a long comparison holds nothing up."""
    if not is_postgresql(url):
        with closing(_open(url, "ro")) as database:
            yield _Base(database, lambda _numbers: database, _FIND.format("servers"), None)
        return
    import psycopg  # which SQLite needs not

    from createDB.postgresql.direct import DirectConnection
    from createDB.postgresql.held import Held

    try:
        with (
            closing(DirectConnection(url, read_only=True, wait_ms=BUSY_TIMEOUT_MS)) as direct,
            closing(Held(direct)) as held,
        ):
            yield _Base(direct, held.of, _FIND.format("reportes"), known_name(folder.parent))
    except psycopg.Error as error:
        raise unusable(error, name_of(url)) from error


def _check(base: _Base, findings: Findings) -> None:
    if isinstance(base.asked, sqlite3.Connection):
        check_integrity(base.asked, findings)
    else:
        from createDB.postgresql.held import check_rows

        check_rows(base.asked, findings)


def _open(url: URL, mode: str) -> sqlite3.Connection:
    uri = f"{database_path(url).as_uri()}?mode={mode}"
    wait = BUSY_TIMEOUT_MS / 1000
    return sqlite3.connect(uri, timeout=wait, isolation_level=None, uri=True)


def _this_moment(url: URL, log: LogReader) -> int:
    """Take the log's files and give the database's last number while no batch is being stored.

    Holding the write lock for that moment makes what comes in later no difference. Whoever may
    only read goes without it, which is as good while the collector rests.
    """
    if is_postgresql(url):
        from createDB.postgresql.held import this_moment

        return this_moment(url, log, BUSY_TIMEOUT_MS)
    with closing(_open(url, "rw")) as lock:
        try:
            lock.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            only_read = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
            if error.sqlite_errorcode & 0xFF not in only_read:
                raise
        log.take_files()
        return int(lock.execute("SELECT coalesce(max(id_serv), 0) FROM servers").fetchone()[0])


def _compare_reports(
    base: _Base, log: LogReader, seen: Seen, findings: Findings, retained: Retained
) -> None:
    """Look up every report of the log in the database."""
    rows = Store(rows=True)
    with _scratch() as scratch:
        for frame in log.frames():
            once = _each_once(base, retained.rest(frame), seen, findings)
            rows.store(scratch, list(once["entry"]), utc_now())
            driver: Any = scratch.connection.driver_connection
            held = base.held(once["id_serv"].tolist())
            matched = _compare_facts(base, held, driver, once, seen, findings)
            matched = retained.lasting(matched)
            for table in LISTS:
                _compare_lists(held, driver, table, matched, findings)
            scratch.rollback()
            rows.forget()


@contextmanager
def _scratch() -> Iterator[Connection]:
    """Give an empty database in memory: there, what the log says becomes rows as it always does."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _each_once(base: _Base, frame: pd.DataFrame, seen: Seen, findings: Findings) -> pd.DataFrame:
    """Leave out reports that the log has had already, and numbers that it gives twice.

    A report that came while the database was away has the number that the database gave it; it may
    have come twice.
    """
    names = frame[IDENTITY].itertuples(index=False)
    frame = frame.assign(new=[seen.add_name(agent, report) for agent, report in names])
    for row in frame[~frame["new"] & (frame["id_serv"] != NO_NUMBER)].itertuples():
        findings.add("reporte repetido en la bitácora", f"{row.where} (id_serv {row.id_serv})")
    frame = _numbered(base, frame[frame["new"]], findings)
    again = frame.duplicated("id_serv")
    for row in frame[again].itertuples():
        findings.add("número repetido en la bitácora", f"{row.where} (id_serv {row.id_serv})")
    return frame[~again]


def _numbered(base: _Base, frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Give reports that have no number in the log the one that they have in the database."""
    if not (frame["id_serv"] == NO_NUMBER).any():
        return frame
    rows = []
    for row in (Row(*values) for values in frame[list(Row._fields)].itertuples(index=False)):
        if row.id_serv != NO_NUMBER:
            rows.append(row)
        elif found := base.asked.execute(base.find, (row.id_agente, row.id_reporte)).fetchone():
            (number,) = found
            rows.append(row._replace(id_serv=number, entry=row.entry._replace(id_serv=number)))
        else:
            findings.add("falta en la base", f"{row.where}, sin número")
    return pd.DataFrame(rows, columns=list(Row._fields))


def _compare_facts(
    base: _Base,
    held: sqlite3.Connection,
    scratch: sqlite3.Connection,
    frame: pd.DataFrame,
    seen: Seen,
    findings: Findings,
) -> list[int]:
    """Compare rows of `servers`; give the numbers under which both have the same report."""
    numbers = frame["id_serv"].tolist()
    both = facts(scratch, numbers).merge(
        facts(held, numbers), on="id_serv", how="left", suffixes=("", "_base")
    )
    same = (both["id_agente"] == both["id_agente_base"]) & (
        both["id_reporte"] == both["id_reporte_base"]
    )
    matched = both[same]
    for id_serv in both.loc[~same, "id_serv"]:
        _say_where_it_is(base, frame[frame["id_serv"] == id_serv].iloc[0], seen, findings)
    for column in FACTS:
        for row in matched[matched[column] != matched[f"{column}_base"]].to_dict("records"):
            words = (
                f"{_short(row[column])} en la bitácora, {_short(row[f'{column}_base'])} en la base"
            )
            findings.add("contenido distinto", f"reporte {row['id_serv']}, {column}: {words}")
    found: list[int] = matched["id_serv"].tolist()
    for id_serv in found:
        seen.add_number(id_serv)
    return found


def _say_where_it_is(base: _Base, row: "pd.Series[Any]", seen: Seen, findings: Findings) -> None:
    """Report a report of the log that the database doesn't have under its number."""
    found = base.asked.execute(base.find, (row["id_agente"], row["id_reporte"])).fetchone()
    where = f"{row['where']}, id_serv {row['id_serv']}"
    if found and found[0] != row["id_serv"]:
        seen.add_number(found[0])
        findings.add("número distinto", f"{where}: en la base es el {found[0]}")
    else:
        findings.add("falta en la base", where)


def _compare_lists(
    database: sqlite3.Connection,
    scratch: sqlite3.Connection,
    table: str,
    numbers: list[int],
    findings: Findings,
) -> None:
    """Compare how many rows `table` has of each report, and what they say."""
    log, base = (
        digests(side, LISTS[table], numbers).reindex(numbers, fill_value=0)
        for side in (scratch, database)
    )
    both = log.merge(base, left_index=True, right_index=True, suffixes=("", "_base"))
    differing = both[both["hash"] != both["hash_base"]]
    for row in differing.reset_index().to_dict("records"):
        words = f"{row['rows']} en la bitácora, {row['rows_base']} en la base"
        if row["rows"] == row["rows_base"]:
            words = f"{row['rows']} en ambas, pero no los mismos"
        findings.add("contenido distinto", f"reporte {row['id_serv']}, {table}: {words}")


def _find_unlogged(
    base: _Base, last: int, seen: Seen, findings: Findings, retained: Retained
) -> None:
    """Find what only the database has. What the first generation left had no log."""
    query = (
        "SELECT id_serv, CASE WHEN id_reporte IS NULL THEN 1 ELSE 0 END FROM servers "
        "WHERE id_serv > ? AND id_serv <= ? ORDER BY id_serv LIMIT ?"
    )
    others = _other_logs(base)
    after, old, elsewhere = 0, 0, 0
    while found := base.asked.execute(query, (after, last, RANGE)).fetchall():
        rows = pd.DataFrame(found, columns=["id_serv", "old"])
        end = int(rows["id_serv"].iloc[-1])
        rows = rows.merge(seen.numbers(after, end), how="left", indicator=True)
        alone = rows[rows["_merge"] == "left_only"]
        old += int(alone["old"].sum())
        missing = retained.logged(alone.loc[alone["old"] == 0, "id_serv"].tolist())
        elsewhere += len(missing)
        for id_serv in () if others else missing:
            findings.add("falta en la bitácora", f"id_serv {id_serv}")
        after = end
    if old:
        reports = counted(old, "reporte", "reportes")
        findings.notes.append(f"{reports} de la primera generación, de antes de la bitácora")
    if others and elsewhere:
        words = counted(elsewhere, "reporte de la base no está", "reportes de la base no están")
        findings.notes.append(f"{words} en esta bitácora; quizá en la de {', '.join(others)}")


def _other_logs(base: _Base) -> list[str]:
    """Name the other collectors that keep their reports in the same database."""
    if base.owner is None:
        return []
    names = base.asked.execute("SELECT archivo FROM bitacoras").fetchall()
    owners = {name.rpartition("/")[0] for (name,) in names}
    return sorted(owners - {base.owner, ""})


def _short(text: str) -> str:
    """Give the beginning of a value, in one line whatever it holds."""
    line = ascii(text)[1:-1] if not text.isprintable() else text
    return line if len(line) <= 60 else line[:57] + "..."


def _summary(url: URL, log: LogReader, findings: Findings) -> list[str]:
    total = sum(findings.counts.values())
    kinds = ", ".join(f"{kind}: {count}" for kind, count in findings.counts.items())
    differences = counted(total, "diferencia", "diferencias")
    result = f"{differences} ({kinds})" if total else "dicen lo mismo"
    reports = counted(log.reports, "reporte", "reportes")
    return [*findings.lines(), f"{reports} en {log.folder}, y {name_of(url)}: {result}"]
