"""What an audit report says of a period, to the millisecond."""

from typing import Any

import pytest

from API.app.auditing.model import Times, Violation
from tests.past import END, HOUR, START, Past, at

EVERY_HOUR = tuple(range(-5, 240))


def times(past: Past, **scope: object) -> Times:
    """Give the times of the only server and policy."""
    _, [server] = past.audit(**scope)
    [record] = server.politicas
    return record.tiempos


def hours(**given: float) -> Times:
    return Times(**{name: round(value * HOUR) for name, value in given.items()})


@pytest.fixture
def watched(past: Past) -> Past:
    """A server that reported every hour, since before the period, and a policy."""
    past.server(1, *EVERY_HOUR)
    past.policy(1, "ftp")
    return past


def test_periods_are_cut_to_the_window(watched: Past) -> None:
    watched.said(1, 1, "no_cumple", -5, -1, evidencia='[{"pid": 1}]')
    watched.said(1, 1, "cumple", -1, 10)
    watched.said(1, 1, "no_cumple", 10, 12, evidencia='[{"pid": 7}]', evidencia_ultima="[]")
    watched.said(1, 1, "sin_datos", 12, 20)
    watched.said(1, 1, "no_aplica", 20, 30)
    watched.said(1, 1, "no_cumple", 30, 300, evidencia='[{"pid": 9}]', evidencia_ultima="[]")
    _, [server] = watched.audit()
    [record] = server.politicas
    assert record.tiempos == hours(cumple=10, no_cumple=212, sin_datos=8, no_aplica=10)
    assert record.tiempos.share == pytest.approx(10 / 222)
    assert record.incumplimientos == [
        Violation(at(10), at(12), [{"pid": 7}], [], None, []),
        Violation(at(30), None, [{"pid": 9}], None, None, []),
    ]


def test_a_period_that_ends_where_the_window_begins_is_not_in_it(watched: Past) -> None:
    watched.said(1, 1, "no_cumple", -5, 0)
    watched.said(1, 1, "cumple", 0, 240)
    watched.said(1, 1, "no_cumple", 240)
    assert times(watched) == hours(cumple=240)


def test_what_no_policy_said_is_told(watched: Past) -> None:
    watched.said(1, 1, "cumple", 100, 150)
    watched.said(1, 1, "cumple", 160)
    assert times(watched) == hours(cumple=130, sin_juzgar=110)


def test_time_before_the_first_report_does_not_count(past: Past) -> None:
    past.server(1, *range(200, 240))
    past.policy(1, "ftp")
    past.said(1, 1, "cumple", 200)
    assert times(past) == hours(cumple=40)


def test_time_out_of_service_does_not_count(watched: Past) -> None:
    watched.said(1, 1, "no_cumple", -5)
    watched.did(1, "agente.retirar", 40)
    watched.did(1, "agente.volver", 60)
    watched.did(1, "agente.revocar", 100)
    audit, [server] = watched.audit()
    assert server.en_servicio == [(START, at(40)), (at(60), at(100))]
    assert audit.time == 80 * HOUR
    assert server.politicas[0].tiempos == hours(no_cumple=80)
    gone, none = watched.audit(desde=at(120))
    assert (gone.servers, none, gone.policies) == (0, [], [])


def test_compliance_is_not_believed_of_a_silent_server_but_violations_are(past: Past) -> None:
    past.server(1, -1, 10, 100)
    past.policy(1, "ftp")
    past.policy(2, "telnet")
    past.policy(3, "silencio", requiere=["agentes", "servers"])
    past.said(1, 1, "cumple", -1)
    past.said(1, 2, "no_cumple", -1)
    past.said(1, 3, "cumple", -1)
    audit, [server] = past.audit()
    assert server.sin_reportes == [(at(2), at(10)), (at(13), at(100)), (at(103), END)]
    silent = 8 + 87 + 137
    found = {record.politica: record.tiempos for record in server.politicas}
    assert found == {
        "ftp": hours(cumple=240 - silent, sin_reportes=silent),
        "telnet": hours(no_cumple=240),
        "silencio": hours(cumple=240),  # the clock told that, not a report
    }
    assert audit.silence == silent * HOUR


def test_silence_that_began_before_the_window_goes_on_in_it(past: Past) -> None:
    past.server(1, -100)
    past.policy(1, "ftp")
    past.said(1, 1, "cumple", -100)
    assert times(past) == hours(sin_reportes=240)


def test_no_silence_is_told_of_who_reports_when_asked_or_of_reports_that_were_removed(
    past: Past,
) -> None:
    past.server(1, -1, intervalo=None)
    past.server(2, -1, 220, 239)
    past.policy(1, "ftp")
    past.said(1, 1, "cumple", -1)
    past.said(2, 1, "cumple", -1)
    past.put("retencion", que="reportes", hasta=at(200))
    with past.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM servers WHERE momento = ?", (at(-1),))
    _, [one, other] = past.audit()
    assert (one.sin_reportes, other.sin_reportes) == ([], [(at(223), at(239))])


