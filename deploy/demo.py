#!/usr/bin/env python3
"""Runs the collector with an agent of this machine beside it, and says where to look.

Takes the arguments of init_app.py. Ends both on SIGINT or SIGTERM, and when its terminal is closed.
"""

import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from sqlalchemy.engine import URL

from API.app.local_access import NAME
from API.app.settings import Settings, SettingsError, load_settings
from createDB.engine import is_postgresql, name_of

INTERVAL_S = 10
START_S = 60

LOOK_AT = """
El colector escucha en {url} y el agente de este equipo reporta cada {interval} s.

  {url}/consola
  la cuenta para entrar, en otra terminal: {account}

  {client} 'select * from procesos'
  ls {storage}/text/
  curl -H @{access} {url}/servers

Ctrl-C termina los dos.
"""


def main(arguments: list[str]) -> int:
    """Run until stopped; gives the collector's exit code."""
    try:
        settings = load_settings(arguments, program="init_app.sh --demo")
    except SettingsError as error:
        print(f"init_app.sh: {error}", file=sys.stderr)
        return 2
    if settings.tls:
        print("init_app.sh: --demo va sin TLS, en este equipo; sin --demo, sí", file=sys.stderr)
        return 2
    _mind(_interrupt)
    programs: list[subprocess.Popen[bytes]] = []
    try:
        collector = _start(ROOT / "API" / "init_app.py", *arguments)
        programs.append(collector)
        if _wait_for(collector, url := _url(settings)):
            _agent(settings, url, "--once").wait()
            programs.append(_agent(settings, url, "--interval", str(INTERVAL_S)))
            print(_look_at(settings, url), flush=True)
        return collector.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(programs)


def _start(program: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a program out of reach of the terminal's Ctrl-C: they end in our order."""
    command = [sys.executable, str(program), *arguments]
    return subprocess.Popen(command, process_group=0)  # noqa: S603 - our own


def _agent(settings: Settings, url: str, *options: str) -> subprocess.Popen[bytes]:
    """Start an agent whose state is the demo's own, apart from one that is installed here."""
    state = str(settings.storage / "demo")
    return _start(ROOT / "agente" / "agente.py", "--url", url, "--state", state, *options)


def _wait_for(collector: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the collector answers; False where it ends instead."""
    end = time.monotonic() + START_S
    while collector.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=1).close()  # noqa: S310 - our own
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return True
    return False


def _look_at(settings: Settings, url: str) -> str:
    return LOOK_AT.format(
        url=url,
        account=shlex.join(_account(settings)),
        interval=INTERVAL_S,
        client=shlex.join(_client(settings.database)),
        storage=shlex.quote(str(settings.storage)),
        access=shlex.quote(str(settings.storage / NAME)),
    )


def _client(database: URL) -> list[str]:
    """Give the command that asks this database something, and changes nothing."""
    if is_postgresql(database):
        return ["psql", name_of(database), "-c"]
    return ["sqlite3", "-readonly", name_of(database)]


def _account(settings: Settings) -> list[str]:
    """Give the command that makes the first account in this database."""
    command = [str(ROOT / "init_app.sh"), "cuentas", "create", "ana", "--rol", "administrador"]
    if settings.database == load_settings([]).database:
        return command
    return [*command, "--database", name_of(settings.database)]


def _url(settings: Settings) -> str:
    any_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it stands for
    host = any_address.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _mind(handler: Callable[..., None] | signal.Handlers) -> None:
    """Handle what asks us to end, but for what whoever started us has us ignore (nohup(1))."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _end(programs: list[subprocess.Popen[bytes]]) -> None:
    """Stop the agent first, so that its last report still finds the collector.

    Whoever presses Ctrl-C again meanwhile must not leave one of them running.
    """
    _mind(signal.SIG_IGN)
    for program in reversed(programs):
        program.terminate()
        program.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
