"""Every report is judged once, in its place; what is kept says what was true, when."""

from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from API.app.compliance import again, desk, present
from API.app.compliance.again import judge_again
from API.app.compliance.court import Court
from API.app.compliance.guard import Found
from API.app.compliance.guards import open_guard
from API.app.compliance.judging import Verdict, judge
from API.app.compliance.library import Library
from API.app.compliance.present import judge_new
from API.app.compliance.subjects import select_subjects
from API.app.ingest.entry import Entry
from createDB.views import Layout
from tests.compliance.conftest import POLICIES, WHERE, NewTrial, Trial
from tests.ingest.conftest import entry, processes

layouts = pytest.mark.parametrize("layout", Layout)
MINER = processes((7, "xmrig", "www-data"))


@layouts
@pytest.mark.both_databases
def test_a_verdict_lasts_until_another(new_trial: NewTrial, layout: Layout) -> None:
    trial = new_trial(layout)
    trial.stores(entry(0, 0, 1), entry(0, 60, 2, procesos=MINER), entry(0, 120, 3, procesos=MINER))
    trial.stores(entry(0, 180, 4))
    assert trial.judges() == 4
    evidence = '[{"pid":7,"username":"www-data"}]'
    assert trial.history("mineros") == [
        (0, "cumple", None, None),
        (60, "no_cumple", evidence, None),
        (180, "cumple", None, None),
    ]
    assert trial.rows("SELECT hasta FROM avance") == [(4,)]


def test_evidence_is_kept_as_it_was_first_and_last(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    for number, pid in enumerate((7, 8, 9)):
        trial.stores(entry(0, number, number, procesos=processes((pid, "xmrig"))))
        trial.judges()
    first, last = '[{"pid":7,"username":"root"}]', '[{"pid":9,"username":"root"}]'
    assert trial.history("mineros") == [(0, "no_cumple", first, last)]


def test_what_could_not_be_gathered_is_no_verdict(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1, procesos=MINER, nucleo="6.1"))
    trial.stores(entry(0, 60, 2, errores={"procesos": "permiso denegado"}, nucleo="6.1"))
    trial.stores(entry(0, 120, 3, procesos=MINER))
    trial.judges()
    assert [row[:2] for row in trial.history("mineros")] == [
        (0, "no_cumple"), (60, "sin_datos"), (120, "no_cumple"),
    ]  # fmt: skip
    [(reason,)] = trial.rows("SELECT DISTINCT razon FROM cumplimiento JOIN politicas USING "
                             "(num_politica) WHERE veredicto = 'sin_datos' AND id_politica = "
                             "'mineros'")  # fmt: skip
    assert reason == "procesos: permiso denegado"
    assert [row[:2] for row in trial.history("nucleo")] == [(0, "cumple"), (120, "sin_datos")]


def test_a_failing_query_is_no_verdict_and_stops_nothing(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.put("rota", ["procesos"], "SELECT json(name) FROM procesos " + WHERE)
    endless = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    trial.put("eterna", ["procesos"], endless)
    trial.court.library.refresh()
    trial.court.synchronize()
    trial.stores(entry(0, 0, 1, procesos=MINER), entry(0, 60, 2, procesos=[]))
    assert trial.judges() == 2
    assert [row[1] for row in trial.history("rota")] == ["sin_datos", "cumple"]
    assert [row[1] for row in trial.history("eterna")] == ["sin_datos"]
    assert [row[1] for row in trial.history("mineros")] == ["no_cumple", "cumple"]


@layouts
@pytest.mark.both_databases
def test_a_late_report_changes_the_past(new_trial: NewTrial, layout: Layout) -> None:
    trial = new_trial(layout)
    trial.stores(entry(0, 0, 1), entry(0, 120, 2), entry(0, 180, 3))
    trial.judges()
    trial.stores(entry(0, 60, 4, procesos=MINER))
    assert trial.judges() == 1
    assert [row[:2] for row in trial.history("mineros")] == [
        (0, "cumple"), (60, "no_cumple"), (120, "cumple"),
    ]  # fmt: skip


def test_a_report_before_the_first_begins_earlier(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 120, 1))
    trial.judges()
    trial.stores(entry(0, 60, 2))
    trial.judges()
    assert [row[:2] for row in trial.history("mineros")] == [(60, "cumple")]


