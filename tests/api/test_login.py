"""Coming in to the console and going out; what attackers try at its door."""

import re
import threading
import time
import uuid
from collections import Counter

import psutil
import pytest
import requests

from API.app.accounts.attempts import FIRST_PAUSE_S, FREE
from API.app.version import VERSION
from bench.exports import server_on
from tests.api.people import (
    FROM_OUR_PAGE,
    PASSWORD,
    Browser,
    ago,
    change,
    command,
    make_account,
)
from tests.conftest import CollectorProcess, NewCollector

WRONG = "otro caballo cualquiera"


def test_it_works(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "ana")
    browser = Browser(shared_collector)
    assert (
        browser.get("/consola/cuenta").headers["Location"]
        == "/consola/entrar?volver=/consola/cuenta"
    )
    door = browser.get("/consola/entrar").text
    assert "Contraseña" in door
    assert VERSION not in door
    answer = browser.log_in(" ANA ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/consola")
    account = browser.get("/consola/cuenta").text
    assert "<strong>ana</strong>" in account
    assert f" {VERSION}." in account
    assert browser.get("/servers").status_code == 200
    assert browser.get("/consola/entrar").headers["Location"] == "/consola"


def test_pages_speak_the_browsers_language(shared_collector: CollectorProcess) -> None:
    page = Browser(shared_collector).get("/consola/entrar", **{"Accept-Language": "en-GB,es;q=0.5"})
    assert '<html lang="en">' in page.text
    assert "Log in" in page.text
    page = Browser(shared_collector).get("/consola/entrar", **{"Accept-Language": "fr"})
    assert '<html lang="es">' in page.text


def test_pages_have_no_inline_code(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "codigo")
    browser = Browser(shared_collector)
    browser.log_in("codigo")
    for path in ("/consola", "/consola/entrar", "/consola/cuenta"):
        text = browser.get(path).text
        assert not re.search(r"<script(?! src=)|<style|style=|\son\w+=|javascript:", text)


def test_the_cookie_is_out_of_reach(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "galleta")
    header = Browser(shared_collector).log_in("galleta").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    assert "Domain" not in header


def test_under_tls_the_cookie_is_bound_to_it(new_collector: NewCollector) -> None:
    collector = new_collector("--tls-self-signed").start()
    make_account(collector, "segura")
    browser = Browser(collector)
    header = browser.log_in("segura").headers["Set-Cookie"]
    assert header.startswith("__Host-sesion=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    assert "Domain" not in header
    assert browser.get("/servers").status_code == 200


def test_logging_out_ends_the_session_itself(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "sale")
    browser, thief = Browser(shared_collector), Browser(shared_collector)
    browser.log_in("sale")
    thief.session.cookies.set("sesion", browser.session.cookies["sesion"])
    assert thief.get("/servers").status_code == 200
    assert browser.post("/consola/salir").status_code == 303
    assert not list(browser.session.cookies)
    assert thief.get("/servers").status_code == 401


@pytest.mark.parametrize(
    ("column", "minutes"), [("usada", 61), ("creada", 721)], ids=["idle", "long"]
)
def test_sessions_end_by_themselves(
    shared_collector: CollectorProcess, column: str, minutes: int
) -> None:
    account = make_account(shared_collector, f"vieja-{column}")
    browser = Browser(shared_collector)
    browser.log_in(f"vieja-{column}")
    statement = f"UPDATE sesiones SET {column} = ? WHERE id_cuenta = ?"  # noqa: S608
    change(shared_collector, statement, ago(minutes=minutes), account)
    assert browser.get("/servers").status_code == 401


def test_use_keeps_a_session(shared_collector: CollectorProcess) -> None:
    account = make_account(shared_collector, "activa")
    browser = Browser(shared_collector)
    browser.log_in("activa")
    age = "UPDATE sesiones SET usada = ? WHERE id_cuenta = ?"
    for _ in range(2):
        change(shared_collector, age, ago(minutes=59), account)
        assert browser.get("/servers").status_code == 200


@pytest.mark.parametrize("action", ["disable", "password"])
def test_what_an_administrator_does_takes_effect_at_once(
    shared_collector: CollectorProcess, action: str
) -> None:
    name = f"echada-{action}"
    make_account(shared_collector, name)
    browser = Browser(shared_collector)
    browser.log_in(name)
    assert browser.get("/servers").status_code == 200
    assert command(shared_collector, "cuentas", action, name, typed=WRONG).returncode == 0
    assert browser.get("/servers").status_code == 401
    assert browser.log_in(name).status_code == 401


def test_five_wrong_passwords_slow_the_sixth(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "lenta")
    browser = Browser(shared_collector, "127.0.1.1")
    answers = [browser.log_in("lenta", WRONG).status_code for _ in range(FREE)]
    assert answers == [401] * FREE
    sixth = browser.log_in("lenta")  # the right one, and too soon
    assert sixth.status_code == 429
    assert 1 <= int(sixth.headers["Retry-After"]) <= 4
    elsewhere = Browser(shared_collector, "127.0.1.2").log_in("lenta")
    assert elsewhere.status_code == 429, "the account is slowed from everywhere"
    past = "UPDATE intentos SET ultimo = ? WHERE quien = ?"
    change(shared_collector, past, ago(seconds=5), "cuenta:lenta")
    change(shared_collector, past, ago(seconds=5), "red:127.0.1.1")
    assert browser.log_in("lenta").status_code == 303
    assert not shared_collector.rows("SELECT * FROM intentos WHERE quien = 'cuenta:lenta'")


def test_a_network_that_tries_many_names_is_slowed(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "una-de-muchas")
    browser = Browser(shared_collector, "127.0.2.1")
    for number in range(FREE):
        assert browser.log_in(f"nadie-{number}", WRONG).status_code == 401
    assert browser.log_in("una-de-muchas").status_code == 429
    assert Browser(shared_collector, "127.0.2.2").log_in("una-de-muchas").status_code == 303


def test_many_at_once_are_not_many_guesses(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "asediada")
    answers: list[int] = []

    def guess(number: int) -> None:
        browser = Browser(shared_collector, f"127.0.3.{number}")
        answers.append(browser.log_in("asediada", WRONG).status_code)

    guesses = [threading.Thread(target=guess, args=(number,)) for number in range(1, 21)]
    began = time.monotonic()
    for thread in guesses:
        thread.start()
    for thread in guesses:
        thread.join()
    found, pauses = Counter(answers), (time.monotonic() - began) // FIRST_PAUSE_S
    assert found.keys() == {401, 429}
    assert FREE <= found[401] <= FREE + pauses


def test_nobody_learns_which_accounts_there_are(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "existe")
    make_account(shared_collector, "inactiva")
    command(shared_collector, "cuentas", "disable", "inactiva")
    process, worked, texts = server_on(shared_collector.port), Counter[str](), set()
    for number in range(FREE - 1):
        for name in ("existe", "no-existe", "inactiva"):
            browser = Browser(shared_collector, f"127.0.4.{number + 1}")
            before = worked_ms(process)
            answer = browser.log_in(name, WRONG)
            worked[name] += worked_ms(process) - before
            texts.add((answer.status_code, answer.text))
    assert len(texts) == 1
    assert max(worked.values()) < 2 * min(worked.values()), worked


def worked_ms(process: psutil.Process) -> int:
    """Tell how long a process has worked; on any machine it is what an answer takes."""
    times = process.cpu_times()
    return round(1000 * (times.user + times.system))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "HERE"},
    ],
    ids=str,
)
def test_a_page_of_somebody_elses_changes_nothing(
    shared_collector: CollectorProcess, headers: dict[str, str]
) -> None:
    headers = {name: value.replace("HERE", shared_collector.url) for name, value in headers.items()}
    name = f"csrf-{uuid.uuid4()}"
    account = make_account(shared_collector, name)
    browser = Browser(shared_collector)
    assert browser.post("/consola/entrar", headers, nombre=name, clave=PASSWORD).status_code == 403
    browser.log_in(name)
    fields = {"nombre": "x", "alcance": "lector", "dias": "1"}
    assert browser.post("/consola/cuenta/tokens", headers, **fields).status_code == 403
    assert browser.post("/consola/salir", headers).status_code == 403
    assert browser.get("/consola/cuenta").status_code == 200
    kept = "SELECT * FROM tokens_personales WHERE id_cuenta = ?"
    assert not shared_collector.rows(kept, account)


