"""Debian's nginx in front of the collector, set up as deploy/nginx has it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
import requests

from tests.api.test_tls import make_pair
from tests.conftest import (
    DEADLINE_S,
    ROOT,
    CollectorProcess,
    NewCollector,
    free_port,
    make_report,
    program,
    wait_until,
)
from tests.enrolment import new_secret, operate
from tests.installation import clean_environment

EXAMPLE = ROOT / "deploy" / "nginx" / "compliance.conf"
AROUND = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/compliance.conf;
}}
"""


@dataclass
class Proxied:
    """A collector, and the address of the nginx in front of it."""

    collector: CollectorProcess
    url: str
    authority: str

    def post(self, body: bytes, **headers: str) -> requests.Response:
        return requests.post(f"{self.url}/servers", data=body, verify=self.authority,
                             headers={"Content-Type": "application/json"} | headers,
                             timeout=DEADLINE_S)  # fmt: skip


def example(port: int, collector: int, certificate: Path) -> str:
    """The example with a reader's own ports and certificate, and a rate that a test can reach."""
    text = EXAMPLE.read_text()
    for found, own in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:443 ssl;\n": "",
        "127.0.0.1:8080;": f"127.0.0.1:{collector};",
        "/etc/nginx/compliance.pem": str(certificate),
        "/etc/nginx/compliance.key": str(certificate),
        "rate=100r/s": "rate=1r/s",
        "burst=200": "burst=20",
    }.items():
        assert found in text, found
        text = text.replace(found, own)
    return text


@pytest.fixture(scope="module")
def collector(new_shared_collector: NewCollector) -> CollectorProcess:
    options = ("--behind-proxy", "--redes-sin-token", "10.0.0.0/8")
    return new_shared_collector(*options).start()


@pytest.fixture
def proxied(collector: CollectorProcess, tmp_path: Path) -> Iterator[Proxied]:
    nginx = program("nginx")
    certificate, port = make_pair(tmp_path), free_port()
    (tmp_path / "compliance.conf").write_text(example(port, collector.port, certificate))
    user = "user root;" if os.geteuid() == 0 else ""
    settings = tmp_path / "nginx.conf"
    settings.write_text(AROUND.format(folder=tmp_path, user=user))
    process = subprocess.Popen([nginx, "-p", tmp_path, "-e", "stderr", "-c", settings])
    try:
        wait_until(lambda: listens(port), "nginx does not listen")
        yield Proxied(collector, f"https://127.0.0.1:{port}", str(tmp_path / "tls" / "ca.pem"))
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(DEADLINE_S)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_agent_enrols_and_reports_through_it(proxied: Proxied, tmp_path: Path) -> None:
    agent = [sys.executable, str(ROOT / "agente" / "agente.py"), "--state", str(tmp_path / "state")]
    environment = clean_environment(
        COMPLIANCE_API_ALTA=new_secret(proxied.collector), COMPLIANCE_API_URL=proxied.url,
        COMPLIANCE_API_CA=proxied.authority,
    )  # fmt: skip
    for mode in ("--enrol", "--once"):
        done = subprocess.run([*agent, mode], check=False, capture_output=True, text=True,
                              env=environment, timeout=60)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert proxied.collector.rows("SELECT 1 FROM procesos")
    assert "127.0.0.1" in operate(proxied.collector, "auditoria")


def test_what_a_sender_says_of_its_address_counts_for_nothing(proxied: Proxied) -> None:
    before = proxied.collector.numbers()
    report = json.dumps(make_report()).encode()
    answer = proxied.post(report, **{"X-Forwarded-For": "10.0.0.1"})
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.headers["Strict-Transport-Security"]
    assert proxied.collector.numbers() == before


def test_it_keeps_away_what_is_too_large_and_too_much(proxied: Proxied) -> None:
    large = proxied.post(b" " * (8 << 20) + b" ")
    assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    answers = [requests.get(f"{proxied.url}/healthz", verify=proxied.authority, timeout=DEADLINE_S)
               for _ in range(30)]  # fmt: skip
    assert {answer.status_code for answer in answers} == {200, 429}
    assert "/" not in answers[-1].headers["Server"]  # no version of it
