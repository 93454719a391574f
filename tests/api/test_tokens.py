"""Personal tokens: made, used, over, revoked."""

import re

import pytest
import requests

from API.app.accounts.roles import Role
from tests.api.people import FROM_OUR_PAGE, Browser, ago, change, command, make_account
from tests.conftest import CollectorProcess, NewCollector


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def logged_in(collector: CollectorProcess, name: str, role: Role = Role.LECTOR) -> Browser:
    make_account(collector, name, role)
    browser = Browser(collector)
    assert browser.log_in(name).status_code == 303
    return browser


def make_token(browser: Browser, name: str = "guion", scope: str = "lector") -> str:
    page = browser.post("/consola/cuenta/tokens", nombre=name, alcance=scope, dias="30").text
    found = re.search(r'id="token">(persona_[\w-]{43})<', page)
    assert found, page
    return found[1]


def test_it_works(shared_collector: CollectorProcess) -> None:
    browser = logged_in(shared_collector, "ana")
    token = make_token(browser)
    assert shared_collector.get("/servers", headers=bearer(token)).status_code == 200
    page = browser.get("/consola/cuenta").text
    assert token not in page
    [number] = re.findall(r"tokens/(\d+)/revocar", page)
    assert browser.post(f"/consola/cuenta/tokens/{number}/revocar").status_code == 303
    answer = shared_collector.get("/servers", headers=bearer(token))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_made_by_command(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    make_account(collector, "guiones")
    made = command(collector, "cuentas", "token", "guiones", "--nombre", "copia", "--dias", "7")
    token = made.stdout.strip()
    assert collector.get("/servers", headers=bearer(token)).status_code == 200
    [shown] = command(collector, "cuentas", "tokens", "guiones").stdout.splitlines()
    assert re.fullmatch(r" +1  lector +hasta \d{4}-\d\d-\d\d  usado \d{4}-\d\d-\d\d +copia", shown)
    command(collector, "cuentas", "revoke", "guiones", "1")
    assert collector.get("/servers", headers=bearer(token)).status_code == 401


def test_a_token_ends(shared_collector: CollectorProcess) -> None:
    token = make_token(logged_in(shared_collector, "breve"), "se-acaba")
    past = "UPDATE tokens_personales SET caduca = ? WHERE nombre = ?"
    change(shared_collector, past, ago(seconds=1), "se-acaba")
    assert shared_collector.get("/servers", headers=bearer(token)).status_code == 401


def test_disabling_an_account_ends_its_tokens_for_good(shared_collector: CollectorProcess) -> None:
    token = make_token(logged_in(shared_collector, "vuelve"))
    for action in ("disable", "enable"):
        command(shared_collector, "cuentas", action, "vuelve")
        assert shared_collector.get("/servers", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Bearer x", "Basic YW5hOmFuYQ==", "bearer persona_" + "A" * 43, "Ñ \xff",
     "Bearer ' OR 1=1 --", "Bearer " + "x" * 5000],
    ids=lambda value: value[:16],
)  # fmt: skip
def test_wrong_credentials_are_refused(shared_collector: CollectorProcess, value: str) -> None:
    header = {"Authorization": value.encode("latin-1")}
    answer = requests.get(f"{shared_collector.url}/servers", headers=header, timeout=20)
    assert answer.status_code == 401


def test_wrong_credentials_are_not_made_good_by_others(shared_collector: CollectorProcess) -> None:
    browser = logged_in(shared_collector, "dos")
    assert browser.get("/servers", Authorization="Bearer x").status_code == 401


def test_a_token_opens_no_page_and_makes_no_token(shared_collector: CollectorProcess) -> None:
    token = make_token(
        logged_in(shared_collector, "jefa", Role.ADMINISTRADOR), scope="administrador"
    )
    browser = Browser(shared_collector)
    assert browser.get("/consola/cuenta", **bearer(token)).status_code == 303
    headers = {"Sec-Fetch-Site": "same-origin", **bearer(token)}
    answer = browser.post("/consola/cuenta/tokens", headers, nombre="x", alcance="lector", dias="1")
    assert answer.headers["Location"] == "/consola/entrar"


@pytest.mark.parametrize(
    "path", ["/consola/cuenta/tokens/{}/revocar", "/consola/cuenta/sesiones/{}/cerrar"]
)
def test_nobody_ends_what_is_somebody_elses(shared_collector: CollectorProcess, path: str) -> None:
    name = "victima-" + path.split("/")[3]
    token = make_token(logged_in(shared_collector, name))
    thief = logged_in(shared_collector, "ladrona-" + path.split("/")[3])
    for number in range(12):
        answer = thief.post(path.format(number + 1))
        if answer.status_code != 404:
            assert answer.status_code == 303, "its own session"
            break
    assert thief.post(path.format(1 << 64)).status_code in (303, 404)
    assert shared_collector.get("/servers", headers=bearer(token)).status_code == 200
    kept = "SELECT count(*) AS n FROM sesiones JOIN cuentas USING (id_cuenta) WHERE nombre = ?"
    assert shared_collector.rows(kept, name) == [{"n": 1}]


def test_a_name_is_shown_as_text(shared_collector: CollectorProcess) -> None:
    browser = logged_in(shared_collector, "marcada")
    hostile = '"><script>alert(1)</script>'
    make_token(browser, hostile)
    browser.session.headers["User-Agent"] = hostile
    browser.session.cookies.clear()
    browser.log_in("marcada")
    page = browser.get("/consola/cuenta").text
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 2


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"nombre": "x", "alcance": "todo", "dias": "1"}, 400),
        ({"nombre": "x", "alcance": "lector", "dias": "-1"}, 400),
        ({"nombre": "x", "alcance": "lector", "dias": "9" * 400}, 400),
        ({"nombre": "x", "alcance": "lector", "dias": "0"}, 400),
        ({"nombre": " ", "alcance": "lector", "dias": "1"}, 400),
        ({"nombre": "\0\r\n", "alcance": "lector", "dias": "1"}, 400),
        ({"nombre": "x" * 101, "alcance": "lector", "dias": "1"}, 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_forms_make_no_token(
    shared_collector: CollectorProcess, fields: dict[str, str], status: int
) -> None:
    browser = Browser(shared_collector)
    name = "formularios"
    if not shared_collector.rows("SELECT * FROM cuentas WHERE nombre = ?", name):
        make_account(shared_collector, name)
    browser.log_in(name)
    assert browser.post("/consola/cuenta/tokens", FROM_OUR_PAGE, **fields).status_code == status


def test_the_local_file_opens_this_machine_and_this_run_alone(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    file = collector.storage / "acceso-local"
    assert file.stat().st_mode & 0o777 == 0o640
    first = collector.local_access
    assert collector.get("/servers", headers=first).status_code == 200
    forged = first | {"X-Forwarded-For": "127.0.0.1"}
    assert collector.get("/servers", headers=forged).status_code == 403
    assert collector.stop() == 0
    assert not file.exists()
    collector.start()
    assert collector.local_access != first
    assert collector.get("/servers", headers=first).status_code == 401
