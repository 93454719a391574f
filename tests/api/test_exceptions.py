"""Exceptions from policies: granted by command, shown by every route, over when they are over."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from subprocess import CompletedProcess
from typing import Any

import pytest

from API.app.audit import operator
from API.app.queries.times import as_ms, from_ms
from tests.api.test_commands import command
from tests.conftest import CollectorProcess, NewCollector, make_report, wait_until

AGENTS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
MINER = {"pid": 7, "name": "xmrig", "username": "www-data"}
NOON = as_ms(datetime(2026, 11, 20, 12, tzinfo=UTC))
HOUR = 3_600_000
GRANTED = """
    INSERT INTO excepciones (num_politica, num_agente, etiqueta, valor, motivo, quien, desde, hasta,
        terminada)
    SELECT num_politica, (SELECT num_agente FROM agentes WHERE hostname = :servidor), :etiqueta,
        :valor, 'Es un laboratorio', 'ana', :desde, :hasta, :terminada
    FROM politicas WHERE id_politica = 'mineros'
"""


@pytest.fixture(scope="module")
def mining(new_shared_collector: NewCollector) -> CollectorProcess:
    """Three servers: web-0 and web-1 mine since 10:00, web-2 does not; web-1 is for tests."""
    collector = new_shared_collector().start()
    for number, agent in enumerate(AGENTS):
        report = make_report(id_agente=agent, hostname=f"web-{number}", usuarios_activos=[],
                             fecha_hora="2026-11-20T10:00:00Z",
                             procesos=[MINER] if number < 2 else [])  # fmt: skip
        assert collector.post(report).status_code == 201
    wait_until(lambda: get(collector, "/cumplimiento")["atraso"]["reportes"] == 0, "all judged")
    assert command(collector, "agentes", "label", "web-1", "entorno=pruebas").returncode == 0
    return collector


@pytest.fixture(autouse=True)
def none_left(mining: CollectorProcess) -> Iterator[None]:
    yield
    mining.execute("DELETE FROM excepciones")


def get(collector: CollectorProcess, path: str) -> Any:
    answer = collector.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def granted(collector: CollectorProcess, **values: Any) -> None:
    """Put an exception there as it would be had it been granted in the past, 11:00 to 13:00."""
    row = {"servidor": None, "etiqueta": None, "valor": None, "terminada": None,
           "desde": NOON - HOUR, "hasta": NOON + HOUR}  # fmt: skip
    collector.execute(GRANTED, **row | values)


def excepted(collector: CollectorProcess, moment: str = "") -> list[str]:
    """Give the servers that are excepted, now or then."""
    path = "/cumplimiento?politica=mineros&veredicto=exceptuado"
    path += f"&en=2026-11-20T{moment}Z" if moment else ""
    return [row["hostname"] for row in get(collector, path)["cumplimiento"]]


def add(collector: CollectorProcess, *arguments: str, **changes: str) -> CompletedProcess[str]:
    options = {"until": "2999-12-31", "reason": "Es un laboratorio"} | changes
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return command(collector, "excepciones", "add", *arguments, *given)


def test_a_server_is_shown_as_excepted_with_reason_and_end(mining: CollectorProcess) -> None:
    done = add(mining, "mineros", "--server", "web-0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": mineros, web-0, hasta 3000-01-01T00:00Z\n")
    [row] = get(mining, "/cumplimiento?politica=mineros&agente=" + AGENTS[0])["cumplimiento"]
    assert row["veredicto"] == "exceptuado"
    assert row["evidencia"] == [MINER]
    shown = row["excepcion"]
    assert (shown["motivo"], shown["quien"]) == ("Es un laboratorio", operator().name)
    assert shown["hasta"] == "3000-01-01T00:00:00.000+00:00"
    [other] = get(mining, "/cumplimiento?politica=mineros&veredicto=no_cumple")["cumplimiento"]
    assert (other["hostname"], other["excepcion"]) == ("web-1", None)
    stored = mining.rows("SELECT veredicto FROM historial_cumplimiento WHERE id_politica = "
                         "'mineros' AND id_agente = ?", AGENTS[0])  # fmt: skip
    assert stored == [{"veredicto": "no_cumple"}]


def test_every_route_shows_it_and_no_score_is_better_for_it(mining: CollectorProcess) -> None:
    def fleet() -> Any:
        listed = get(mining, "/politicas")["politicas"]
        return next(each for each in listed if each["id"] == "mineros")

    routes = ("/cumplimiento?politica=mineros", "/politicas/mineros",
              f"/agentes/{AGENTS[0]}/cumplimiento")  # fmt: skip
    before = [fleet(), *(get(mining, route) for route in routes)]
    assert add(mining, "mineros", "--server", AGENTS[0]).returncode == 0
    after = [fleet(), *(get(mining, route) for route in routes)]
    for old, new in zip(before, after, strict=True):
        assert (old["exceptuado"], new["exceptuado"]) == (0, 1)
        assert old["no_cumple"] - new["no_cumple"] == 1
        assert (old["puntaje"], old["cumple"]) == (new["puntaje"], new["cumple"])
    assert after[0]["puntaje"] == 0.3333
    policy, server = after[2], after[3]
    assert [row["hostname"] for row in policy["incumplen"]] == ["web-1"]
    assert [row["hostname"] for row in policy["exceptuados"]] == ["web-0"]
    [row] = [row for row in server["cumplimiento"] if row["politica"] == "mineros"]
    assert (row["veredicto"], row["excepcion"]["motivo"]) == ("exceptuado", "Es un laboratorio")


def test_what_complies_is_not_excepted_nor_is_another_policy(mining: CollectorProcess) -> None:
    for server in ("web-0", "web-2"):
        assert add(mining, "mineros", "--server", server).returncode == 0
    rows = get(mining, "/cumplimiento?limite=1000")["cumplimiento"]
    found = [(row["hostname"], row["politica"]) for row in rows if row["veredicto"] == "exceptuado"]
    assert found == [("web-0", "mineros")]
    assert {row["veredicto"] for row in rows if row["excepcion"]} == {"exceptuado"}


def test_the_past_shows_what_was_in_force_then(mining: CollectorProcess) -> None:
    granted(mining, servidor="web-0")
    assert excepted(mining, "10:59:59.999") == []
    assert excepted(mining, "11:00:00") == ["web-0"]
    assert excepted(mining, "12:59:59.999") == ["web-0"]
    assert excepted(mining, "13:00:00") == excepted(mining) == []
    path = f"/agentes/{AGENTS[0]}/cumplimiento?en=2026-11-20T12:00:00Z"
    assert get(mining, path)["exceptuado"] == 1


def test_one_that_was_ended_ends_then(mining: CollectorProcess) -> None:
    granted(mining, servidor="web-0", terminada=NOON)
    assert excepted(mining, "11:59:59") == ["web-0"]
    assert excepted(mining, "12:00:00") == []


def test_one_granted_today_does_not_excuse_yesterday(mining: CollectorProcess) -> None:
    assert add(mining, "mineros", "--server", "web-0").returncode == 0
    assert (excepted(mining), excepted(mining, "12:00:00")) == (["web-0"], [])


def test_it_ends_by_itself(mining: CollectorProcess) -> None:
    now = as_ms(datetime.now(UTC))
    granted(mining, servidor="web-0", desde=now - HOUR, hasta=now + 5_000)
    assert excepted(mining) == ["web-0"]
    wait_until(lambda: excepted(mining) == [], "it is over")
    assert as_ms(datetime.now(UTC)) >= now + 5_000


@pytest.mark.parametrize(
    ("label", "servers"),
    [("entorno", ["web-1"]), ("entorno:pruebas", ["web-1"]), ("entorno:produccion", []),
     ("Entorno", []), ("sitio:pruebas", [])],
    ids=["name", "value", "another value", "case", "another name"],
)  # fmt: skip
def test_a_label_excepts_whoever_has_it(
    mining: CollectorProcess, label: str, servers: list[str]
) -> None:
    assert add(mining, "mineros", "--label", label).returncode == 0
    assert excepted(mining) == servers


def test_of_several_the_one_that_lasts_longest_is_shown_once(mining: CollectorProcess) -> None:
    granted(mining, servidor="web-1")
    granted(mining, etiqueta="entorno", hasta=NOON + 3 * HOUR)
    granted(mining, servidor="web-1", hasta=NOON + 9 * HOUR, terminada=NOON + 2 * HOUR)
    path = "/cumplimiento?politica=mineros&veredicto=exceptuado&en=2026-11-20T12:00:00Z"
    [row] = get(mining, path)["cumplimiento"]
    assert row["excepcion"]["hasta"] == from_ms(NOON + 3 * HOUR)


@pytest.mark.parametrize(
    ("policy", "server", "changes", "said"),
    [
        ("no-hay", "web-0", {}, "no hay ninguna política 'no-hay' en vigor"),
        ("mineros", "web-9", {}, "no hay ningún servidor 'web-9'"),
        ("mineros", "web-0", {"until": "2026-11-01"}, "2026-11-02T00:00:00.000+00:00 ya pasó"),
        ("mineros", "web-0", {"until": "2026-11-20T10:00:00Z"}, "ya pasó"),
        ("mineros", "web-0", {"until": "mañana"}, "'mañana' no es una fecha"),
        ("mineros", "web-0", {"until": "9999-12-31"}, "no es una fecha"),
        ("mineros", "web-0", {"reason": "  "}, "diga por qué"),
    ],
    ids=["policy", "server", "past day", "past moment", "no date", "too far", "no reason"],
)
def test_what_cannot_be_granted_is_refused(
    mining: CollectorProcess, policy: str, server: str, changes: dict[str, str], said: str
) -> None:
    entries = mining.rows("SELECT count(*) FROM auditoria")
    done = add(mining, policy, "--server", server, **changes)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert mining.rows("SELECT * FROM excepciones") == []
    assert mining.rows("SELECT count(*) FROM auditoria") == entries


@pytest.mark.parametrize(
    "arguments",
    [["--label", ":x"], ["--label", "x:"], [], ["--server", "web-0", "--label", "x"]],
    ids=["no name", "no value", "nobody", "both"],
)
def test_it_is_for_one_server_or_one_label(mining: CollectorProcess, arguments: list[str]) -> None:
    assert add(mining, "mineros", *arguments).returncode == 2
    assert mining.rows("SELECT * FROM excepciones") == []


def test_a_day_counts_whole_in_utc(mining: CollectorProcess) -> None:
    for until in ("2998-12-31", "2999-01-01T00:00:00", "2999-01-01T02:00:00+02:00"):
        assert add(mining, "mineros", "--server", "web-0", until=until).returncode == 0
    [row] = mining.rows("SELECT DISTINCT hasta FROM excepciones")
    assert from_ms(row["hasta"]) == "2999-01-01T00:00:00.000+00:00"


def test_an_exception_is_ended_once_and_both_are_audited(mining: CollectorProcess) -> None:
    assert add(mining, "mineros", "--label", "entorno").returncode == 0
    [row] = mining.rows("SELECT id_excepcion FROM excepciones")
    number = str(row["id_excepcion"])
    assert excepted(mining) == ["web-1"]
    assert command(mining, "excepciones", "end", number).returncode == 0
    assert excepted(mining) == []
    again = command(mining, "excepciones", "end", number)
    assert again.returncode == 2
    assert f"no hay ninguna excepción {number} en vigor" in again.stderr
    last, before = mining.rows("SELECT * FROM auditoria ORDER BY id_auditoria DESC LIMIT 2")
    assert (before["accion"], before["objeto"]) == ("excepcion.conceder", "mineros")
    assert json.loads(before["detalle"]) == {
        "excepcion": row["id_excepcion"], "para": "entorno", "motivo": "Es un laboratorio",
        "hasta": "3000-01-01T00:00:00.000+00:00",
    }  # fmt: skip
    assert (last["accion"], last["quien"]) == ("excepcion.terminar", operator().name)
    assert json.loads(last["detalle"]) == {"excepcion": row["id_excepcion"]}


def test_one_that_is_over_cannot_be_ended(mining: CollectorProcess) -> None:
    granted(mining, servidor="web-0")
    [row] = mining.rows("SELECT id_excepcion FROM excepciones")
    assert command(mining, "excepciones", "end", str(row["id_excepcion"])).returncode == 2
    assert mining.rows("SELECT terminada FROM excepciones") == [{"terminada": None}]


def test_the_list_has_them_all_with_their_state(mining: CollectorProcess) -> None:
    granted(mining, servidor="web-0")
    granted(mining, etiqueta="entorno", valor="pruebas", terminada=NOON)
    assert add(mining, "mineros", "--server", "web-1", reason="uno\nmineros  dos").returncode == 0
    lines = command(mining, "excepciones", "list").stdout.splitlines()
    title, over, ended, forged = lines
    assert title.startswith("ID")
    assert "  web-0 " in over
    assert "  vencida " in over
    assert "  etiqueta entorno:pruebas  " in ended
    assert "  terminada 2026-11-20T12:00Z  ana " in ended
    assert ended.endswith("  Es un laboratorio")
    assert "  en vigor " in forged
    assert forged.endswith("  uno\\nmineros  dos")


def test_a_fleet_without_exceptions_has_an_empty_list(new_collector: NewCollector) -> None:
    done = command(new_collector(), "excepciones", "list")
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["ID", "POLÍTICA"])
    assert len(done.stdout.splitlines()) == 1
