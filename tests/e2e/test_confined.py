"""Agent and collector do all that they do with the system calls that their units leave them."""

import grp
import os
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from authority import fingerprint_of

from tests import confined
from tests.agente.conftest import AgentRunner
from tests.conftest import DEADLINE_S, ROOT, CollectorProcess, needs_systemd, wait_until

UNITS = ROOT / "deploy" / "systemd"
COLLECTOR = UNITS / "compliance-colector.service"

pytestmark = needs_systemd  # which brings libseccomp too


def within(unit: Path) -> tuple[str, ...]:
    """Give what stands before a command to run it as a unit lets it."""
    return (sys.executable, confined.__file__, str(unit))


class Confined(CollectorProcess):
    """A collector that runs as its unit lets it."""

    def command(self) -> list[str]:
        return [*within(COLLECTOR), *super().command()]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    made = Confined(tmp_path / "storage", options=("--tls-self-signed", *_group()))
    build = [str(ROOT / "createDB" / "createDB.py"), "--database", str(made.database)]
    made.database.parent.mkdir(0o750, parents=True)
    subprocess.run([*within(COLLECTOR), sys.executable, *build], check=True, timeout=DEADLINE_S)
    yield made.start()
    made.release()


def _group() -> tuple[str, ...]:
    """Have the collector's files given to another group, if there is one that we may give to."""
    known = {group.gr_gid: group.gr_name for group in grp.getgrall()}
    ours = known if os.geteuid() == 0 else os.getgroups()
    others = [number for number in ours if number != os.getegid() and number in known]
    return ("--grupo", known[others[0]]) if others else ()


def test_a_report_is_gathered_stored_judged_and_put_in_a_file(
    collector: CollectorProcess, agent: AgentRunner
) -> None:
    prefix = within(UNITS / "compliance-agente.service")
    authority = fingerprint_of((collector.storage / "tls" / "ca.pem").read_bytes())
    done = agent.run("--once", "--url", collector.url, "--huella", authority, prefix=prefix)
    assert done.returncode == 0, done.stderr
    [server] = collector.rows("SELECT marca_proc, errores FROM servers")
    assert server["marca_proc"]
    assert "procesos" not in (server["errores"] or "")
    wait_until(lambda: collector.rows("SELECT 1 FROM cumplimiento"), "nothing was judged")
    assert collector.get("/agentes.xlsx").status_code == HTTPStatus.OK
    assert collector.stop() == 0
    assert "priorities cannot be lowered" not in collector.log


def test_what_a_unit_leaves_out_is_refused() -> None:
    code = "import os\ntry: os.setuid(os.getuid())\nexcept PermissionError: print('refused')"
    done = subprocess.run(
        [*within(COLLECTOR), sys.executable, "-c", code],
        check=True, capture_output=True, text=True, timeout=DEADLINE_S,
    )  # fmt: skip
    assert done.stdout == "refused\n"
