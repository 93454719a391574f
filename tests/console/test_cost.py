"""What a page may cost: questions to the database, and bytes over the wire."""

import ipaddress
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from API.app.accounts.roles import Role
from API.app.application import create_app
from API.app.controllers.consola.server import VIEWS
from API.app.door.arrival import Arrival
from API.app.door.entrance import ARRIVAL
from API.app.door.origin import Origin
from API.app.ingest.channel import new_address
from API.app.queries.direct import Direct
from API.app.questions import Questions
from API.app.settings import load_settings
from tests.api.people import make_account, make_session
from tests.conftest import DEADLINE_S, CollectorProcess, make_report, wait_until

MOST_QUERIES = 20
MOST_BYTES = 150_000
HERE = Arrival({}, Origin(ipaddress.ip_address("127.0.0.1"), secure=True))
UNJUDGED = """
    SELECT id_serv FROM servers
    WHERE id_serv > coalesce((SELECT hasta FROM avance WHERE que = 'juzgado'), 0)
"""
PAGES = re.compile(r"/consola(/(?!entrar|salir).*)?")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every question that this process asks the database."""
    found: list[str] = []

    def note(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(found.append)

    def opened(self: Questions) -> Direct:
        connection = open_questions(self)
        assert isinstance(connection, sqlite3.Connection)
        note(connection)
        return connection

    open_questions = Questions._open
    monkeypatch.setattr(Questions, "_open", opened)
    event.listen(Engine, "connect", note)
    yield found
    event.remove(Engine, "connect", note)


@pytest.fixture
def app(shared_collector: CollectorProcess, asked: list[str]) -> Iterator[Flask]:
    """The application in this process, on the database of a collector that runs."""
    assert not asked, "what it asks from now on is noted"
    places = ["--storage", str(shared_collector.storage)]
    places += ["--database", str(shared_collector.database)]
    app = create_app(load_settings(places, {}), new_address())
    yield app
    collector = app.extensions["collector"]
    for engine in (collector.engine, collector.reader, collector.patient, collector.probe):
        engine.dispose()
    collector.questions.close()


def logged_in(app: Flask, collector: CollectorProcess) -> FlaskClient:
    secret = make_session(collector, make_account(collector, "coste", Role.ADMINISTRADOR))
    client = app.test_client()
    client.set_cookie("sesion", secret)
    return client


@pytest.mark.sqlite
def test_no_page_asks_more_than_it_may(
    shared_collector: CollectorProcess, app: Flask, asked: list[str]
) -> None:
    for number in range(3):
        shared_collector.post(make_report(hostname=f"web-{number}"))
    [server, *_] = shared_collector.rows("SELECT id_agente FROM agentes")
    # What is judged meanwhile has a page count the fleet anew that need not otherwise.
    wait_until(lambda: not shared_collector.rows(UNJUDGED), "all is judged")
    client = logged_in(app, shared_collector)
    paths = list(pages_of(app, server["id_agente"]))
    assert len(paths) >= 20
    for path in paths:
        asked.clear()
        answer = client.get(path, environ_overrides={ARRIVAL: HERE})
        assert answer.status_code == 200, (path, answer.text)
        questions = [text for text in asked if not text.startswith(("PRAGMA", "BEGIN", "COMMIT"))]
        assert len(questions) <= MOST_QUERIES, (path, questions)


def pages_of(app: Flask, id_agente: str) -> Iterator[str]:
    """Give the address of every page, and of every view of a server."""
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not PAGES.fullmatch(rule.rule):
            continue
        path = rule.rule.replace("<id_politica>", "mineros")
        yield path.replace("<uuid:id_agente>", id_agente)
    ages = "en=0001-01-01T00:00:00Z&contra=9999-12-31T23:59:59.999999Z"
    yield f"/consola/servidores/{id_agente}?ver=diferencias&{ages}"
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for view in VIEWS:
        yield f"/consola/servidores/{id_agente}?ver={view}&en={now}"
    yield "/consola/quien?nombre=systemd"


def test_first_page_is_light(shared_collector: CollectorProcess) -> None:
    secret = make_session(shared_collector, make_account(shared_collector, "ligera"))
    page, size = load(shared_collector, "/consola", f"sesion={secret}")
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(files) > 5
    for path in files:
        size += load(shared_collector, path, "")[1]
    assert size < MOST_BYTES, size


def load(collector: CollectorProcess, path: str, cookie: str) -> tuple[str, int]:
    """Load a file as a browser does; gives its text, and its bytes over the wire."""
    answer = requests.get(collector.url + path, headers={"Cookie": cookie}, timeout=DEADLINE_S)
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip" or len(answer.content) < 1_000
    headers = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
    return answer.text, int(answer.headers["Content-Length"]) + headers