def test_an_old_browser_names_its_origin(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "antigua")
    headers = {"Origin": shared_collector.url}
    browser = Browser(shared_collector)
    answer = browser.post("/consola/entrar", headers, nombre="antigua", clave=PASSWORD)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nombre=x", 400),
        (b"nombre=%ff&clave=%00", 401),
        (b"nombre=x&clave=" + b"y" * 2000, 401),
        (b"nombre=x&clave=" + b"y" * 20_000, 413),
        (b"\xff\xfe\x00&&&===", 400),
    ],
    ids=["empty", "half", "bytes", "long", "too long", "noise"],
)
def test_any_form_is_answered(shared_collector: CollectorProcess, body: bytes, status: int) -> None:
    session = Browser(shared_collector, "127.0.5.1").session
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = session.post(
        f"{shared_collector.url}/consola/entrar",
        data=body,
        headers=FROM_OUR_PAGE | kind,
        timeout=20,
    )
    assert answer.status_code == status


def test_who_came_in_and_who_did_not_is_in_the_audit(shared_collector: CollectorProcess) -> None:
    make_account(shared_collector, "auditada")
    browser = Browser(shared_collector, "127.0.6.1")
    browser.log_in("auditada", WRONG)
    browser.log_in("auditada")
    browser.log_in("inventada", WRONG)
    found = shared_collector.rows(
        "SELECT quien, desde, accion FROM auditoria WHERE desde = '127.0.6.1' ORDER BY id_auditoria"
    )
    assert found == [
        {"quien": "auditada", "desde": "127.0.6.1", "accion": "sesion.rechazar"},
        {"quien": "auditada", "desde": "127.0.6.1", "accion": "sesion.abrir"},
    ]
    assert "inventada" not in shared_collector.log


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_a_forged_address_evades_nothing(shared_collector: CollectorProcess, header: str) -> None:
    answer = requests.post(
        f"{shared_collector.url}/consola/entrar", headers=FROM_OUR_PAGE | {header: "10.0.0.1"},
        data={"nombre": "x", "clave": "y"}, timeout=20,
    )  # fmt: skip
    assert answer.status_code == 403
