"""What an operator and an agent do to let a server in; for tests against a running collector."""

import contextlib
import hashlib
import io
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from API.app.commands import run_command
from tests.conftest import DEADLINE_S, CollectorProcess, make_report

ELSEWHERE = ("--redes-sin-token", "192.0.2.0/24")
"""Makes loopback a network whose agents need a token."""


def operate(collector: CollectorProcess, *arguments: str) -> str:
    """Run a command of init_app.py, in this process; gives what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        places = ["--database", collector.database_url, "--storage", str(collector.storage)]
        assert run_command([*arguments, *places], {}) == 0
    return printed.getvalue()


def new_secret(collector: CollectorProcess, *limits: str) -> str:
    """Have the collector make an enrolment secret."""
    line = operate(collector, "secret", "rotate", *limits)
    return line.partition("COMPLIANCE_API_ALTA=")[2].split()[0]


@dataclass
class Member:
    """A server with an identity and a token, enrolled or not."""

    collector: CollectorProcess
    id_agente: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()

    def enrol(self, secret: str | None, **changes: Any) -> requests.Response:
        """Ask to be enrolled; `changes` are made to the body."""
        body = {"id_agente": self.id_agente, "token_sha256": self.fingerprint} | changes
        return requests.post(
            f"{self.collector.url}/agentes", json=body, headers=bearing(secret), timeout=DEADLINE_S
        )

    def report(self, **changes: Any) -> requests.Response:
        """Send a report of its own with its token."""
        report = make_report(id_agente=self.id_agente, **changes)
        return self.collector.post(report, **bearing(self.token))


def bearing(secret: str | None) -> dict[str, str]:
    """Give the header that bears a secret, or none."""
    return {} if secret is None else {"Authorization": f"Bearer {secret}"}


def enrolled(collector: CollectorProcess, secret: str | None = None) -> Member:
    """Enrol a new server."""
    member = Member(collector)
    assert member.enrol(secret or new_secret(collector)).status_code == 201
    return member
