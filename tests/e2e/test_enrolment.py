"""The real agent enrols at the real collector, and reports with a token of its own."""

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.agente.conftest import AgentRunner, needs_namespaces
from tests.conftest import CollectorProcess, NewCollector, wait_until
from tests.enrolment import ELSEWHERE, new_secret, operate

BOOT_ID = "/proc/sys/kernel/random/boot_id"


@pytest.fixture
def guarded(new_collector: NewCollector) -> CollectorProcess:
    """A collector for which loopback is a network whose agents need a token."""
    return new_collector(*ELSEWHERE).start()


def once(
    agent: AgentRunner, collector: CollectorProcess, secret: str = "", prefix: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Have the agent report once, with the secret in its environment if there is one."""
    environment = agent.environment() | ({"COMPLIANCE_API_ALTA": secret} if secret else {})
    return agent.run("--url", collector.url, "--once", env=environment, prefix=prefix)


def enrol(agent: AgentRunner, collector: CollectorProcess) -> None:
    environment = agent.environment() | {"COMPLIANCE_API_ALTA": new_secret(collector)}
    done = agent.run("--enrol", "--url", collector.url, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"dado de alta en {collector.url}: {identity(agent)}\n"


def identity(agent: AgentRunner) -> str:
    return str(json.loads((agent.state / "identidad.json").read_text())["id_agente"])


def token(agent: AgentRunner) -> str:
    return str(json.loads((agent.state / "token").read_text())["token"])


def reporting(collector: CollectorProcess) -> list[str]:
    """Whose reports there are, in the order in which they came."""
    rows = collector.rows("SELECT id_agente FROM servers ORDER BY id_serv")
    return [row["id_agente"] for row in rows]


def test_it_works(guarded: CollectorProcess, agent: AgentRunner) -> None:
    assert once(agent, guarded).returncode == 1, "without a token nothing is taken"
    enrol(agent, guarded)
    assert stat.S_IMODE((agent.state / "token").stat().st_mode) == 0o600
    assert not (agent.state / "alta.json").exists()
    done = once(agent, guarded)
    assert (done.returncode, done.stderr) == (0, "")
    assert reporting(guarded) == [identity(agent)] * 2, "the first one had waited"


def test_who_enrolled_by_a_line_with_the_url_need_not_write_it_again(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    enrol(agent, guarded)
    assert agent.run("--once").returncode == 0
    assert f"colector {guarded.url}" in agent.run("--check").stdout
    assert reporting(guarded) == [identity(agent)]


def test_the_secret_may_come_by_standard_input(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    done = agent.run("--enrol", "--url", guarded.url, input=new_secret(guarded) + "\n")
    assert done.returncode == 0, done.stderr
    assert once(agent, guarded).returncode == 0


def test_an_agent_that_has_the_secret_enrols_by_itself(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    secret = new_secret(guarded)
    done = once(agent, guarded, secret)
    assert done.returncode == 0, done.stderr
    assert f"conoce a este agente como {identity(agent)}" in done.stderr
    before = token(agent)
    assert once(agent, guarded, secret).stderr == ""
    assert token(agent) == before


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [("alta_falso", 1, "401"), ("", 2, "falta el secreto"), ("dos palabras", 2, "espacios")],
)
def test_a_wrong_secret_is_told_and_not_repeated(
    guarded: CollectorProcess, agent: AgentRunner, given: str, code: int, said: str
) -> None:
    done = agent.run("--enrol", "--url", guarded.url, input=given + "\n")
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert said in done.stderr
    assert not given or given not in done.stderr


def test_neither_secret_nor_token_is_seen_by_ps_or_said(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    secret = new_secret(guarded)
    environment = agent.environment() | {"COMPLIANCE_API_ALTA": secret}
    arguments = ("--url", guarded.url, "--interval", "0.2")
    process = agent.start(*arguments, env=environment)
    wait_until(lambda: len(guarded.numbers()) >= 2, "no reports")
    lines = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert guarded.process
    lines += Path(f"/proc/{guarded.process.pid}/cmdline").read_bytes()
    _, said = agent.stop(process)
    for hidden in (secret, token(agent)):
        assert hidden not in said
        assert hidden.encode() not in lines
        assert hidden not in guarded.log
        assert hidden not in operate(guarded, "auditoria")
    written = {path.name for path in agent.state.rglob("*") if path.is_file()
               and token(agent).encode() in path.read_bytes()}  # fmt: skip
    assert written == {"token"}


def test_an_answer_that_was_lost_is_asked_for_again(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    """A crash between the collector's answer and the agent's note of it."""
    secret = new_secret(guarded)
    assert once(agent, guarded, secret).returncode == 0
    kept = json.loads((agent.state / "token").read_text())
    (agent.state / "token").unlink()
    pending = agent.state / "alta.json"
    pending.write_text(json.dumps(kept | {"de": kept["id_agente"]}))
    pending.chmod(0o600)
    assert once(agent, guarded, secret).returncode == 0
    assert token(agent) == kept["token"]
    assert len(guarded.rows("SELECT 1 FROM agentes")) == 1


def test_a_token_that_was_lost_makes_a_new_server(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    """Who it was can't be proved any more."""
    secret = new_secret(guarded)
    assert once(agent, guarded, secret).returncode == 0
    first = identity(agent)
    (agent.state / "token").unlink()
    done = once(agent, guarded, secret)
    assert done.returncode == 0, done.stderr
    assert "tomo otra identidad" in done.stderr
    assert identity(agent) != first
    assert set(reporting(guarded)) == {first, identity(agent)}


def test_a_revoked_or_paused_agent_keeps_its_reports(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    secret = new_secret(guarded)
    assert once(agent, guarded, secret).returncode == 0
    for action, status in (("revoke", "401"), ("pause", "503")):
        operate(guarded, "agentes", action, identity(agent))
        done = once(agent, guarded, secret)
        assert done.returncode == 1
        assert status in done.stderr
    assert len(agent.waiting()) == 2
    operate(guarded, "agentes", "resume", identity(agent))
    assert once(agent, guarded).returncode == 0
    assert reporting(guarded) == [identity(agent)] * 4


def test_a_rotation_that_is_asked_for_is_done_by_the_agent(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    enrol(agent, guarded)
    old = token(agent)
    operate(guarded, "agentes", "rotate", identity(agent))
    for _ in range(3):
        assert once(agent, guarded).returncode == 0
    assert token(agent) != old
    with_end = guarded.rows("SELECT hasta IS NULL AS works FROM credenciales ORDER BY desde")
    assert with_end == [{"works": 0}, {"works": 1}]
    assert reporting(guarded) == [identity(agent)] * 3


def test_a_collector_whose_database_was_made_anew_is_told_again(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    assert once(agent, guarded, new_secret(guarded)).returncode == 0
    before = token(agent)
    forget_everybody(guarded)
    assert once(agent, guarded).returncode == 1
    done = once(agent, guarded, new_secret(guarded))
    assert done.returncode == 0, done.stderr
    assert (token(agent), set(reporting(guarded))) == (before, {identity(agent)})


def forget_everybody(collector: CollectorProcess) -> None:
    collector.execute("DELETE FROM credenciales")


def test_enrolling_beside_an_agent_that_runs_lets_it_in(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    process = agent.start("--url", guarded.url, "--interval", "0.2")
    wait_until(lambda: agent.spool.exists() and len(agent.waiting()) > 2, "none was refused")
    enrol(agent, guarded)
    wait_until(lambda: len(guarded.numbers()) >= 2, "it is not let in")
    code, said = agent.stop(process)
    assert (code, "vuelve a recibir" in said) == (0, True), said


@pytest.mark.parametrize("mode", ["--once", "--check"])
def test_a_token_that_others_can_read_is_not_used(
    guarded: CollectorProcess, agent: AgentRunner, mode: str
) -> None:
    enrol(agent, guarded)
    (agent.state / "token").chmod(0o644)
    done = agent.run("--url", guarded.url, mode)
    assert done.returncode == (1 if mode == "--check" else 2)
    assert "chmod 600" in done.stdout + done.stderr
    assert reporting(guarded) == []


@pytest.mark.parametrize("what", ["link", "folder", "damage"])
def test_a_token_that_is_no_token_is_not_used(
    guarded: CollectorProcess, agent: AgentRunner, what: str
) -> None:
    enrol(agent, guarded)
    file = agent.state / "token"
    elsewhere = file.rename(agent.folder / "token")
    if what == "link":
        file.symlink_to(elsewhere)
    elif what == "folder":
        file.mkdir()
    else:
        file.write_text('{"id_agente": "../x", "token": "a b"}')
        file.chmod(0o600)
    assert once(agent, guarded).returncode == (1 if what == "damage" else 2)
    assert reporting(guarded) == []


def test_a_secret_in_a_file_that_others_can_read_is_refused(agent: AgentRunner) -> None:
    agent.config.write_text("[api]\nalta = secreto\n")
    agent.config.chmod(0o644)
    done = agent.run("--print")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "chmod 600" in done.stderr
    assert "secreto\n" not in done.stderr
    agent.config.chmod(0o600)
    assert agent.run("--print").returncode == 0


def test_credentials_go_nowhere_in_clear(guarded: CollectorProcess, agent: AgentRunner) -> None:
    enrol(agent, guarded)
    done = agent.run("--url", "http://192.0.2.1", "--once")
    assert done.returncode == 1
    assert "sólo van por https" in done.stderr
    done = agent.run("--url", "http://192.0.2.1", "--enrol", input="alta_x\n")
    assert done.returncode == 1
    assert "sólo van por https" in done.stderr


def test_check_says_whether_it_is_enrolled_and_let_in(
    guarded: CollectorProcess, agent: AgentRunner
) -> None:
    done = agent.run("--check", "--url", guarded.url)
    assert done.returncode == 1
    assert "sin alta" in done.stdout
    assert "FALLA  admite       401" in done.stdout
    enrol(agent, guarded)
    done = agent.run("--check", "--url", guarded.url)
    assert done.returncode == 0, done.stdout
    assert "tiene su token" in done.stdout


def another_boot(agent: AgentRunner, number: int) -> tuple[str, ...]:
    """What runs a command as on a machine that booted at another time."""
    file = agent.folder / f"boot-{number}"
    file.write_text(f"{number:08x}-0000-4000-8000-000000000000\n")
    script = f'mount --bind {file} {BOOT_ID} && exec "$@"'
    return ("unshare", "-m", "sh", "-c", script, "sh")


def copy_of(agent: AgentRunner, folder: Path) -> AgentRunner:
    """Clone an agent's disk."""
    shutil.copytree(agent.folder, folder)
    return AgentRunner(folder)


@needs_namespaces
@pytest.mark.skipif(not Path(BOOT_ID).exists(), reason="no boot_id to stand in for")
@pytest.mark.parametrize("with_tokens", [True, False], ids=["tokens", "no-tokens"])
def test_a_cloned_machine_gets_an_identity_of_its_own(
    new_collector: NewCollector, agent: AgentRunner, tmp_path: Path, with_tokens: bool
) -> None:
    collector = new_collector(*(ELSEWHERE if with_tokens else ())).start()
    if with_tokens:
        enrol(agent, collector)
    first, second = another_boot(agent, 1), another_boot(agent, 2)
    assert once(agent, collector, prefix=first).returncode == 0
    clone = copy_of(agent, tmp_path / "clone")
    shared = identity(agent)
    assert once(clone, collector, prefix=second).returncode == 0, "as after a reboot"
    done = once(agent, collector, prefix=first)
    assert done.returncode == 0, done.stderr
    assert "otra máquina reporta con esta identidad" in done.stderr
    assert identity(clone) == shared
    assert identity(agent) != shared
    for _ in range(2):
        for machine, boot in ((agent, first), (clone, second)):
            done = once(machine, collector, prefix=boot)
            assert (done.returncode, done.stderr) == (0, "")
    rows = collector.rows("SELECT id_agente, id_arranque FROM servers ORDER BY id_serv")
    pairs = [(row["id_agente"], row["id_arranque"][:8]) for row in rows]
    assert pairs == [
        (shared, "00000001"), (shared, "00000002"), (identity(agent), "00000001"),
        (identity(agent), "00000001"), (shared, "00000002"),
        (identity(agent), "00000001"), (shared, "00000002"),
    ]  # fmt: skip
    assert "dos máquinas con su identidad" in operate(collector, "agentes", "list")


@needs_namespaces
def test_what_waits_when_a_clone_is_noticed_goes_under_the_new_identity(
    guarded: CollectorProcess, agent: AgentRunner, tmp_path: Path
) -> None:
    enrol(agent, guarded)
    first, second = another_boot(agent, 1), another_boot(agent, 2)
    shared = identity(agent)
    assert once(agent, guarded, prefix=first).returncode == 0
    guarded.stop()
    assert once(agent, guarded, prefix=first).returncode == 1, "gathered before the disk was copied"
    clone = copy_of(agent, tmp_path / "clone")
    guarded.start()
    assert once(clone, guarded, prefix=second).returncode == 0
    guarded.stop()
    for _ in range(3):
        assert once(agent, guarded, prefix=first).returncode == 1
    guarded.start()
    assert once(agent, guarded, prefix=first).returncode == 0
    rows = guarded.rows("SELECT id_agente, id_arranque FROM servers ORDER BY momento")
    pairs = [(row["id_agente"] == shared, row["id_arranque"][7]) for row in rows]
    assert pairs == [(True, "1"), (True, "1"), (True, "2"), *[(False, "1")] * 4]
    assert len({row["id_agente"] for row in rows}) == 2


@needs_namespaces
@pytest.mark.skipif(not Path("/etc/machine-id").exists(), reason="no machine-id to stand in for")
def test_a_copied_disk_in_another_machine_enrols_with_the_token_it_brought(
    guarded: CollectorProcess, agent: AgentRunner, tmp_path: Path
) -> None:
    """The machine-id differs: nobody has to notice. What was gathered before is the other's."""
    enrol(agent, guarded)
    shared = identity(agent)
    guarded.stop()
    assert once(agent, guarded).returncode == 1
    clone = copy_of(agent, tmp_path / "clone")
    other = tmp_path / "machine-id"
    other.write_text("fedcba9876543210" * 2)
    script = f'mount --bind {other} /etc/machine-id && exec "$@"'
    guarded.start()
    done = once(clone, guarded, prefix=("unshare", "-m", "sh", "-c", script, "sh"))
    assert done.returncode == 0, done.stderr
    assert identity(clone) != shared
    assert once(agent, guarded).returncode == 0
    assert sorted(reporting(guarded)) == sorted([shared, shared, identity(clone)])
    listed = operate(guarded, "agentes", "list")
    assert f"clon de {shared}" in listed
