"""Two machines under one identity: noticed by their boots, told apart, never a false alarm."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CollectorProcess, NewCollector, make_report
from tests.enrolment import ELSEWHERE, Member, enrolled, operate

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: float) -> str:
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


def status(member: Member, boot: str | None, minutes: float) -> int:
    return member.report(id_arranque=boot, fecha_hora=at(minutes)).status_code


def test_a_boot_that_comes_back_is_another_machine(new_collector: NewCollector) -> None:
    collector = new_collector(*ELSEWHERE).start()
    member = enrolled(collector)
    assert status(member, "a", 0) == 201
    assert status(member, "b", 1) == 201
    answer = member.report(id_arranque="a", fecha_hora=at(2))
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert status(member, "b", 3) == 201
    assert len(collector.numbers()) == 3
    assert "two machines report under one identity" in collector.log
    [row] = collector.rows("SELECT clon_visto IS NOT NULL AS seen FROM agentes")
    assert row == {"seen": 1}
    assert "dos máquinas con su identidad" in operate(collector, "agentes", "list")


def test_the_other_machine_enrols_anew_with_the_token_that_both_have(
    new_collector: NewCollector,
) -> None:
    collector = new_collector(*ELSEWHERE).start()
    member = enrolled(collector)
    for boot, minute in (("a", 0), ("b", 1)):
        assert status(member, boot, minute) == 201
    assert status(member, "a", 2) == 409
    other = Member(collector)
    assert other.enrol(member.token).status_code == 201
    assert other.enrol(member.token).status_code == 200
    for minute in range(3, 6):
        assert status(other, "a", minute) == 201
        assert status(member, "b", minute) == 201
    rows = collector.rows("SELECT id_agente, id_arranque FROM servers WHERE fecha_hora >= ?",
                          "2026-01-01 00:03")  # fmt: skip
    assert {(row["id_agente"], row["id_arranque"]) for row in rows} == {
        (other.id_agente, "a"), (member.id_agente, "b"),
    }  # fmt: skip
    listed = operate(collector, "agentes", "list")
    assert f"clon de {member.id_agente}" in listed
    trail = operate(collector, "auditoria").splitlines()[-1]
    assert f"agente {member.id_agente}  127.0.0.1  agente.alta  {other.id_agente}" in trail
    assert f"con su token se dio de alta {other.id_agente}" in operate(
        collector, "agentes", "revoke", member.id_agente
    )
    assert status(other, "a", 7) == 201, "revoking one is not revoking the other"


def test_clones_enrol_within_the_limit_of_a_minute(new_collector: NewCollector) -> None:
    collector = new_collector("--altas-minuto", "2").start()
    member = enrolled(collector)
    assert Member(collector).enrol(member.token).status_code == 201
    assert Member(collector).enrol(member.token).status_code == 429


def test_reports_of_an_earlier_boot_that_come_late_are_taken(
    shared_collector: CollectorProcess,
) -> None:
    member = enrolled(shared_collector)
    assert status(member, "a", 0) == 201
    assert status(member, "b", 60) == 201
    for minute in (59, 1, 30, 60):
        assert status(member, "a", minute) == 201
    assert status(member, "b", 61) == 201


def test_what_the_boot_before_reported_with_a_fast_clock_counts_as_before(
    shared_collector: CollectorProcess,
) -> None:
    """Its clock was set back at the reboot; what came from it before is no sign of a clone."""
    member = enrolled(shared_collector)
    assert status(member, "a", 100) == 201
    assert status(member, "a", 104) == 201
    assert status(member, "b", 102) == 201, "the next boot, by a clock that is right again"
    assert status(member, "a", 103) == 201, "late"
    assert status(member, "b", 105) == 201
    assert status(member, "a", 106) == 409


@pytest.mark.parametrize("boot", [None, "", "x"])
def test_who_can_not_tell_its_boot_is_no_clone(
    shared_collector: CollectorProcess, boot: str | None
) -> None:
    member = enrolled(shared_collector)
    for minute, now in enumerate(("x", boot, "x", boot)):
        assert status(member, now, minute) == 201


def test_clones_without_a_token_are_noticed_too(shared_collector: CollectorProcess) -> None:
    report = make_report(id_arranque="a", fecha_hora=at(0))
    answers = [
        shared_collector.post(
            report | {"id_arranque": boot, "fecha_hora": at(n), "id_reporte": str(uuid.uuid4())}
        ).status_code
        for n, boot in enumerate(("a", "b", "a"))
    ]
    assert answers == [201, 201, 409]


def test_a_restart_of_the_collector_forgets_no_boot(collector: CollectorProcess) -> None:
    member = enrolled(collector)
    assert status(member, "a", 0) == 201
    assert status(member, "b", 1) == 201
    collector.stop()
    collector.start()
    assert status(member, "a", 2) == 409
    assert status(member, "b", 3) == 201
    assert collector.rows("SELECT id_arranque FROM arranques ORDER BY desde") == [
        {"id_arranque": "a"}, {"id_arranque": "b"},
    ]  # fmt: skip


def test_boots_that_are_made_up_do_not_fill_the_database(
    shared_collector: CollectorProcess,
) -> None:
    member = enrolled(shared_collector)
    for minute in range(130):
        assert status(member, f"made-up-{minute}", minute) == 201
    [row] = shared_collector.rows(
        "SELECT count(*) AS many FROM arranques JOIN agentes USING (num_agente) "
        "WHERE id_agente = ?", member.id_agente,
    )  # fmt: skip
    assert row["many"] == 100


BOOTS = st.lists(st.tuples(st.integers(1, 4), st.integers(-20_000, 20_000)), min_size=1, max_size=5)


@given(boots=BOOTS)
def test_one_machine_is_never_taken_for_two_however_wrong_its_clock(
    shared_collector: CollectorProcess, boots: list[tuple[int, int]]
) -> None:
    """Each boot's clock may be off by days, and is set anew by the next; reports come in order."""
    member, minute = Unenrolled(shared_collector), 0
    for boot, (reports, skew) in enumerate(boots):
        for _ in range(reports):
            minute += 1
            assert member.status(f"boot-{boot}", minute + skew) == 201