def test_behind_late_reports_nobody_waits(
    new_trial: NewTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge rests only when there is nothing more to judge."""
    monkeypatch.setattr(present, "BATCH", 3)
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 60, 1), entry(0, 0, 2), entry(0, 30, 3), entry(0, 120, 4))
    assert [judge_new(trial.court) for _ in range(3)] == [(3, True), (1, False), (0, False)]


@pytest.mark.both_databases
def test_what_stands_after_late_reports_is_judged_anew_once(new_trial: NewTrial) -> None:
    """However many come late: their number does not count twice."""
    trial = new_trial(Layout.COMPLETO)
    asked = noting(trial, POLICIES["direccion"][1])
    late, kept = range(1, 80, 2), range(0, 80, 2)
    trial.stores(*(entry(0, second, second) for second in kept))
    trial.judges()
    trial.stores(*(entry(0, second, second, ipaddress="10.0.0.2") for second in late))
    asked.clear()
    assert trial.judges() == len(late)
    assert len(asked) <= 3 * (len(late) + len(kept))
    assert trial.rows("SELECT * FROM por_juzgar") == []
    assert [row[:2] for row in trial.history("direccion")] == [(0, "cumple"), (1, "no_cumple")]


def test_a_kill_forgets_nothing_that_is_to_be_judged_anew(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1), entry(0, 120, 2), entry(0, 180, 3))
    trial.judges()
    trial.stores(entry(0, 60, 4, ipaddress="10.0.0.2"))
    judge_new(trial.court)
    assert [row[:2] for row in trial.history("direccion")] == [
        (0, "cumple"), (60, "no_cumple"), (120, "cumple"),
    ]  # fmt: skip
    trial.restart()
    trial.judges()
    assert [row[:2] for row in trial.history("direccion")] == [(0, "cumple"), (60, "no_cumple")]


def test_a_server_with_much_to_be_judged_anew_keeps_no_other_waiting(
    new_trial: NewTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "REPORTS", 1)
    trial = new_trial(Layout.COMPLETO)
    trial.stores(*(entry(agent, 60 * n, 4 * agent + n) for agent in (0, 1) for n in (0, 2, 3)))
    trial.judges()
    trial.stores(*(entry(agent, 60, 4 * agent + 1) for agent in (0, 1)))
    judge_new(trial.court)
    before = dict(trial.rows("SELECT num_agente, desde FROM por_juzgar"))
    for _ in before:
        judge_again(trial.court)
    assert trial.rows("SELECT num_agente, desde FROM por_juzgar ORDER BY 1") == [
        (number, desde + 60_000) for number, desde in sorted(before.items())
    ]
    for _ in before:
        judge_again(trial.court)
    assert trial.rows("SELECT * FROM por_juzgar") == []


def test_new_reports_wait_no_longer_than_a_turn_for_what_is_judged_anew(
    new_trial: NewTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a policy takes of each report."""
    monkeypatch.setattr(again, "TURN_S", 0)
    trial = new_trial(Layout.COMPLETO)
    asked = noting(trial, POLICIES["direccion"][1])
    trial.stores(*(entry(agent, 60 * n, 4 * agent + n) for agent in (0, 1) for n in (0, 2, 3)))
    trial.judges()
    trial.stores(*(entry(agent, 60, 4 * agent + 1, ipaddress="10.0.0.2") for agent in (0, 1)))
    judge_new(trial.court)
    for _ in range(4):
        asked.clear()
        assert judge_again(trial.court)
        assert len(asked) <= 2, "a report, and the one before it for its evidence"
    assert not judge_again(trial.court)
    for number in (1, 2):
        assert [row[:2] for row in trial.history("direccion", number)] == [
            (0, "cumple"), (60, "no_cumple"),
        ]  # fmt: skip


def test_the_evidence_of_a_late_report_that_ends_a_period_is_its_last(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1, procesos=processes((7, "xmrig"))), entry(0, 120, 2))
    trial.judges()
    trial.stores(entry(0, 60, 3, procesos=processes((8, "xmrig"))))
    trial.judges()
    assert [row[:2] for row in trial.history("mineros")] == [(0, "no_cumple"), (120, "cumple")]
    assert trial.history("mineros")[0][3] == '[{"pid":8,"username":"root"}]'


