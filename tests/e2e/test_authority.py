"""The real agent knows the real collector by the fingerprint of its authority."""

import shutil
import stat
from operator import attrgetter
from pathlib import Path

import pytest
from authority import AuthorityError, checked, fingerprint_of

from tests.agente.conftest import AgentRunner
from tests.api.test_tls import OWN, make_pair
from tests.conftest import CollectorProcess, NewCollector, wait_until


@pytest.fixture
def tls(new_collector: NewCollector) -> CollectorProcess:
    return new_collector(OWN).start()


def fingerprint(collector: CollectorProcess) -> str:
    return fingerprint_of((collector.storage / "tls" / "ca.pem").read_bytes())


def once(agent: AgentRunner, collector: CollectorProcess, *options: str) -> int:
    return agent.run("--url", collector.url, "--once", *options).returncode


def test_it_works(tls: CollectorProcess, agent: AgentRunner) -> None:
    assert once(agent, tls) == 1, "nobody vouches for it yet"
    assert once(agent, tls, "--huella", fingerprint(tls)) == 0
    pinned = agent.state / "ca.pem"
    assert stat.S_IMODE(pinned.stat().st_mode) == 0o600
    assert once(agent, tls) == 0, "the authority is kept"
    assert "bien   TLS" in agent.run("--url", tls.url, "--check").stdout


def test_authority_with_another_fingerprint_is_not_taken(
    tls: CollectorProcess, agent: AgentRunner
) -> None:
    wrong = agent.run("--url", tls.url, "--once", "--huella", "0" * 64)
    assert wrong.returncode == 1
    assert "no es la de la huella" in wrong.stderr
    assert not (agent.state / "ca.pem").exists()
    assert tls.numbers() == []


def test_what_to_do_about_tls_is_said(tls: CollectorProcess, agent: AgentRunner) -> None:
    assert "va en [api] huella" in agent.run("--url", tls.url, "--once").stderr
    plain = tls.url.replace("https:", "http:")

    def is_said() -> bool:  # unless the end of the connection comes before what it is ended with
        return "su URL empieza por https://" in agent.run("--url", plain, "--once").stderr

    wait_until(is_said, "it is not said")


def test_false_collector_with_another_authority_gets_nothing(
    tls: CollectorProcess, agent: AgentRunner
) -> None:
    assert once(agent, tls, "--huella", fingerprint(tls)) == 0
    tls.stop()
    shutil.rmtree(tls.storage / "tls")
    tls.start()
    assert once(agent, tls) == 1
    assert len(tls.numbers()) == 1
    assert once(agent, tls, "--huella", fingerprint(tls)) == 0, "the operator names the new one"


def test_each_of_several_collectors_is_known_by_its_own_fingerprint(
    new_collector: NewCollector, agent: AgentRunner
) -> None:
    both = [new_collector(OWN).start(), new_collector(OWN).start()]
    urls, prints = (", ".join(map(of, both)) for of in (attrgetter("url"), fingerprint))
    named = ("--url", urls, "--huella", prints)
    assert agent.run("--once", *named).returncode == 0
    [own] = [each for each in both if each.numbers()]
    assert agent.run("--check", *named).stdout.count("bien   TLS") == 2
    own.stop()
    assert agent.run("--once", *named).returncode == 0
    assert all(each.numbers() for each in both)
    assert (agent.state / "ca.pem").read_text().count("BEGIN CERTIFICATE") == 2
    [other] = [each for each in both if each is not own]
    assert once(agent, other, "--huella", fingerprint(other)) == 0
    assert fingerprint_of((agent.state / "ca.pem").read_bytes()) == fingerprint(other)
    assert (agent.state / "ca.pem").read_text().count("BEGIN CERTIFICATE") == 1


def test_what_comes_with_the_authority_is_left_out(tmp_path: Path) -> None:
    ours, other = (make_pair(tmp_path / name).with_name("ca.pem") for name in ("a", "b"))
    sent = ours.read_bytes() + other.read_bytes()
    kept = checked(sent, fingerprint_of(ours.read_bytes()))
    assert kept.count(b"BEGIN CERTIFICATE") == 1
    assert fingerprint_of(kept) == fingerprint_of(ours.read_bytes())
    with pytest.raises(AuthorityError):
        checked(other.read_bytes() + ours.read_bytes(), fingerprint_of(ours.read_bytes()))
    with pytest.raises(AuthorityError):
        checked(b"<html>", fingerprint_of(ours.read_bytes()))
