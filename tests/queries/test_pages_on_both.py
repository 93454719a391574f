"""Every page of the console and every route that only reads say the same on both databases."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import URL

from API.app.application import create_app
from API.app.collector import Collector
from API.app.controllers.consola.server import VIEWS
from API.app.door.arrival import Arrival
from API.app.door.entrance import ARRIVAL
from API.app.door.origin import Origin
from API.app.ingest.channel import new_address
from API.app.settings import load_settings
from tests.queries.lifelike import FIRST_AGENT, SESSION
from tests.two_databases import Both

FROM_HERE = Arrival({}, Origin(ip_address("127.0.0.1"), secure=True))
ATTEMPTS = 5
"""A page may tell of a minute that is over when the other one is asked."""

PATHS = (
    "/consola", "/consola/servidores", "/consola/servidores?buscar=web", "/consola/servidores.csv",
    "/consola/servidores/entonces?en={before}",
    *(f"/consola/servidores/{{agent}}?ver={view}" for view in VIEWS),
    "/consola/servidores/{agent}?ver=cambios&campo=procesos&buscar=SSH", "/consola/politicas",
    "/consola/politicas/politica-1", "/consola/politicas/politica-2?veredicto=exceptuado",
    "/consola/informe", "/consola/cambios", "/consola/cambios?campo=procesos&nombre=sshd",
    "/consola/probar", "/consola/quien", "/consola/quien?nombre=sshd", "/consola/quien?nombre=root",
    "/consola/agentes", "/consola/agentes/alta", "/consola/agentes/{agent}",
    f"/consola/agentes/{FIRST_AGENT}", "/consola/alertas", "/consola/auditoria", "/consola/ajustes",
    "/consola/pulso", "/consola/api", "/consola/cuenta",
    "/agentes/{agent}/cumplimiento", "/cumplimiento/puntajes?por=etiqueta",
    "/politicas/politica-1", "/servers/1100", "/servers?limite=3", "/procesos.csv",
    "/agentes.ndjson", "/cumplimiento.csv", "/auditoria?orden=-id_auditoria",
)  # fmt: skip


@pytest.fixture(scope="module")
def clients(
    both: Both, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    folder = tmp_path_factory.mktemp("pages")
    with ExitStack() as ends:
        here, there = (_client(folder, url, ends) for url in both.urls)
        yield here, there


def _client(folder: Path, url: URL, ends: ExitStack) -> FlaskClient:
    database = url.render_as_string(hide_password=False)
    settings = load_settings(["--storage", str(folder), "--database", database], {})
    app = create_app(settings, new_address())
    collector: Collector = app.extensions["collector"]
    for engine in (collector.engine, collector.reader, collector.patient, collector.probe):
        ends.callback(engine.dispose)
    ends.callback(collector.questions.close)
    client = app.test_client()
    client.set_cookie("sesion", SESSION)
    return client


@pytest.mark.parametrize("path", PATHS)
def test_pages(both: Both, clients: tuple[FlaskClient, FlaskClient], path: str) -> None:
    before = f"{both.now - timedelta(minutes=75):%Y-%m-%dT%H:%MZ}"
    path = path.format(agent=both.identity(1), before=before)
    for _ in range(ATTEMPTS):
        here, there = (told(client, path) for client in clients)
        if here == there:
            return
    assert there == here


def told(client: FlaskClient, path: str) -> str:
    """Give what a page says, but for its own database and for what goes by this very minute."""
    answer = client.get(path, environ_overrides={ARRIVAL: FROM_HERE})
    assert answer.status_code == 200, answer.text
    text = re.sub(r"(sqlite|postgresql):[^\s<>]+|[^\s<>]+\.sqlite", "BASE", answer.text)
    text = re.sub('data-points="[^"]+"', "", text)
    return _MOMENT.sub(_unless_now, text)


_MOMENT = re.compile(r"\b1\d{12}\b|\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")


def _unless_now(found: re.Match[str]) -> str:
    said = found[0]
    if said.isdecimal():
        seconds = int(said) / 1_000
    else:
        seconds = datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp()
    return "AHORA" if abs(seconds - time.time()) < 60 else said
