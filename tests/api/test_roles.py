"""Every route there is: without credentials, and with each role."""

import re

import pytest
import requests
from werkzeug.routing import Rule

from API.app.accounts.roles import Role
from API.app.application import create_app
from API.app.ingest.channel import new_address
from API.app.settings import load_settings
from API.app.version import HEADER
from createDB.build import build
from tests.api.people import FROM_OUR_PAGE, make_account, make_session
from tests.conftest import CollectorProcess

OPEN = {
    "static": "style sheets",
    "console.show_root": "leads to the console",
    "console.keep_preference": "the language of the door itself",
    "health.is_alive": "whoever watches the collector",
    "health.is_ready": "whoever watches the collector",
    "servers.receive_report": "agents have their own way in",
    "console.show_login": "the door itself",
    "console.log_in": "the door itself",
    "agentes.enrol_agent": "agents have their own way in",
    "certificates.show_authority": "agents fetch it before they have credentials",
}
"""Routes that need no person's credentials, and why."""

NEEDS = {
    "console.invite": Role.ADMINISTRADOR,
    "console.invite_within": Role.ADMINISTRADOR,
    "console.retry_alerts": Role.OPERADOR,
    "console.show_settings": Role.ADMINISTRADOR,
    "console.show_trail": Role.ADMINISTRADOR,
    "console.label_agent": Role.OPERADOR,
    "console.rotate_agent": Role.ADMINISTRADOR,
    "resources.auditoria": Role.ADMINISTRADOR,
    "resources.auditoria_as": Role.ADMINISTRADOR,
    "console.act_on_agent": Role.OPERADOR,
    "console.add_exception": Role.OPERADOR,
    "console.end_exception": Role.OPERADOR,
    "console.show_trial": Role.OPERADOR,
    "console.run_trial": Role.OPERADOR,
}
"""Routes for which it takes more than `lector`."""

VALUES = {"int": "999999", "uuid": "00000000-0000-4000-8000-000000000000", "path": "x", "": "x",
          "formato": "csv"}  # fmt: skip


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Rule, str, str]]:
    """Every rule with each of its methods and a path that fits it."""
    folder = tmp_path_factory.mktemp("routes")
    arguments = ["--storage", str(folder), "--database", str(folder / "servers.sqlite")]
    settings = load_settings(arguments, {})
    build(settings.database)
    rules = create_app(settings, new_address()).url_map.iter_rules()
    return [
        (rule, method, re.sub(r"<(?:(\w+):)?\w+>", lambda found: VALUES[found[1] or ""], rule.rule))
        for rule in rules
        for method in (rule.methods or set()) - {"OPTIONS"}
    ]


def test_nobody_gets_in_without_credentials(
    shared_collector: CollectorProcess, routes: list[tuple[Rule, str, str]]
) -> None:
    closed = [route for route in routes if route[0].endpoint not in OPEN]
    assert len(closed) > 8
    for rule, method, path in closed:
        answer = request(shared_collector, method, path)
        if path.startswith("/consola"):
            assert answer.headers["Location"].startswith("/consola/entrar"), rule
        else:
            assert answer.status_code == 401, rule
    for _, method, path in routes:
        assert HEADER not in request(shared_collector, method, path).headers
        assert "id_serv" not in answer.text


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_it_is_for(
    shared_collector: CollectorProcess, routes: list[tuple[Rule, str, str]], role: Role
) -> None:
    account = make_account(shared_collector, f"rol-{role}", role)
    for rule, method, path in routes:
        if rule.endpoint in OPEN:
            continue
        cookie = {"Cookie": f"sesion={make_session(shared_collector, account)}"}
        answer = request(shared_collector, method, path, **cookie)
        allowed = role.covers(NEEDS.get(rule.endpoint, Role.LECTOR))
        assert (answer.status_code not in (401, 403)) == allowed, (rule, answer.text)


def request(
    collector: CollectorProcess, method: str, path: str, **headers: str
) -> requests.Response:
    return requests.request(
        method, f"{collector.url}{path}", headers=FROM_OUR_PAGE | headers, allow_redirects=False,
        timeout=20,
    )  # fmt: skip
