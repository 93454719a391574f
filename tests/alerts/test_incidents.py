"""What becomes an alert, and when it is over: always with what it tells of, or not at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from API.app.agents import change_state, find, label, note_clone
from API.app.alerts import incidents
from API.app.alerts.incidents import look_around, prepare
from API.app.audit import Actor
from API.app.waivers import Label, end_now, grant
from createDB.schema import OPEN as END
from createDB.views import Layout
from tests.alerts.conftest import NewTrial, Trial
from tests.ingest.conftest import AGENTS, entry, processes

SOMEBODY = Actor("ana", "terminal")
TOMORROW = datetime.now(UTC) + timedelta(days=1)
MINING = {"procesos": processes((7, "xmrig", "www-data"))}
GOOD = {"procesos": processes((1, "auditd"))}


@pytest.fixture
def trial(new_trial: NewTrial) -> Trial:
    trial = new_trial(Layout.COMPLETO)
    with trial.engine.begin() as connection:
        prepare(connection)
    return trial


def alerts(trial: Trial, policy: str | None = "mineros") -> list[tuple[Any, ...]]:
    """Give the alerts of a policy (None: those of none): kind, number of the server, how it ended,
    what nobody was told yet."""
    return trial.rows(
        """SELECT tipo, num_agente, resolucion, por_avisar FROM alertas
        LEFT JOIN politicas USING (num_politica) WHERE id_politica IS ? ORDER BY id_alerta""",
        policy,
    )


def put(trial: Trial, *entries: Any) -> None:
    trial.stores(*entries)
    trial.judges()


def told(trial: Trial) -> None:
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alertas SET por_avisar = NULL")


OPEN = ("incumplimiento", 1, None, "abierta")
TOLD = ("incumplimiento", 1, None, None)


def test_a_violation_opens_one_and_its_end_resolves_it(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    assert alerts(trial) == [OPEN]
    evidence = "SELECT severidad, evidencia FROM alertas WHERE evidencia LIKE '%www-data%'"
    assert trial.rows(evidence) == [("alta", '[{"pid":7,"username":"www-data"}]')]
    told(trial)
    put(trial, entry(0, 60, 2, procesos=processes((7, "xmrig", "www-data"), (8, "xmrig"))))
    assert alerts(trial) == [TOLD]  # other evidence is no other alert
    put(trial, entry(0, 120, 3, **GOOD))
    assert alerts(trial) == [("incumplimiento", 1, "cumple", "resuelta")]
    put(trial, entry(0, 180, 4, **MINING))
    assert alerts(trial)[1:] == [OPEN]


def test_what_nobody_was_told_of_needs_no_second_message(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    put(trial, entry(0, 60, 2, **GOOD))
    assert alerts(trial) == [("incumplimiento", 1, "cumple", None)]


def test_without_data_an_alert_stays_as_it_is(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    told(trial)
    put(trial, entry(0, 60, 2, errores={"procesos": "no"}))
    assert alerts(trial) == [TOLD]
    put(trial, entry(0, 120, 3, **MINING))
    assert alerts(trial) == [TOLD]


def test_a_late_report_tells_of_the_past_and_makes_none(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **GOOD), entry(0, 600, 2, **GOOD))
    put(trial, entry(0, 300, 3, **MINING))
    assert [row[1] for row in trial.history("mineros")] == ["cumple", "no_cumple", "cumple"]
    assert alerts(trial) == []


@pytest.mark.sqlite
def test_what_the_judge_did_not_write_is_no_alert(trial: Trial) -> None:
    with trial.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER away BEFORE INSERT ON avance WHEN NEW.que = 'juzgado' "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    trial.stores(entry(0, 0, 1, **MINING))
    with pytest.raises(Exception, match="the disk is full"):
        trial.judges()
    assert alerts(trial) == []
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER away")
    trial.restart()
    trial.judges()
    assert alerts(trial) == [OPEN]


@pytest.mark.both_databases
@pytest.mark.parametrize("whom", [AGENTS[0], Label("entorno", "pruebas")])
def test_an_exception_ends_it_and_its_end_opens_another(trial: Trial, whom: str | Label) -> None:
    put(trial, entry(0, 0, 1, **MINING), entry(1, 0, 2, **MINING))
    told(trial)
    with trial.engine.begin() as connection:
        label(connection, SOMEBODY, find(connection, AGENTS[0]), {"entorno": "pruebas"})
        number = grant(connection, SOMEBODY, "mineros", whom, TOMORROW, "Se estudia")
    assert alerts(trial) == [
        ("incumplimiento", 1, "excepcion", "resuelta"), ("incumplimiento", 2, None, None)
    ]  # fmt: skip
    put(trial, entry(0, 60, 3, **GOOD), entry(0, 120, 4, **MINING))
    assert len(alerts(trial)) == 2  # excepted from the start
    with trial.engine.begin() as connection:
        end_now(connection, SOMEBODY, number)
    assert alerts(trial)[2:] == [OPEN]


def test_an_exception_that_ends_by_itself_is_noticed(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    with trial.engine.begin() as connection:
        grant(connection, SOMEBODY, "mineros", AGENTS[0], TOMORROW, "Se estudia")
        look_around(connection)
    assert alerts(trial)[1:] == []
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE excepciones SET hasta = desde + 1")
        connection.exec_driver_sql("UPDATE avance SET hasta = hasta - 5000")
        look_around(connection)
        look_around(connection)
    assert alerts(trial)[1:] == [OPEN]


def test_labels_decide_who_is_excepted(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    with trial.engine.begin() as connection:
        grant(connection, SOMEBODY, "mineros", Label("entorno", None), TOMORROW, "Se estudia")
        label(connection, SOMEBODY, find(connection, AGENTS[0]), {"entorno": "x"})
    assert alerts(trial) == [("incumplimiento", 1, "excepcion", None)]
    with trial.engine.begin() as connection:
        label(connection, SOMEBODY, find(connection, AGENTS[0]), {"entorno": ""})
    assert alerts(trial)[1:] == [OPEN]


@pytest.mark.both_databases
def test_a_policy_that_goes_and_comes_back(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    told(trial)
    file = trial.folder / "mineros.yaml"
    text = file.read_bytes()
    file.unlink()
    trial.court.library.refresh()
    trial.court.synchronize()
    assert alerts(trial) == [("incumplimiento", 1, "politica_retirada", "resuelta")]
    file.write_bytes(text)
    trial.court.library.refresh()
    trial.court.synchronize()
    trial.judges()
    assert alerts(trial)[1:] == [OPEN]


def test_a_server_that_is_retired_and_comes_back(trial: Trial) -> None:
    put(trial, entry(0, 0, 1, **MINING))
    told(trial)
    with trial.engine.begin() as connection:
        change_state(connection, SOMEBODY, 1, "retirado", "agente.retirar")
    assert alerts(trial) == [("incumplimiento", 1, "servidor_retirado", "resuelta")]
    with trial.engine.begin() as connection:
        change_state(connection, SOMEBODY, 1, "activo", "agente.volver")
    assert alerts(trial)[1:] == [OPEN]


STATES = ("activo", "pausado", "retirado")
SHOULD_BE_OPEN = f"""
    SELECT c.num_agente, c.num_politica FROM cumplimiento c JOIN agentes a USING (num_agente)
    WHERE c.hasta = {END} AND a.estado <> 'retirado' AND c.veredicto = 'no_cumple'
    AND NOT EXISTS (SELECT 1 FROM excepciones e WHERE e.num_politica = c.num_politica
        AND e.num_agente = c.num_agente AND e.terminada IS NULL)
