"""What must be true of every report that was taken, whatever happened meanwhile."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from createDB.schema import OPEN
from tests.conftest import CollectorProcess
from tests.e2e.reporters import Taken, wait_for_logs, wait_for_the_last

Row = dict[str, Any]
Period = tuple[str, Any, int, int]
"""Of which server, what, and from when to when."""

REPORTS = """
    SELECT id_agente, id_reporte, s.id_serv, s.momento, r.id_serv AS number
    FROM servers s LEFT JOIN reportes r USING (num_agente, id_reporte)
    WHERE id_agente = ANY(?)
"""
PROCESSES = """
    SELECT id_reporte, pid, name, username FROM procesos JOIN servers USING (id_serv)
    WHERE id_agente = ANY(?) ORDER BY id_proc
"""
PERIODS = """
    SELECT id_agente, pid, nombre, valor, desde, hasta
    FROM periodos JOIN hechos USING (id_hecho) JOIN agentes USING (num_agente)
    WHERE campo = 'procesos' AND id_agente = ANY(?)
"""
VERDICTS = """
    SELECT id_agente, veredicto, desde, hasta
    FROM cumplimiento JOIN agentes USING (num_agente) JOIN politicas USING (num_politica)
    WHERE id_politica = 'mineros' AND id_agente = ANY(?)
"""
UNJUDGED = """
    SELECT (SELECT count(*) FROM servers
            WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)) AS new,
           (SELECT count(*) FROM por_juzgar p
            LEFT JOIN servers s ON s.num_agente = p.num_agente AND s.momento >= p.desde) AS anew
"""
LOGS = "SELECT archivo, posicion FROM bitacoras"


def assert_stored_once(collectors: Sequence[CollectorProcess], taken: Sequence[Taken]) -> None:
    """Check database, logs and verdicts against what was taken."""
    asked = collectors[0]
    posted = {each.report["id_reporte"]: each.report for each in taken}
    wait_for_logs(collectors)
    agents = sorted({report["id_agente"] for report in posted.values()})
    rows = asked.rows(REPORTS, agents)
    stored = Counter(row["id_reporte"] for row in rows)
    assert stored - Counter(posted.keys()) == Counter(), "twice, or not taken"
    assert Counter(posted.keys()) - stored == Counter(), "lost"
    numbers = {row["id_reporte"]: row["id_serv"] for row in rows}
    assert all(row["number"] == row["id_serv"] for row in rows)
    assert len(set(numbers.values())) == len(rows)
    _assert_answers(taken, numbers)
    _assert_processes(asked.rows(PROCESSES, agents), posted)
    _assert_logs(collectors, taken)
    placed = _in_place(rows, posted)
    assert set(_periods(asked.rows(PERIODS, agents))) == set(_lived(placed))
    wait_for_the_last(lambda: _unjudged(asked), "everything is judged")
    found = [_period(row, row["veredicto"]) for row in asked.rows(VERDICTS, agents)]
    assert sorted(found) == sorted(_verdicts(placed))


def _unjudged(collector: CollectorProcess) -> list[int]:
    """Tell how many reports are to be judged, and how many to be judged anew."""
    [row] = collector.rows(UNJUDGED)
    return [row["new"], row["anew"]]


def _assert_answers(taken: Sequence[Taken], numbers: Mapping[str, int]) -> None:
    for each in taken:
        assert each.number == (None if each.status == 202 else numbers[each.report["id_reporte"]])


def _assert_processes(rows: Sequence[Row], posted: Mapping[str, Row]) -> None:
    found = defaultdict(list)
    for row in rows:
        found[row.pop("id_reporte")].append(row)
    assert found == {key: report["procesos"] for key, report in posted.items()}


def _assert_logs(collectors: Sequence[CollectorProcess], taken: Sequence[Taken]) -> None:
    """Check that the log of whoever took a report has it, and that all of it is imported.

    A line may be there twice, and with a number of which nobody was told: its collector was killed
    before the commit, and the report stored by the other one.
    """
    logs = {each.port: _lines(each) for each in collectors}
    reports = {key[0]: report for log in logs.values() for key, report in log.items()}
    for each in taken:
        identity = each.report["id_reporte"]
        assert reports[identity] == each.report
        assert each.status == 200 or (identity, each.number) in logs[each.collector.port]
    places = {row["archivo"]: row["posicion"] for row in collectors[0].rows(LOGS)}
    for collector in collectors:
        name = (collector.storage / "nombre").read_text().strip()
        for file in (collector.storage / "text").glob("*.jsonl"):
            assert places[f"{name}/{file.name}"] == file.stat().st_size


def _lines(collector: CollectorProcess) -> dict[tuple[str, int | None], Row]:
    """Give the reports in the log, by identity and number."""
    return {(line["id_reporte"], line["id_serv"]): line["reporte"] for line in collector.journal()}


def _in_place(rows: Sequence[Row], posted: Mapping[str, Row]) -> list[tuple[str, list[Any]]]:
    """Give each server's reports in the order of their moments."""
    found = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["momento"])):
        found[row["id_agente"]].append((row["momento"], posted[row["id_reporte"]]))
    return list(found.items())


def _periods(rows: Sequence[Row]) -> Iterator[Period]:
    for row in rows:
        yield _period(row, (row["pid"], row["nombre"], row["valor"]))


def _period(row: Row, what: Any) -> Period:
    return row["id_agente"], what, row["desde"], row["hasta"]


def _lived(placed: Sequence[tuple[str, list[Any]]]) -> Iterator[Period]:
    """Give the periods of all processes, as the reports tell them."""
    for agent, reports in placed:
        began: dict[Any, int] = {}
        for moment, report in reports:
            now = {(item["pid"], item["name"], item["username"]) for item in report["procesos"]}
            for item in began.keys() - now:
                yield agent, item, began.pop(item), moment
            began |= dict.fromkeys(now - began.keys(), moment)
        for item, since in began.items():
            yield agent, item, since, OPEN


def _verdicts(placed: Sequence[tuple[str, list[Any]]]) -> Iterator[Period]:
    """Give the periods in which a server complied, or did not."""
    for agent, reports in placed:
        verdict, since = "", 0
        for moment, report in reports:
            mines = "xmrig" in json.dumps(report["procesos"])
            now = "no_cumple" if mines else "cumple"
            if now != verdict:
                if verdict:
                    yield agent, verdict, since, moment
                verdict, since = now, moment
        yield agent, verdict, since, OPEN