def test_a_changed_policy_judges_the_latest_reports_anew(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(*(entry(agent, 60 * agent, agent, procesos=MINER) for agent in range(3)))
    trial.judges()
    trial.put("mineros", ["procesos"], f"SELECT pid FROM procesos {WHERE} AND name = 'minerd'")
    assert trial.court.library.refresh()
    trial.court.synchronize()
    trial.restart()  # in the middle of it
    assert trial.judges() == 0
    for number in (1, 2, 3):
        assert [row[:2] for row in trial.history("mineros", number)] == [
            (60 * (number - 1), "cumple")
        ]
    assert trial.rows("SELECT count(*) FROM politicas WHERE repaso IS NOT NULL") == [(0,)]


def test_a_policy_that_is_taken_away_says_nothing_any_more(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1))
    trial.judges()
    (trial.folder / "mineros.yaml").unlink()
    assert trial.court.library.refresh()
    trial.court.synchronize()
    open_ones = trial.rows("SELECT id_politica FROM historial_cumplimiento WHERE hasta IS NULL")
    assert "mineros" not in {row[0] for row in open_ones}
    trial.stores(entry(0, 60, 2))
    trial.judges()
    assert len(trial.history("mineros")) == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("reviewed", [True, False])
def test_a_policy_that_comes_back_before_the_next_report_was_never_away(
    new_trial: NewTrial, reviewed: bool
) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(entry(0, 0, 1), entry(0, 120, 2))
    trial.judges()
    (trial.folder / "mineros.yaml").unlink()
    assert trial.court.library.refresh()
    trial.court.synchronize()
    trial.put("mineros", *POLICIES["mineros"])
    assert trial.court.library.refresh()
    trial.court.synchronize()
    if reviewed:
        trial.judges()
    trial.stores(entry(0, 60, 3, procesos=MINER))
    trial.judges()
    assert trial.rows(
        "SELECT count(*) FROM historial_cumplimiento WHERE id_politica = 'mineros' "
        "AND hasta IS NULL"
    ) == [(1,)]
    assert [row[:2] for row in trial.history("mineros")] == [
        (0, "cumple"), (60, "no_cumple"), (120, "cumple"),
    ]  # fmt: skip


def test_labels_that_change_while_nobody_judges_count_from_the_next_report_on(
    new_trial: NewTrial,
) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.put("mineros", *POLICIES["mineros"], aplica={"etiquetas": {"entorno": "produccion"}})
    trial.restart()
    trial.stores(entry(0, 0, 1, procesos=MINER))
    trial.judges()
    with trial.engine.begin() as connection:
        connection.exec_driver_sql("""UPDATE agentes SET etiquetas = '{"entorno":"produccion"}'""")
    trial.restart()
    trial.stores(entry(0, 60, 2, procesos=MINER))
    trial.judges()
    assert [row[:2] for row in trial.history("mineros")] == [(0, "no_aplica"), (60, "no_cumple")]


@pytest.mark.both_databases
def test_each_policy_that_is_asked_is_a_sign_of_life(new_trial: NewTrial) -> None:
    """Each takes little: whoever judges for long is known not to hang."""
    trial, signs = new_trial(Layout.COMPLETO), []
    trial.stores(*(entry(agent, number, number) for agent in range(2) for number in range(2)))
    trial.court.close()
    trial.court = Court(trial.url, Library([trial.folder]), lambda: signs.append(1))
    assert judge_new(trial.court).reports == 4
    assert len(signs) >= 2 * len(POLICIES)


def test_nothing_is_skipped_or_judged_twice_over_a_restart(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    trial.stores(*(entry(0, n, n, procesos=MINER * (n % 2)) for n in range(10)))
    trial.judges()
    trial.stores(*(entry(0, n, n, procesos=MINER * (n % 2)) for n in range(10, 15)))
    trial.restart()
    assert trial.judges() == 5
    assert len(trial.history("mineros")) == 15
    trial.restart()
    assert trial.judges() == 0


def noting(trial: Trial, wanted: str) -> list[int]:
    """Note the reports that a query is run for, from now on."""
    ran: list[int] = []
    run = trial.court.guard.run

    def noted(query: str, id_serv: int, en: str, *rest: Any) -> Found:
        if query == wanted:
            ran.append(id_serv)
        return run(query, id_serv, en, *rest)

    trial.court.guard.run = noted  # type: ignore[assignment]
    return ran


def test_a_policy_on_names_runs_when_one_of_them_comes_or_goes(new_trial: NewTrial) -> None:
    trial = new_trial(Layout.COMPLETO)
    ran = noting(trial, POLICIES["mineros"][1])
    trial.stores(entry(0, 0, 1, procesos=MINER))
    trial.judges()
    for number, (process, runs) in enumerate(
        [((8, "bash"), True), ((9, "dash"), False), ((9, "dash"), False), ((9, "xmrig"), True)], 2
    ):
        ran.clear()
        trial.stores(entry(0, number, number, procesos=processes(process)))
        trial.judges()
        assert bool(ran) is runs


REPORTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 12),
        st.fixed_dictionaries(
            {
                "procesos": st.lists(
                    st.sampled_from([(1, "auditd"), (2, "xmrig"), (3, "sshd"), (4, "laurel"),
                                     (4, "xmrig"), (5, "bash")]), max_size=5, unique=True
                ).map(lambda items: processes(*items)),
                "usuarios_activos": st.lists(
                    st.sampled_from(["root", "juan"]).map(lambda name: {"name": name}), max_size=2
                ),
                "ipaddress": st.sampled_from(["10.0.0.1", "10.0.0.2"]),
                "id_arranque": st.sampled_from(["a", "b", None]),
            },
            optional={
                "nucleo": st.sampled_from(["5.10", "6.1"]),
                "errores": st.dictionaries(
                    st.sampled_from(["procesos", "usuarios_activos", "nucleo"]), st.just("no"),
                    min_size=1, max_size=2,
                ),
            },
        ),
    ),
    max_size=12,
)  # fmt: skip