"""  # noqa: S608 - text of our own
MAY_BE_OPEN = f"""
    SELECT c.num_agente, c.num_politica FROM cumplimiento c
    WHERE c.hasta = {END} AND c.veredicto = 'sin_datos'
"""  # noqa: S608
ARE_OPEN = "SELECT num_agente, num_politica FROM alertas WHERE resuelta IS NULL"


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("report", "late", "state", "except", "unexcept")),
            st.integers(0, 2),
            st.integers(0, 5),
        ),
        min_size=3,
        max_size=14,
    )
)
def test_whatever_happens_what_is_open_is_what_does_not_comply_now(
    new_trial: NewTrial, steps: list[tuple[str, int, int]]
) -> None:
    trial = new_trial(Layout.COMPLETO)
    reports: list[dict[str, Any]] = [
        MINING, GOOD, {**MINING, "nucleo": "5.1"}, {**GOOD, "nucleo": "6.1"},
        {"errores": {"procesos": "no"}}, {"ipaddress": "10.0.0.2", **GOOD},
    ]  # fmt: skip
    trial.stores(*(entry(server, 0, server) for server in range(3)))
    trial.judges()
    for number, (step, server, which) in enumerate(steps, 10):
        if step in ("report", "late"):
            seconds = 1_000 * number if step == "report" else 10 * number
            put(trial, entry(server, seconds, number, **reports[which]))
        with trial.engine.begin() as connection:
            if step == "state":
                change_state(connection, SOMEBODY, server + 1, STATES[which % 3], "x")
            elif step == "except":
                grant(connection, SOMEBODY, "mineros", AGENTS[server], TOMORROW, "Se estudia")
            elif step == "unexcept":
                ids = "SELECT id_excepcion FROM excepciones WHERE terminada IS NULL"
                for granted in connection.exec_driver_sql(ids).scalars().all():
                    end_now(connection, SOMEBODY, granted)
        are, should = set(trial.rows(ARE_OPEN)), set(trial.rows(SHOULD_BE_OPEN))
        assert should <= are <= should | set(trial.rows(MAY_BE_OPEN))


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "statement",
    [incidents._OPEN.format(source=incidents._KEYS, where=""),
     incidents._OVER_NOW.format(source=incidents._ALERTS)],
    ids=["open", "resolve"],
)  # fmt: skip
def test_no_verdict_makes_anybody_look_through_a_whole_table(trial: Trial, statement: str) -> None:
    with trial.engine.begin() as connection:
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", {"now": 0, "keys": "[]"}
        ).all()
    steps = [row.detail for row in plan]
    assert len(steps) > 5
    assert [step for step in steps if "SCAN" in step and "VIRTUAL TABLE" not in step] == []


def test_silence_has_a_kind_of_its_own(trial: Trial) -> None:
    trial.put("silencio", ["nucleo"], "SELECT 1 FROM servers WHERE id_serv = :id_serv")
    trial.court.library.refresh()
    trial.court.synchronize()
    put(trial, entry(0, 0, 1, nucleo="6.1"))
    assert alerts(trial, "silencio") == [("silencio", 1, None, "abierta")]


def test_new_servers_are_noticed_once(trial: Trial) -> None:
    trial.stores(entry(0, 0, 1), entry(1, 0, 2))
    for _ in range(2):
        with trial.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE agentes SET clon_de = 'x' WHERE num_agente = 2")
            look_around(connection)
    assert alerts(trial, None) == [
        ("servidor_nuevo", 1, None, "abierta"), ("clon", 2, None, "abierta")
    ]  # fmt: skip


def test_a_clone_is_told_of_once_a_day(trial: Trial) -> None:
    trial.stores(entry(0, 0, 1))
    with trial.engine.begin() as connection:
        for _ in range(3):
            note_clone(connection, 1)
    assert alerts(trial, None) == [("clon", 1, None, "abierta")]


def test_what_was_there_before_is_no_news(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    put(trial, entry(0, 0, 1, **MINING))
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alertas")  # as after an upgrade
        prepare(connection)
        look_around(connection)
        prepare(connection)
    assert alerts(trial) == [TOLD]
    assert alerts(trial, None) == []
    put(trial, entry(0, 60, 2, **GOOD))
    assert alerts(trial) == [("incumplimiento", 1, "cumple", "resuelta")]
