"""What becomes of reports, whatever the collector does: the real agent, a scripted collector."""

import gzip
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from spool import read_state

from tests.agente import collector as scripted
from tests.agente.collector import Behaviour, ScriptedCollector
from tests.agente.conftest import AgentRunner, needs_namespaces, wait_for

FAST = ("--interval", "0.1", "--cpu-percent", "100", "--nice", "0")


def test_one_shot_is_delivered_and_leaves_an_empty_spool(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    run = agent.run("--url", collector.url, "--once")
    assert (run.returncode, run.stderr) == (0, "")
    assert len(collector.accepted) == 1
    assert not agent.waiting()
    sent = collector.posts[0]
    assert sent.path == "/servers"
    assert sent.headers["Content-Encoding"] == "gzip"
    assert sent.headers["Content-Type"] == "application/json"


def test_without_an_interval_one_report_is_sent_as_in_the_first_generation(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    port = collector.server_address[1]
    agent.config.write_text(f"[api]\nip = 127.0.0.1\npuerto = {port}\n")
    assert agent.run().returncode == 0
    assert "intervalo" not in collector.accepted[0]


def test_reports_wait_while_the_collector_is_down_and_come_before_the_next(
    agent: AgentRunner, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    for count in (1, 2):
        run = agent.run("--url", url, "--once")
        assert run.returncode == 1
        assert f"reportes en espera: {count}" in run.stderr
        assert run.stderr.count("\n") == 1
    waited = [report["id_reporte"] for report in agent.waiting()]
    collector = ScriptedCollector(free_port)
    try:
        assert agent.run("--url", url, "--once").returncode == 0
        assert collector.ids[:2] == waited
        assert len(collector.ids) == 3
    finally:
        collector.close()


@pytest.mark.parametrize("usual", [scripted.stored, scripted.first_generation])
def test_fifty_reports_of_an_outage_arrive_once_and_in_order(
    agent: AgentRunner, free_port: int, usual: Behaviour
) -> None:
    process = agent.start("--url", f"http://127.0.0.1:{free_port}", *FAST)
    wait_for(lambda: len(list(agent.spool.glob("*.json.gz"))) >= 50)
    waited = [report["id_reporte"] for report in agent.waiting()]
    collector = ScriptedCollector(free_port)
    try:
        collector.usual = usual
        wait_for(lambda: len(collector.accepted) > 50)
        code, said = agent.stop(process)
        assert code == 0
        ids = collector.ids
        assert ids[: len(waited)] == waited
        assert len(set(ids)) == len(ids)
        assert "vuelve a recibir" in said
    finally:
        collector.close()


def test_a_first_generation_collector_that_fails_now_and_then_gets_all_in_order(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = scripted.first_generation
    collector.play([scripted.first_generation_failure] * 4)
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: len(collector.accepted) >= 5)
    assert agent.stop(process)[0] == 0
    moments = [report["fecha_hora"] for report in collector.accepted]
    assert moments == sorted(moments)
    assert len(set(collector.ids)) == len(moments)
    assert not (agent.spool / "rechazados").exists()


NOT_NOW: dict[str, Behaviour] = {
    "500": scripted.problem(500),
    "502 page": scripted.page(502),
    "503": scripted.problem(503, Retry_After="1"),
    "429": scripted.problem(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "401": scripted.problem(401),
    "403": scripted.problem(403),
    "404 page": scripted.page(404),
    "411": scripted.problem(411),
    "415": scripted.problem(415),
    "redirect": scripted.page(308, Location="http://127.0.0.1:9/servers"),
    "200 page of a proxy": scripted.page(200),
    "201 page of a proxy": scripted.page(201),
    "200 with other JSON": scripted.json_answer(200, {"ok": True}),
    "200 with a list": scripted.json_answer(200, [1]),
    "first generation's failure": scripted.first_generation_failure,
    "413 page": scripted.page(413),
    "reset": scripted.reset,
    "reset in mid-answer": scripted.reset_in_mid_answer,
}


@pytest.mark.parametrize("name", NOT_NOW)
def test_an_answer_that_means_not_now_keeps_the_report(
    agent: AgentRunner, collector: ScriptedCollector, name: str
) -> None:
    collector.usual = NOT_NOW[name]
    run = agent.run("--url", collector.url, "--once")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert len(agent.waiting()) == 1
    assert all(post.path == "/servers" for post in collector.posts)


@pytest.mark.parametrize("behaviour", [scripted.silent, scripted.trickling])
def test_an_answer_that_does_not_end_is_given_up_after_the_deadline(
    agent: AgentRunner, collector: ScriptedCollector, behaviour: Behaviour
) -> None:
    collector.usual = behaviour
    start = time.monotonic()
    run = agent.run("--url", collector.url, "--once", "--timeout", "0.5")
    assert run.returncode == 1
    assert len(agent.waiting()) == 1
    assert time.monotonic() - start < 50, "the usual time is 60 s"
    if behaviour is scripted.trickling:
        assert "el envío no terminó en 0.5 s" in run.stderr


@pytest.mark.parametrize("status", [400, 413])
def test_a_report_that_our_collector_calls_wrong_is_set_aside_with_the_answer(
    agent: AgentRunner, collector: ScriptedCollector, status: int
) -> None:
    collector.play([scripted.problem(status, "$.procesos[3].pid: expected int\nERROR forged")])
    run = agent.run("--url", collector.url, "--once")
    assert run.returncode == 4
    assert run.stderr.count("\n") == 1
    assert not agent.waiting()
    rejected = agent.spool / "rechazados"
    [kept] = rejected.glob("*.json.gz")
    [answer] = rejected.glob("*.respuesta.txt")
    assert "id_reporte" in json.loads(gzip.decompress(kept.read_bytes()))
    assert "$.procesos[3].pid" in answer.read_text()
    assert agent.run("--url", collector.url, "--once").returncode == 0
    assert len(collector.accepted) == 1


def test_a_report_that_a_first_generation_collector_can_never_store_does_not_block_the_rest(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    poison: list[str] = []

    def picky(exchange: scripted.Exchange) -> None:
        try:
            report = json.loads(exchange.body)
        except ValueError:
            scripted.first_generation_failure(exchange)
            return
        poison[:] = poison or [report["id_reporte"]]
        refused = report["id_reporte"] == poison[0]
        (scripted.first_generation_failure if refused else scripted.first_generation)(exchange)

    collector.usual = picky
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: len(collector.accepted) >= 5)
    agent.stop(process)
    [kept] = (agent.spool / "rechazados").glob("*.json.gz")
    assert poison[0] in kept.name
    assert len(set(collector.ids)) == len(collector.ids)


def test_an_answer_lost_in_mid_air_is_asked_for_again_and_stored_once(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    def stored_but_reset(exchange: scripted.Exchange) -> None:
        exchange.server.accepted.append(exchange.report)
        scripted.reset_in_mid_answer(exchange)

    collector.play([stored_but_reset])
    assert agent.run("--url", collector.url, "--once").returncode == 1
    assert agent.run("--url", collector.url, "--once").returncode == 0
    assert len(collector.ids) == len(set(collector.ids)) == 2


def test_retry_after_is_kept_to(agent: AgentRunner, collector: ScriptedCollector) -> None:
    moments: list[float] = []

    def busy(exchange: scripted.Exchange) -> None:
        moments.append(time.monotonic())
        scripted.problem(503, Retry_After="1")(exchange)

    def store(exchange: scripted.Exchange) -> None:
        moments.append(time.monotonic())
        scripted.stored(exchange)

    collector.play([busy])
    collector.usual = store
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: collector.accepted)
    agent.stop(process)
    assert moments[1] - moments[0] >= 0.95


def test_a_collector_that_hangs_does_not_break_the_rhythm(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = scripted.silent
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: collector.posts)
    held = len(agent.waiting())
    wait_for(lambda: len(agent.waiting()) >= held + 5)
    code, _ = agent.stop(process)
    assert code == 0
    assert len(collector.posts) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_waiting_for_the_next_beat_ends_cleanly(
    agent: AgentRunner, collector: ScriptedCollector, number: signal.Signals
) -> None:
    process = agent.start("--url", collector.url, "--interval", "3600")
    wait_for(lambda: is_waiting_for_a_signal(process.pid))
    assert agent.stop(process, number) == (0, "")
    assert not list(agent.spool.glob(".*"))


def is_waiting_for_a_signal(pid: int) -> bool:
    """Whether a process has handlers for SIGINT and SIGTERM (proc_pid_status(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    wanted = 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1)
    return int(caught.split()[1], 16) & wanted == wanted


def test_what_waits_at_the_end_is_sent_by_the_next_run(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = scripted.problem(503)
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: len(agent.waiting()) >= 3)
    agent.stop(process)
    waited = [report["id_reporte"] for report in agent.waiting()]
    collector.usual = scripted.stored
    assert agent.run("--url", collector.url, "--once").returncode == 0
    assert collector.ids[: len(waited)] == waited


def test_kills_at_any_moment_lose_nothing_that_was_in_the_spool(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = scripted.problem(503)
    for _ in range(4):
        process = agent.start("--url", collector.url, *FAST, "--interval", "0.05")
        before = len(list(agent.spool.glob("*.json.gz"))) if agent.spool.exists() else 0
        wait_for(lambda b=before: len(list(agent.spool.glob("*.json.gz"))) > b)  # type: ignore[misc]
        process.kill()
        process.wait()
    waited = [report["id_reporte"] for report in agent.waiting()]
    collector.usual = scripted.stored
    assert agent.run("--url", collector.url, "--once").returncode == 0
    assert collector.ids[: len(waited)] == waited
    assert not list(agent.spool.glob(".*.tmp"))


def test_two_agents_do_not_share_a_spool(agent: AgentRunner, collector: ScriptedCollector) -> None:
    process = agent.start("--url", collector.url, "--interval", "3600")
    wait_for(lambda: is_waiting_for_a_signal(process.pid))
    run = agent.run("--url", collector.url, "--once")
    assert run.returncode == 3
    assert "otro agente usa el spool" in run.stderr
    assert run.stderr.count("\n") == 1


@needs_namespaces
def test_on_a_full_disk_a_report_is_sent_all_the_same(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    run = agent.run("--url", collector.url, "--once", prefix=full_disk(agent))
    assert run.returncode == 0, run.stderr
    assert "No space left" in run.stderr
    assert len(collector.accepted) == 1


@needs_namespaces
def test_on_a_full_disk_with_the_collector_down_the_loss_is_said(
    agent: AgentRunner, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    run = agent.run("--url", url, "--once", prefix=full_disk(agent))
    assert run.returncode == 5
    assert "se perdió" in run.stderr


@needs_namespaces
def test_a_spool_that_takes_nothing_fails_the_check(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    run = agent.run("--check", "--url", collector.url, prefix=full_disk(agent))
    assert f"FALLA  spool        {agent.spool}: No space left on device" in run.stdout


def full_disk(agent: AgentRunner) -> tuple[str, ...]:
    """A command that runs another one with a spool on a file system without a free block."""
    agent.spool.mkdir(parents=True)
    script = (
        f"mount -t tmpfs -o size=64k tmpfs {agent.spool}"
        f' && (cat /dev/zero > {agent.spool}/lleno 2>/dev/null; exec "$@")'
    )
    return ("unshare", "-m", "sh", "-c", script, "sh")


def test_where_its_messages_go_nowhere_the_agent_delivers_all_the_same(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.play([scripted.problem(503)])
    with Path("/dev/full").open("w") as full:  # as a log on a full disk
        process = agent.start("--url", collector.url, *FAST, stderr=full)
        wait_for(lambda: len(collector.accepted) > 2)
        assert agent.stop(process)[0] == 0


def test_started_without_any_output_the_agent_delivers(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    closed = ("sh", "-c", '"$@" >&- 2>&-', "sh")
    assert agent.run("--url", collector.url, "--once", prefix=closed).returncode == 0
    assert len(collector.accepted) == 1


def test_a_file_size_limit_that_cuts_reports_loses_none(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    agent.printed()
    run = agent.run(
        "--url", collector.url, "--once", prefix=("sh", "-c", 'ulimit -f 0; "$@"', "sh")
    )
    assert run.returncode == 0, run.stderr
    assert "File too large" in run.stderr
    assert len(collector.accepted) == 1
    assert not list(agent.spool.glob(".*.tmp"))


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b'{"pid": 1}')[:-9], gzip.compress(b"[" * 99999)],
    ids=["cut", "deep"],  # what is compressed has its time in it, which no two workers share
)
def test_a_damaged_report_in_the_spool_is_set_aside_and_blocks_nothing(
    agent: AgentRunner, collector: ScriptedCollector, content: bytes
) -> None:
    agent.spool.mkdir(parents=True)
    name = "000000000001-019aa0c1-5e00-7abc-8def-0123456789ab.json.gz"
    (agent.spool / name).write_bytes(content)
    run = agent.run("--url", collector.url, "--once")
    assert run.returncode == 0
    assert "dañado" in run.stderr
    assert (agent.spool / "rechazados" / name).exists()
    assert len(collector.accepted) == 1


def test_the_token_is_sent_and_netrc_is_not(
    agent: AgentRunner, collector: ScriptedCollector, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login otro password secreto\n")
    netrc.chmod(0o600)
    environment = {**agent.environment(), "HOME": str(tmp_path), "NETRC": str(netrc)}
    agent.run("--url", collector.url, "--once", env=environment)
    identity = json.loads((agent.state / "identidad.json").read_text())["id_agente"]
    token = agent.state / "token"
    token.write_text(json.dumps({"id_agente": identity, "token": "abc"}))
    token.chmod(0o600)
    agent.run("--url", collector.url, "--once", env=environment)
    assert [post.headers["Authorization"] for post in collector.posts] == [None, "Bearer abc"]


def test_a_proxy_of_the_environment_is_not_asked_for_a_collector_on_this_host(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    environment = {**agent.environment(), "http_proxy": "http://127.0.0.1:9"}
    assert agent.run("--url", collector.url, "--once", env=environment).returncode == 0


def test_a_collector_on_ipv6_is_reached(agent: AgentRunner) -> None:
    try:
        collector = ScriptedCollector(family=10)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    try:
        agent.config.write_text(f"[api]\nip = ::1\npuerto = {collector.server_address[1]}\n")
        assert agent.run("--once").returncode == 0
        assert len(collector.accepted) == 1
    finally:
        collector.close()


def test_dropped_reports_are_counted_and_the_count_reaches_the_collector(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    agent.spool.mkdir(parents=True)
    noise = gzip.compress(json.dumps({"x": random_hex(900_000)}).encode())
    for number in (1, 2, 3):
        name = f"{number:012d}-019aa0c1-5e00-7abc-8def-0123456789a{number}.json.gz"
        (agent.spool / name).write_bytes(noise)
    collector.usual = scripted.problem(503)
    agent.run("--url", collector.url, "--once", "--spool-mib", "1")
    left = len([report for report in agent.waiting() if "x" in report])
    assert 0 < left < 3
    collector.usual = scripted.stored_anything
    agent.run("--url", collector.url, "--once", "--spool-mib", "1")
    assert collector.accepted[-1]["descartados"] == 3 - left


def test_a_spool_that_stays_full_is_told_once(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    agent.spool.mkdir(parents=True)
    sizes = [
        20_000,
        20_000,
        20_000,
        (1 << 20) - 60_000,
    ]  # dropping one makes room for a few
    for number, size in enumerate(sizes, 1):
        name = f"{number:012d}-019aa0c1-5e00-7abc-8def-0123456789a{number}.json.gz"
        (agent.spool / name).write_bytes(gzip.compress(b"{}").ljust(size, b"\0"))
    collector.usual = scripted.problem(503)
    process = agent.start("--url", collector.url, *FAST, "--spool-mib", "1")
    wait_for(lambda: read_state(agent.spool).descartados >= 3)
    assert agent.stop(process)[1].count("está lleno") == 1


def random_hex(size: int) -> str:
    """Text that gzip can't make much smaller than a half."""
    import random

    return random.Random(1).randbytes(size // 2).hex()


def test_sent_report_says_how_it_was_gathered(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: len(collector.accepted) >= 2)
    agent.stop(process)
    first, second = collector.accepted[:2]
    assert first["intervalo"] == 0.1
    assert first["pid_agente"] == process.pid
    assert first["id_agente"] == second["id_agente"]
    assert first["id_reporte"] < second["id_reporte"]
    assert first["arranque"] == second["arranque"]


def same_process(report: dict[str, Any], pid: int) -> dict[str, Any]:
    """The entry of a process in a report."""
    return next(entry for entry in report["procesos"] if entry["pid"] == pid)


def test_a_process_starts_at_the_same_moment_in_every_report(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    process = agent.start("--url", collector.url, *FAST)
    wait_for(lambda: len(collector.accepted) >= 3)
    agent.stop(process)
    starts = {same_process(report, process.pid)["inicio"] for report in collector.accepted}
    assert len(starts) == 1


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody but its file vouches for."""
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder / "cert.pem"


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl(1) to make a certificate")
def test_tls_is_always_checked_and_a_ca_of_ones_own_is_taken(
    agent: AgentRunner, collector: ScriptedCollector, tmp_path: Path
) -> None:
    cert = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, tmp_path / "key.pem")
    collector.socket = context.wrap_socket(collector.socket, server_side=True)
    url = collector.url.replace("http:", "https:")
    refused = agent.run("--url", url, "--once")
    assert refused.returncode == 1
    assert "certificate verify failed" in refused.stderr
    assert "[api] huella" in refused.stderr
    assert agent.run("--url", url, "--once", "--ca", str(cert)).returncode == 0
    assert len(collector.accepted) == 2
    check = agent.run("--check", "--url", url, "--ca", str(cert)).stdout
    assert "bien   TLS" in check


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl(1) to make a certificate")
def test_a_server_that_hangs_in_the_tls_handshake_is_given_up(agent: AgentRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        run = agent.run("--url", url, "--once", "--timeout", "0.5")
    assert run.returncode == 1
    assert len(agent.waiting()) == 1


def test_with_a_proxy_of_the_environment_the_collector_is_reached_through_it(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    environment = {**agent.environment(), "http_proxy": collector.url}
    url = "http://collector.invalid:8080"
    assert agent.run("--url", url, "--once", env=environment).returncode == 0
    assert collector.posts[0].path == f"{url}/servers"
    assert "bien   proxy" in agent.run("--check", "--url", url, env=environment).stdout


def test_a_proxy_that_fails_is_named_without_its_password(
    agent: AgentRunner, free_port: int
) -> None:
    proxy = f"127.0.0.1:{free_port}"
    environment = {**agent.environment(), "http_proxy": f"http://juan:clave@{proxy}"}
    url = "http://collector.invalid:8080"
    run = agent.run("--url", url, "--once", env=environment)
    assert f"por el proxy {proxy}" in run.stderr
    check = agent.run("--check", "--url", url, env=environment)
    assert f"bien   proxy        {proxy}" in check.stdout
    assert "clave" not in run.stderr + check.stdout
    environment["http_proxy"] = "http://[::1"  # of which urlsplit makes nothing
    assert "FALLA  vive" in agent.run("--check", "--url", url, env=environment).stdout


def test_without_its_libraries_the_agent_says_what_is_missing_and_keeps_the_report(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    command = agent.command("--url", collector.url, "--once")
    run = subprocess.run(
        [command[0], "-S", *command[1:]], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "falta la biblioteca requests" in run.stderr
    [report] = agent.waiting()
    assert "netifaces" in report["errores"]["ipaddress"]
    assert report["procesos"]
    command = agent.command("--check", "--url", "http://10.0.0.1")
    check = subprocess.run(
        [command[0], "-S", *command[1:]], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (1, "")
    assert "falta la biblioteca requests; ./agente.sh la pone" in check.stdout.splitlines()[-1]