@given(boots=st.lists(st.integers(1, 4), min_size=1, max_size=5), chance=st.randoms())
def test_one_machine_is_never_taken_for_two_in_whatever_order_its_reports_come(
    shared_collector: CollectorProcess, boots: list[int], chance: random.Random
) -> None:
    member = Unenrolled(shared_collector)
    gathered = [f"boot-{boot}" for boot, reports in enumerate(boots) for _ in range(reports)]
    reports = list(enumerate(gathered))
    chance.shuffle(reports)
    for minute, boot in reports:
        assert member.status(boot, minute) == 201


@given(turns=st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=2, max_size=16))
def test_of_several_machines_only_the_latest_boot_goes_on(
    shared_collector: CollectorProcess, turns: list[tuple[int, bool]]
) -> None:
    """Machines report in any turn, and may boot before they do; whoever was followed is refused."""
    member = Unenrolled(shared_collector)
    boots, current, followed = [0, 0, 0], "", set[str]()
    for minute, (machine, reboots) in enumerate(turns):
        boots[machine] += reboots
        boot = f"{machine}-{boots[machine]}"
        expected = 409 if boot in followed else 201
        assert member.status(boot, minute) == expected
        if expected == 201 and boot != current:
            followed |= {current} - {""}
            current = boot


class Unenrolled:
    """A server without a token, in a network that needs none."""

    def __init__(self, collector: CollectorProcess) -> None:
        self.collector, self.id_agente = collector, str(uuid.uuid4())

    def status(self, boot: str, minutes: float) -> int:
        report = make_report(id_agente=self.id_agente, id_arranque=boot, fecha_hora=at(minutes))
        return self.collector.post(report).status_code
