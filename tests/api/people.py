"""People, as tests have them come in."""

import functools
import subprocess
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import requests
from requests.adapters import HTTPAdapter

from API.app.accounts import accounts, sessions
from API.app.accounts.credentials import now
from API.app.accounts.passwords import hashed
from API.app.accounts.roles import Role
from API.app.audit import Actor
from API.app.ingest.sql import sql_time
from createDB.engine import database_url, open_engine
from tests import nursery
from tests.conftest import DEADLINE_S, CollectorProcess

PASSWORD = "caballo correcto grapa"  # noqa: S105 - of accounts that a test makes
FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}
TEST = Actor("prueba", "terminal")


def command(
    collector: CollectorProcess, *arguments: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command of init_app.py on the collector's database."""
    places = ["--database", collector.database_url, "--storage", str(collector.storage)]
    return nursery.run(nursery.COLLECTOR, [*arguments, *places], typed=typed, timeout=DEADLINE_S)


_hashed_once = functools.cache(hashed)
"""Many tests make an account each; to hash a password takes the processor a quarter of a second."""


def make_account(collector: CollectorProcess, name: str, role: Role = Role.LECTOR) -> int:
    """Make an account with `PASSWORD`; gives its number."""
    engine = open_engine(database_url(collector.database_url), wait_ms=30_000)
    with engine.begin() as connection, patch.object(accounts, "hashed", _hashed_once):
        account = accounts.create(connection, TEST, name, role, PASSWORD)
    engine.dispose()
    return account.id_cuenta


def make_session(collector: CollectorProcess, id_cuenta: int) -> str:
    """Log an account in without a password; gives what its cookie holds."""
    engine = open_engine(database_url(collector.database_url), wait_ms=30_000)
    with engine.begin() as connection:
        secret = sessions.open_session(connection, TEST, id_cuenta, None)
    engine.dispose()
    return secret


def as_administrator(collector: CollectorProcess) -> dict[str, str]:
    """Give the header of somebody who may do everything."""
    account = make_account(collector, "admin", Role.ADMINISTRADOR)
    return {"Cookie": f"sesion={make_session(collector, account)}"}


def change(collector: CollectorProcess, statement: str, *values: Any) -> None:
    """Change a row behind the collector's back, as when time has passed."""
    assert collector.execute(statement, *values) > 0


def ago(**time: float) -> str:
    """Give the moment that was so long ago, as the database keeps it."""
    return sql_time(now() - timedelta(**time))


class Browser:
    """Somebody at an address of this machine, whose browser keeps cookies."""

    def __init__(self, collector: CollectorProcess, address: str = "127.0.0.1") -> None:
        self.url = collector.url
        self.session = requests.Session()
        self.session.trust_env = False  # authorities that the environment names would go first
        self.session.verify = collector.verify
        self.session.mount("http://", _From(address))

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(
            f"{self.url}{path}", headers=headers, allow_redirects=False, timeout=DEADLINE_S
        )

    def post(
        self, path: str, headers: dict[str, str] = FROM_OUR_PAGE, **fields: str
    ) -> requests.Response:
        return self.session.post(
            f"{self.url}{path}", data=fields, headers=headers, allow_redirects=False,
            timeout=DEADLINE_S,
        )  # fmt: skip

    def log_in(self, name: str, password: str = PASSWORD) -> requests.Response:
        return self.post("/consola/entrar", nombre=name, clave=password)


class _From(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more, source_address=(self.address, 0))
