"""The scripts and the three programs, in a copy of the repository, as somebody gets it."""

import getpass
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from API.app.settings import load_settings
from deploy.demo import _look_at
from tests.conftest import wait_until
from tests.installation import (
    INSTALLING_S,
    UNCOMPILED,
    Installation,
    clean_environment,
    copy_repository,
    odd_process,
    of_session,
)

PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"
NAME = "raro 'x' (y) ñ"


def test_demo_shows_this_machine_and_ends_with_ctrl_c(
    installation: Installation, tmp_path: Path
) -> None:
    assert_demo_works(installation, tmp_path, getpass.getuser())
    assert_the_account_it_names_can_be_made(installation)


def assert_demo_works(installation: Installation, folder: Path, owner: str, **popen: Any) -> None:
    """Run the demo until our own process is in its database; then press Ctrl-C."""
    ours = odd_process(folder, NAME)
    try:
        demo = installation.start("exec ./init_app.sh --demo", **popen)
        wait_until(
            lambda: "Ctrl-C" in installation.said or demo.poll() is not None,
            "the demo says nothing",
            INSTALLING_S,
        )
        assert demo.poll() is None, installation.said
        rows = installation.rows("SELECT DISTINCT name, username FROM procesos WHERE pid = ?",
                                 ours.pid)  # fmt: skip
        assert rows == [{"name": NAME, "username": getpass.getuser()}]
        assert f"sqlite3 -readonly {shlex.quote(str(installation.database))} " in installation.said
        assert list((installation.folder / "API" / "storage" / "text").glob("*.jsonl"))
        running = {process.username() for process in of_session(demo.pid)}
        assert running == {owner}
        assert installation.interrupt(demo) == 0, installation.said
        assert_nothing_left(demo.pid)
        assert "Traceback" not in installation.said
    finally:
        ours.kill()
        ours.wait()


def assert_the_account_it_names_can_be_made(installation: Installation) -> None:
    assert "/consola\n" in installation.said
    [line] = [line for line in installation.said.splitlines() if " cuentas create " in line]
    made = installation.run(line.partition("terminal: ")[2], input="una frase bastante larga\n")
    assert (made.returncode, made.stdout) == (0, ""), made.stderr  # a command builds no database
    assert installation.rows("SELECT nombre FROM cuentas") == [{"nombre": "ana"}]


def test_demo_with_tls_is_refused(installation: Installation) -> None:
    done = installation.run("./init_app.sh --demo --tls-self-signed")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "TLS" in done.stderr


def test_demo_says_how_to_look_at_either_database(tmp_path: Path) -> None:
    for database, client in (
        ("postgresql://ana:secreta@equipo/base", "psql 'postgresql://ana:***@equipo/base' -c "),
        (str(tmp_path / "otra.sqlite"), f"sqlite3 -readonly {tmp_path}/otra.sqlite "),
    ):
        said = _look_at(load_settings(["--database", database]), "http://127.0.0.1:8080")
        assert f"  {client}'select" in said


def test_the_script_gives_a_commands_own_help(installation: Installation) -> None:
    helped = installation.run("./init_app.sh cuentas --help")
    assert helped.returncode == 0
    assert helped.stdout.startswith("usage: init_app.py cuentas ")


@pytest.mark.parametrize("program", ["API/init_app.py", "createDB/createDB.py"])
def test_a_python_without_the_libraries_is_told_where_they_are(
    installation: Installation, program: str
) -> None:
    bare = installation.run(f"{sys._base_executable} -I {program} --help")  # type: ignore[attr-defined]
    assert bare.returncode == 2
    assert "falta la biblioteca" in bare.stderr
    assert "./init_app.sh" in bare.stderr
    assert "Traceback" not in bare.stderr


def assert_nothing_left(session: int) -> None:
    """The last to go is the helper that multiprocessing starts: it ends when all others have."""
    wait_until(lambda: not of_session(session), "processes are left")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_demo_ends_all_when_it_is_told_more_than_once(
    installation: Installation, number: signal.Signals
) -> None:
    demo = installation.serve("exec ./init_app.sh --demo")
    wait_until(lambda: "Ctrl-C" in installation.said, "the demo says nothing")
    [agent] = [each for each in of_session(demo.pid) if "--interval" in each.cmdline()]
    agent.suspend()
    demo.send_signal(number)
    wait_until(lambda: is_told_to_end(agent.pid), "the agent is not told to end")
    demo.send_signal(number)  # as by who presses Ctrl-C again
    agent.resume()
    assert demo.wait(30) == 0
    assert_nothing_left(demo.pid)


