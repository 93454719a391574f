"""--check and agente.sh: what an operator reads when something is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agente import collector as scripted
from tests.agente.collector import Behaviour, ScriptedCollector
from tests.agente.conftest import ROOT, AgentRunner


def healthy(collector: ScriptedCollector) -> None:
    """Make the collector answer as ours does when all is well."""
    collector.gets = {
        "/healthz": scripted.json_answer(200, {"estado": "vivo"}),
        "/readyz": scripted.json_answer(200, {"estado": "listo"}),
    }
    collector.usual = scripted.problem(400, "$: missing field")


def steps(text: str) -> dict[str, str]:
    """step -> bien or FALLA."""
    return {line.split()[1]: line.split()[0] for line in text.splitlines()}


def test_when_all_is_well_each_step_says_so(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    healthy(collector)
    run = agent.run("--check", "--url", collector.url)
    assert run.returncode == 0, run.stdout
    found = steps(run.stdout)
    assert list(found) == [
        "config", "estado", "alta", "hechos", "spool", "nombre", "conexión", "vive", "recibe",
        "admite",
    ]  # fmt: skip
    assert set(found.values()) == {"bien"}
    assert not collector.accepted


def test_a_collector_that_is_down_fails_at_the_connection(
    agent: AgentRunner, free_port: int
) -> None:
    run = agent.run("--check", "--url", f"http://127.0.0.1:{free_port}")
    assert run.returncode == 1
    assert list(steps(run.stdout).items())[-1] == ("conexión", "FALLA")
    assert "refused" in run.stdout


def test_a_name_that_does_not_resolve_fails_there(agent: AgentRunner) -> None:
    run = agent.run("--check", "--url", "http://does-not.exist.invalid")
    assert run.returncode == 1
    assert list(steps(run.stdout).items())[-1] == ("nombre", "FALLA")


@pytest.mark.parametrize(
    ("path", "behaviour", "step"),
    [
        ("/healthz", scripted.page(200), None),
        ("/healthz", scripted.page(502), "vive"),
        ("/readyz", scripted.problem(503, "disk full"), "recibe"),
        ("POST", scripted.problem(401), "admite"),
        ("POST", scripted.problem(403), "admite"),
        ("POST", scripted.page(400), "admite"),
    ],
)
def test_the_step_that_fails_is_named(
    agent: AgentRunner,
    collector: ScriptedCollector,
    path: str,
    behaviour: Behaviour,
    step: str | None,
) -> None:
    healthy(collector)
    if path == "POST":
        collector.usual = behaviour
    else:
        collector.gets[path] = behaviour
    run = agent.run("--check", "--url", collector.url)
    failed = [name for name, result in steps(run.stdout).items() if result == "FALLA"]
    assert failed == ([step] if step else [])
    assert run.returncode == (1 if step else 0)


def test_tls_with_a_server_that_does_not_speak_it_fails_there(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    run = agent.run("--check", "--url", collector.url.replace("http:", "https:"))
    assert run.returncode == 1
    assert list(steps(run.stdout).items())[-1] == ("TLS", "FALLA")
    assert "su URL empieza por http://" in run.stdout


def test_reports_that_wait_are_counted(agent: AgentRunner, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    agent.run("--url", url, "--once")
    assert "reportes en espera: 1" in agent.run("--check", "--url", url).stdout


def shell(path: Path) -> subprocess.CompletedProcess[str]:
    """A copy of agente.sh, run where only the programs in path are found."""
    return subprocess.run(
        ["/bin/sh", str(path.parent / "agente.sh"), "--help"],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def shell_folder(tmp_path: Path) -> Path:
    """A folder of programs beside a copy of agente.sh and what it sources."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("dirname", "cat", "cksum"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "agente").mkdir()
    for name in ("agente.sh", "agente/environment.sh"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    return folder


def test_the_script_says_that_python_is_missing(shell_folder: Path) -> None:
    run = shell(shell_folder)
    assert run.returncode == 2
    assert "falta Python 3.11" in run.stderr
    assert run.stderr.count("\n") == 1


def test_the_script_says_that_the_venv_module_is_missing(shell_folder: Path) -> None:
    python = shell_folder / "python3"
    python.write_text('#!/bin/sh\ncase "$2" in *venv*) exit 1 ;; esac\nexit 0\n')
    python.chmod(0o755)
    run = shell(shell_folder)
    assert run.returncode == 2
    assert "falta el módulo venv" in run.stderr
    assert run.stderr.count("\n") == 1


def test_the_script_says_that_it_was_copied_without_its_folder(shell_folder: Path) -> None:
    (shell_folder.parent / "agente" / "environment.sh").unlink()
    run = shell(shell_folder)
    assert run.returncode == 2
    assert "falta la carpeta agente/" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("pretend", "kept"),
    [
        ("sys.version = '3.11.99 (another build)'", True),
        ("sys.implementation.cache_tag = 'cpython-399'", False),
    ],
)
def test_an_environment_is_kept_while_its_libraries_fit_python(
    tmp_path: Path, pretend: str, kept: bool
) -> None:
    """A server without a package index must not lose its agent to an update of Python."""
    python, lock = tmp_path / "bin" / "python", ROOT / "agente" / "requirements.lock"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    in_shell(f'stamp "$0" {lock} >"$0/instalado"; is_installed "$0" {lock}', tmp_path)
    python.unlink()
    python.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; {pretend}; exec(sys.argv[2])" "$@"\n'
    )
    python.chmod(0o755)
    in_shell(f'{"" if kept else "!"} is_installed "$0" {lock}', tmp_path)


def in_shell(command: str, folder: Path) -> None:
    """Run a command that succeeds with the functions of environment.sh; $0 is the folder."""
    script = f". {ROOT}/agente/environment.sh; {command}"
    subprocess.run(["sh", "-c", script, folder], check=True)


def test_an_older_python_is_told_in_one_line(agent: AgentRunner) -> None:
    """An older one stands in by its version alone: that is looked at before all else."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 10, 12); sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    python, *arguments = agent.command("--version")
    run = subprocess.run(
        [python, "-c", pretend, *arguments], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert "Python 3.11" in run.stderr


def test_the_script_is_run_as_a_program() -> None:
    assert os.access(ROOT / "agente.sh", os.X_OK)