def made(number: int, agent: int, second: int, fields: dict[str, Any]) -> Entry:
    lost: dict[str, list[Any]] = {
        name: [] for name in fields.get("errores", {}) if name != "nucleo"
    }
    unknown = "nucleo" in fields.get("errores", {})
    kept = {name: value for name, value in fields.items() if not (unknown and name == "nucleo")}
    return entry(agent, second, number, **{**kept, **lost})


def disagreements(trial: Trial) -> list[Any]:
    """Compare what is kept for each report's moment with what judging it from nothing says now."""
    court, wrong = trial.court, []
    with court.reader.connect() as connection, closing(open_guard(trial.url)) as guard:
        for subject in select_subjects(connection, "s.id_serv > 0 ORDER BY s.id_serv"):
            for number in court.rulebook.by_report:
                rule = court.rulebook.rules[number]
                said = judge(guard, rule, subject, subject.recibido)
                [kept] = trial.rows(_KEPT, subject.num_agente, number, subject.momento)
                verdict, evidence, is_last = kept
                if verdict != said.veredicto.value or (is_last and evidence != said.evidencia):
                    wrong.append((subject.id_serv, rule.policy.id, said, kept))
    return wrong


_KEPT = """
    WITH dados AS (SELECT ? AS num_agente, ? AS num_politica, ? AS momento)
    SELECT veredicto, coalesce(evidencia_ultima, evidencia), NOT EXISTS (
        SELECT 1 FROM servers s WHERE s.num_agente = d.num_agente
        AND s.momento > d.momento AND s.momento < c.hasta)
    FROM dados d JOIN cumplimiento c USING (num_agente, num_politica)
    WHERE desde <= d.momento AND hasta > d.momento
"""
"""What is said of a report: the verdict, the evidence at its end, and whether it is the last."""


@layouts
@given(
    reports=REPORTS,
    cuts=st.sets(st.integers(0, 12), max_size=4),
    at_a_time=st.sampled_from([1, 3, 200]),
    turn=st.sampled_from([0, again.TURN_S]),
    names_alone=st.booleans(),
    room=st.sampled_from([0, 4, desk.KEPT]),
)
@settings(max_examples=25)
def test_what_is_kept_is_what_each_report_says(
    new_trial: NewTrial, layout: Layout, reports: list[Any], cuts: set[int], at_a_time: int,
    turn: float, names_alone: bool, room: int,
) -> None:  # fmt: skip
    trial = new_trial(layout)
    if names_alone:
        (trial.folder / "muchos.yaml").unlink()
        trial.restart()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "KEPT", room)
        patch.setattr(present, "BATCH", at_a_time)
        patch.setattr(again, "REPORTS", at_a_time)
        patch.setattr(again, "TURN_S", turn)
        _store_and_judge(trial, reports, cuts)
    assert disagreements(trial) == []
    touching = trial.rows(
        "SELECT 1 FROM cumplimiento p JOIN cumplimiento q USING (num_agente, num_politica) "
        "WHERE p.hasta = q.desde AND p.veredicto = q.veredicto"
    )
    assert touching == []
    assert {row[0] for row in trial.rows("SELECT veredicto FROM cumplimiento")} <= set(Verdict)
    trial.close()  # each has connections of its own


def _store_and_judge(trial: Trial, reports: list[Any], cuts: set[int]) -> None:
    for number, report in enumerate(reports):
        trial.stores(made(number, *report))
        if number in cuts:
            judge_new(trial.court)
        if number + 1 in cuts:
            trial.restart()
    trial.judges()