def test_an_exception_is_told_apart_and_makes_no_share_better(watched: Past) -> None:
    watched.said(1, 1, "cumple", -5, 100)
    watched.said(1, 1, "no_cumple", 100)
    watched.waived(1, 90, 130, num_agente=1)
    watched.waived(1, 120, 500, num_agente=1, terminada=at(150))
    watched.waived(1, 200, 500, num_agente=1, terminada=at(300))
    audit, [server] = watched.audit()
    [record] = server.politicas
    assert record.tiempos == hours(cumple=100, no_cumple=50, exceptuado=90)
    assert record.tiempos.share == pytest.approx(100 / 240)
    assert record.incumplimientos[0].excepciones == [1, 2, 3]
    assert [(each.motivo, each.quien, each.terminada) for each in audit.waivers] == [
        ("Es un laboratorio", "ana", None),
        ("Es un laboratorio", "ana", at(150)),
        ("Es un laboratorio", "ana", None),  # it was in force at the end of the period
    ]


def test_a_label_excepts_while_a_server_had_it(watched: Past) -> None:
    watched.server(2, *EVERY_HOUR, etiquetas='{"entorno": "pruebas"}')
    watched.policy(2, "telnet")
    for server in (1, 2):
        watched.said(server, 1, "no_cumple", -5)
    watched.did(1, "agente.etiquetar", 20, {"entorno": "pruebas"})
    watched.did(1, "agente.etiquetar", 50, {"entorno": "produccion"})
    watched.waived(1, 10, 40, etiqueta="entorno", valor="pruebas")
    watched.waived(1, 0, 40, etiqueta="sitio")
    watched.waived(2, 0, 40, etiqueta="entorno")
    audit, [one, other] = watched.audit()
    assert one.politicas[0].tiempos == hours(exceptuado=20, no_cumple=220)
    assert other.politicas[0].tiempos == hours(exceptuado=30, no_cumple=210)
    assert [(each.etiqueta, each.servidores) for each in audit.waivers] == [
        ("entorno:pruebas", 2), ("entorno", 2)
    ]  # fmt: skip


def test_it_is_of_whom_and_what_is_asked_for(watched: Past) -> None:
    two = watched.server(2, *EVERY_HOUR)
    watched.policy(2, "telnet", vigente=0)
    for server in (1, 2):
        for policy in (1, 2):
            watched.said(server, policy, "cumple", -5)
    watched.did(2, "agente.etiquetar", 20, {"entorno": "pruebas"})
    watched.did(1, "agente.etiquetar", 20, {"entorno": "pruebas"})
    watched.did(1, "agente.etiquetar", 239, {})
    for scope in ({"servidor": two}, {"etiqueta": "entorno"}, {"etiqueta": "entorno:pruebas"}):
        audit, [found] = watched.audit(**scope)
        assert found.id_agente == two
        assert [each.id_politica for each in audit.policies] == ["ftp", "telnet"]
    assert watched.audit(etiqueta="entorno:produccion")[1] == []
    audit, both = watched.audit(politica="telnet")
    assert [[each.politica for each in server.politicas] for server in both] == [["telnet"]] * 2
    assert [each.servidores for each in audit.policies] == [2]


def test_the_same_past_has_the_same_hash_whatever_comes_after(watched: Past) -> None:
    watched.server(2, *EVERY_HOUR)
    watched.said(1, 1, "no_cumple", 10, evidencia='[{"pid": 9}]')
    watched.said(2, 1, "cumple", 10)
    watched.waived(1, 20, 500, num_agente=1)
    before = watched.hash()
    assert before == watched.hash()
    with watched.engine.begin() as connection:
        for change in (
            "UPDATE cumplimiento SET hasta = {end} + 5, evidencia_ultima = '[]', razon = 'x'",
            "UPDATE excepciones SET terminada = {end}",
            "UPDATE agentes SET hostname = 'zeta-' || num_agente, estado = 'retirado'",
            "UPDATE politicas SET titulo = 'Otro', huella = 'y', vigente = 0",
        ):
            connection.exec_driver_sql(change.format(end=END))
    watched.did(1, "agente.retirar", 240)
    watched.did(1, "agente.etiquetar", 240, {"entorno": "pruebas"})
    watched.said(1, 1, "cumple", 241)
    assert watched.hash() == before


@pytest.mark.parametrize(
    "change",
    ["UPDATE cumplimiento SET desde = desde + 1", "UPDATE cumplimiento SET hasta = {end} - 1",
     "UPDATE cumplimiento SET evidencia = '[]'", "UPDATE excepciones SET motivo = 'otro'",
     "UPDATE excepciones SET terminada = {end} - 1", "DELETE FROM cumplimiento"],
)  # fmt: skip
def test_another_past_has_another_hash(watched: Past, change: str) -> None:
    watched.said(1, 1, "no_cumple", 10, evidencia='[{"pid": 9}]')
    watched.waived(1, 20, 500, num_agente=1)
    before = watched.hash()
    with watched.engine.begin() as connection:
        connection.exec_driver_sql(change.format(end=END))
    assert watched.hash() != before


def test_another_question_has_another_hash(watched: Past) -> None:
    watched.said(1, 1, "cumple", 10)
    scopes: tuple[dict[str, Any], ...] = (
        {},
        {"hasta": END - 1},
        {"politica": "ftp"},
        {"etiqueta": "x"},
    )
    assert len({watched.hash(**scope) for scope in scopes}) == len(scopes)