def is_told_to_end(pid: int) -> bool:
    """Whether SIGTERM waits for a process that is suspended (proc_pid_status(5), ShdPnd)."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
    return bool(int(pending.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def test_demo_beside_another_collector_says_that_the_port_is_taken(
    installation: Installation,
) -> None:
    with socket.create_server(("127.0.0.1", installation.port)):
        done = installation.run("./init_app.sh --demo")
    assert done.returncode == 2
    assert f"puerto {installation.port}" in done.stderr.splitlines()[-1]


def test_programs_by_hand_as_the_first_generation_had_them(installation: Installation) -> None:
    set_key(installation.folder / "API" / "config.ini", "# puerto = 8080", installation.port)
    set_key(installation.folder / "agente" / "config.ini", "puerto = 8080", installation.port)
    plain = clean_environment(PATH=installation.environment["PATH"])
    built = installation.run("python3 createDB/createDB.py", env=plain)
    assert built.returncode == 0, built.stderr
    collector = installation.start("exec python3 API/init_app.py", env=plain)
    wait_until(installation.answers, "the collector does not answer")
    reported = installation.run("cd agente && python3 agente.py", env=plain)
    assert (reported.returncode, reported.stderr) == (0, "")
    [row] = installation.rows("SELECT count(*) AS many FROM procesos WHERE pid = 1")
    assert row == {"many": 1}
    checked = installation.run("python3 createDB/createDB.py --check", env=plain)
    assert checked.returncode == 0, checked.stdout
    assert installation.stop(collector) == 0, installation.said
    assert_nothing_left(collector.pid)


def set_key(file: Path, line: str, port: int) -> None:
    text = file.read_text()
    assert line in text
    file.write_text(text.replace(line, f"puerto = {port}"))


def test_agent_script_reports_once_from_a_folder_of_its_own(
    installation: Installation, tmp_path: Path
) -> None:
    """As on a server: nothing of the repository but agente/ and agente.sh, and a poor PATH."""
    installation.serve("./init_app.sh")
    server = tmp_path / "server"
    server.mkdir()
    shutil.copytree(installation.folder / "agente", server / "agente")
    shutil.copy(installation.folder / "agente.sh", server)
    (server / ".venv-agente").symlink_to(installation.folder / ".venv-agente")
    environment = {"PATH": PLAIN_PATH, "COMPLIANCE_API_PUERTO": str(installation.port)}
    done = subprocess.run(
        [server / "agente.sh", "--once"], cwd="/", env=environment, capture_output=True,
        check=False, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert installation.rows("SELECT count(*) AS many FROM servers") == [{"many": 1}]
    assert (server / "agente" / "estado" / "identidad.json").exists()


def test_the_line_that_the_first_start_prints_enrols_a_server(
    installation: Installation, tmp_path: Path
) -> None:
    """Pasted as it is, where agente/ and agente.sh were copied; nothing else is written there."""
    collector = installation.serve("exec ./init_app.sh")
    [line] = [line for line in installation.said.splitlines() if "--enrol" in line]
    server = tmp_path / "server"
    server.mkdir()
    shutil.copytree(installation.folder / "agente", server / "agente")
    shutil.copy(installation.folder / "agente.sh", server)
    (server / ".venv-agente").symlink_to(installation.folder / ".venv-agente")
    for command in (line, "./agente.sh --once"):
        done = subprocess.run(["sh", "-c", command], cwd=server, env={"PATH": PLAIN_PATH},
                              capture_output=True, check=False, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
    rows = installation.rows("SELECT id_agente FROM servers JOIN credenciales USING (num_agente)")
    assert len(rows) == 1
    assert installation.stop(collector) == 0


def test_scripts_say_in_one_line_that_python_is_missing(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path / "copy")
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)
    environment = {"PATH": f"{old}:{PLAIN_PATH}"}
    for script in ("./init_app.sh", "./test.sh", "./agente.sh"):
        done = subprocess.run([script], cwd=copy, env=environment, capture_output=True,
                              check=False, text=True)  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.startswith(f"{script.removeprefix('./')}: falta Python 3.11"), script
        assert len(done.stderr.splitlines()) == 1


def test_an_environment_that_is_elsewhere_is_not_emptied(tmp_path: Path) -> None:
    """A link to it is taken away where another one is needed; this Python makes none."""
    copy, other = copy_repository(tmp_path / "copy"), tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").touch(0o755)
    (copy / ".venv").symlink_to(other)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    done = subprocess.run(["./init_app.sh"], cwd=copy, capture_output=True, check=False, text=True,
                          env={"PATH": PLAIN_PATH, "PYTHON": str(python)})  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert (other / "bin" / "python").exists()
    assert not (copy / ".venv").is_symlink()


ORDINARY = "nobody"


def can_be_ordinary() -> bool:
    """Whether we may become somebody else, whose Python can make environments."""
    if os.geteuid() != 0:
        return False
    check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run(["python3", "-c", check], check=False, cwd="/", **ordinary())
    except (OSError, LookupError):
        return False
    return done.returncode == 0


def ordinary(home: str = "/nonexistent") -> dict[str, Any]:
    """What makes a command that of an ordinary user, for subprocess."""
    group = pwd.getpwnam(ORDINARY).pw_gid
    environment = clean_environment(PATH=PLAIN_PATH, HOME=home, USER=ORDINARY)
    return {"user": ORDINARY, "group": group, "extra_groups": [], "env": environment}


@pytest.mark.skipif(not can_be_ordinary(), reason="needs root, and a python3 with venv for nobody")
def test_ordinary_user_runs_the_demo_and_writes_nowhere_else(tmp_path: Path) -> None:
    """As on a fresh machine: the environment is made, in a folder that is all the user has."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        copy = copy_repository(top / "copy")
        for path in (copy, *copy.rglob("*")):
            shutil.chown(path, ORDINARY)
        installation = Installation(copy)
        who = ordinary(home=str(copy))
        port = {"COMPLIANCE_COLECTOR_PUERTO": str(installation.port)}
        who["env"] = who["env"] | UNCOMPILED | port
        try:
            assert_demo_works(installation, tmp_path, ORDINARY, **who)
        finally:
            installation.end()
