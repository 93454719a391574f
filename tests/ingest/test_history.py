"""Periods open and close as reports say, whatever order they come in."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.ingest.entry import Entry
from tests.ingest.conftest import Bench, entry, processes

A, B, C = (1, "systemd"), (7, "nginx", "www-data"), (8, "sleep", "juan")

PERIODS = """
    SELECT name, pid, strftime('%s', desde) - strftime('%s', '2026-11-20 10:00:00'),
           strftime('%s', hasta) - strftime('%s', '2026-11-20 10:00:00')
    FROM historial_procesos ORDER BY name, desde
"""


def put(bench: Bench, *moments: tuple[float, list[dict[str, Any]]], **fields: Any) -> None:
    """Store reports of one agent, in this order: (seconds, processes)."""
    for number, (seconds, items) in enumerate(moments):
        bench.put(entry(0, seconds, int(seconds * 10) + number * 10_000, procesos=items, **fields))


def test_it_works(bench: Bench) -> None:
    put(bench, (0, processes(A, B)), (60, processes(A)), (120, processes(A, B)))
    assert bench.rows(PERIODS) == [
        ("nginx", 7, 0, 60),
        ("nginx", 7, 120, None),
        ("systemd", 1, 0, None),
    ]


def test_reused_pid_is_another_process(bench: Bench) -> None:
    put(bench, (0, processes((7, "old"))), (60, processes((7, "new"))))
    assert bench.rows(PERIODS) == [("new", 7, 60, None), ("old", 7, 0, 60)]


def test_late_report_splits_a_period(bench: Bench) -> None:
    put(bench, (0, processes(A, B)), (120, processes(A, B)), (60, processes(A)))
    assert bench.rows(PERIODS) == [
        ("nginx", 7, 0, 60),
        ("nginx", 7, 120, None),
        ("systemd", 1, 0, None),
    ]


def test_late_report_extends_a_period_back(bench: Bench) -> None:
    put(bench, (0, []), (120, processes(A)), (60, processes(A)))
    assert bench.rows(PERIODS) == [("systemd", 1, 60, None)]


def test_late_report_has_a_period_of_its_own(bench: Bench) -> None:
    put(bench, (0, []), (120, []), (60, processes(A)))
    assert bench.rows(PERIODS) == [("systemd", 1, 60, 120)]


def test_report_before_all_others(bench: Bench) -> None:
    put(bench, (120, processes(A)), (0, processes(A, B)))
    assert bench.rows(PERIODS) == [("nginx", 7, 0, 120), ("systemd", 1, 0, None)]


def test_after_a_late_report_the_next_is_compared_with_the_latest(bench: Bench) -> None:
    put(bench, (0, processes(A)), (120, processes(A, B)), (60, processes(C)), (180, processes(B)))
    assert bench.rows(PERIODS) == [
        ("nginx", 7, 120, None),
        ("sleep", 8, 60, 120),
        ("systemd", 1, 0, 60),
        ("systemd", 1, 120, 180),
    ]


def test_what_could_not_be_gathered_ends_nothing(bench: Bench) -> None:
    put(bench, (0, processes(A)))
    bench.put(entry(0, 60, 7, errores={"procesos": "hidepid"}))
    put(bench, (120, processes(A)))
    assert bench.rows(PERIODS) == [("systemd", 1, 0, None)]
    assert bench.rows("SELECT count(*) FROM compact_procesos") == [(2,)]


def test_new_boot_ends_every_process_but_no_fact_of_the_system(bench: Bench) -> None:
    put(bench, (0, processes(A)), id_arranque="one")
    put(bench, (60, processes(A)), id_arranque="two")
    assert bench.rows(PERIODS) == [("systemd", 1, 0, 60), ("systemd", 1, 60, None)]
    assert bench.rows("SELECT count(*) FROM historial_sistema WHERE dato = 'nombre_so'") == [(1,)]


def test_new_boot_that_saw_nothing_ends_what_ran_before(bench: Bench) -> None:
    put(bench, (0, processes(A)), id_arranque="one")
    bench.put(entry(0, 60, 7, id_arranque="two", errores={"procesos": "hidepid"}))
    assert bench.rows(PERIODS) == [("systemd", 1, 0, 60)]


def test_equal_processes_are_counted(bench: Bench) -> None:
    put(bench, (0, processes(A, A, A)), (60, processes(A)))
    assert bench.rows("SELECT veces, hasta IS NULL FROM historial_procesos ORDER BY desde") == [
        (3, 0),
        (1, 1),
    ]
    assert bench.rows("SELECT count(*), count(DISTINCT id_proc) FROM compact_procesos") == [(4, 4)]


def test_agents_own_process_is_no_change(bench: Bench) -> None:
    for number, pid in enumerate((50, 51, 52)):
        own = processes(A, (pid, "python3"))
        bench.put(entry(0, number * 60, number, procesos=own, pid_agente=pid))
    changes = bench.rows("SELECT tipo, pid FROM cambios WHERE campo = 'procesos'")
    assert changes == [("inicia", 1)]
    assert bench.rows("SELECT count(*) FROM historial_procesos") == [(4,)]


def test_system_facts_have_periods(bench: Bench) -> None:
    bench.put(entry(0, 0, 1, ipaddress="10.0.0.1", hostname="uno"))
    bench.put(entry(0, 60, 2, ipaddress="10.0.0.2", hostname="uno"))
    rows = bench.rows(
        "SELECT dato, valor, hasta IS NULL FROM historial_sistema "
        "WHERE dato IN ('ipaddress', 'hostname') ORDER BY dato, desde"
    )
    assert rows == [("hostname", "uno", 1), ("ipaddress", "10.0.0.1", 0),
                    ("ipaddress", "10.0.0.2", 1)]  # fmt: skip


def test_changes_are_the_openings_and_closings(bench: Bench) -> None:
    put(bench, (0, processes(A)), (60, processes(A, B)), (120, processes(A)))
    rows = bench.rows(
        "SELECT momento, tipo, nombre, valor FROM cambios WHERE campo = 'procesos' ORDER BY momento"
    )
    assert rows == [
        ("2026-11-20 10:00:00.000000", "inicia", "systemd", "root"),
        ("2026-11-20 10:01:00.000000", "inicia", "nginx", "www-data"),
        ("2026-11-20 10:02:00.000000", "termina", "nginx", "www-data"),
    ]


def test_start_of_a_process_is_kept(bench: Bench) -> None:
    item = {"pid": 1, "name": "a", "inicio": "2026-11-20T09:00:00+02:00"}
    bench.put(entry(0, 0, 1, procesos=[item]))
    assert bench.rows("SELECT inicio FROM historial_procesos") == [("2026-11-20 07:00:00.000000",)]


@pytest.mark.parametrize("again", [False, True])
def test_what_is_forgotten_is_read_anew(bench: Bench, again: bool) -> None:
    put(bench, (0, processes(A, B, B)))
    if again:
        bench.store.forget()
    put(bench, (60, processes(B, B)))
    assert bench.rows("SELECT name, veces, hasta IS NULL FROM historial_procesos ORDER BY 1") == [
        ("nginx", 2, 1),
        ("systemd", 1, 0),
    ]


PROCESSES = st.lists(st.sampled_from([A, B, C, (1, "other"), (0, "")]), max_size=5)
SESSIONS = st.lists(st.sampled_from([("ana", 4), ("ana", None), ("luis", 5)]), max_size=3)
ERRORS = st.sampled_from([{}, {}, {}, {"procesos": "x"}, {"usuarios_activos": "x"},
                          {"hostname": "x"}])  # fmt: skip
BOOTLESS = st.just({"id_arranque": "x"})
"""Which boot such a report is of, another one that comes late may change."""


@st.composite
def sequences(
    draw: st.DrawFn,
    moments: st.SearchStrategy[Any],
    boot_at: Callable[[float], st.SearchStrategy[str | None]],
    errors_of: st.SearchStrategy[dict[str, str]] = ERRORS,
) -> list[Entry]:
    """Reports of several servers in any order of arrival."""
    drawn = draw(st.lists(st.tuples(st.integers(0, 2), moments), min_size=1, max_size=12))
    entries = []
    for number, (agent, seconds) in enumerate(drawn):
        errors = draw(errors_of)
        found = processes(*draw(PROCESSES))
        sessions = draw(SESSIONS)
        entries.append(
            entry(
                agent,
                seconds,
                number,
                procesos=found,
                errores=errors,
                usuarios_activos=[{"name": name, "pid": pid} for name, pid in sessions],
                id_arranque=None if "id_arranque" in errors else draw(boot_at(seconds)),
                hostname=draw(st.sampled_from([None, "a", "b"])),
                pid_agente=7,
            )
        )
    return entries


SOON = st.integers(0, 8) | st.sampled_from([0.0001, 0.0004, 1.001])


def any_boot(_seconds: float) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, "one", "two"])


def one_after_the_other(seconds: float) -> st.SearchStrategy[str | None]:
    return st.just("one" if seconds < 6 else "two")


LISTS = (
    "SELECT id_serv, ip_server, fecha_hora, pid, name, username FROM %sprocesos",
    "SELECT id_serv, ip_server, fecha_hora, username, pid FROM %susuarios_activos",
)


@given(entries=sequences(SOON, any_boot, ERRORS | BOOTLESS), split=st.integers(1, 4))
def test_the_layouts_have_the_same_rows(
    shared_bench: Bench, entries: list[Entry], split: int
) -> None:
    bench = shared_bench
    bench.clear()
    for start in range(0, len(entries), split):
        bench.put(*entries[start : start + split])
    for query in LISTS:
        assert sorted_rows(bench, query % "") == sorted_rows(bench, query % "compact_")
    assert_sound(bench)


@given(data=st.data())
def test_the_order_of_arrival_does_not_matter(shared_bench: Bench, data: st.DataObject) -> None:
    moments = data.draw(st.permutations(range(12)))
    chosen = iter(moments)
    drawn = data.draw(sequences(st.builds(lambda: next(chosen, 0)), one_after_the_other))
    entries = list({found.report.fecha_hora: found for found in drawn}.values())
    bench = shared_bench
    bench.clear()
    for found in entries:
        bench.put(found)
    as_they_came = sorted_rows(bench, ALL_PERIODS)
    bench.clear()
    for found in sorted(entries, key=lambda found: found.report.fecha_hora):
        bench.put(found)
    assert as_they_came == sorted_rows(bench, ALL_PERIODS)


ALL_PERIODS = """
    SELECT id_agente, campo, nombre, valor, pid, desde, hasta, veces FROM periodos
    JOIN hechos USING (id_hecho) JOIN agentes USING (num_agente)
"""


def assert_sound(bench: Bench) -> None:
    """Periods last, do not overlap, and stand where `presencias` and `momentos` say."""
    assert bench.rows("SELECT * FROM periodos WHERE desde >= hasta") == []
    assert bench.rows(
        "SELECT * FROM periodos a JOIN periodos b USING (num_agente, id_hecho, pid) "
        "WHERE a.desde < b.desde AND a.hasta > b.desde"
    ) == []  # fmt: skip
    assert bench.rows(
        "SELECT id_hecho, num_agente FROM periodos EXCEPT "
        "SELECT id_hecho, num_agente FROM presencias"
    ) == []  # fmt: skip
    assert bench.rows(
        "SELECT desde, num_agente FROM periodos UNION SELECT hasta, num_agente FROM periodos "
        "WHERE hasta < 140737488355327 EXCEPT SELECT momento, num_agente FROM momentos"
    ) == []  # fmt: skip
    assert bench.rows("SELECT count(*) - count(DISTINCT id_proc) FROM compact_procesos") == [(0,)]


def sorted_rows(bench: Bench, query: str) -> list[str]:
    return sorted(json.dumps(row) for row in bench.rows(query))
