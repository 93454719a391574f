"""Enrolling while the collector's answers are late, lost, odd or hostile."""

import json
from typing import Any

import pytest

from tests.agente import collector as scripted
from tests.agente.collector import Behaviour, Exchange, Post, ScriptedCollector
from tests.agente.conftest import AgentRunner

GIVEN = "alta_x"


def enrolled(exchange: Exchange) -> None:
    """Answer as our collector does: 201 to an enrolment, and reports are stored."""
    if exchange.path != "/agentes":
        scripted.stored(exchange)
        return
    asked = json.loads(exchange.body)
    answer = json.dumps({"id_agente": asked["id_agente"]}).encode()
    exchange.answer(201, "application/json", answer)


def once(agent: AgentRunner, collector: ScriptedCollector) -> int:
    environment = agent.environment() | {"COMPLIANCE_API_ALTA": GIVEN}
    return agent.run("--url", collector.url, "--once", env=environment).returncode


def enrolments(collector: ScriptedCollector) -> list[dict[str, Any]]:
    return [json.loads(post.body) for post in collector.posts if post.path == "/agentes"]


def bearer(post: Post) -> str:
    return str(post.headers["Authorization"]).removeprefix("Bearer ")


@pytest.mark.parametrize(
    "first",
    [
        scripted.reset,
        scripted.reset_in_mid_answer,
        scripted.page(200),
        scripted.page(409),
        scripted.json_answer(201, {"id_agente": "00000000-0000-4000-8000-000000000000"}),
        scripted.json_answer(201, []),
        scripted.problem(429, "too many", Retry_After="30"),
        scripted.problem(503),
    ],
    ids=["reset", "half", "page", "conflict-of-a-proxy", "another", "list", "429", "503"],
)
def test_an_answer_that_says_nothing_is_asked_for_again_with_the_same_token(
    agent: AgentRunner, collector: ScriptedCollector, first: Behaviour
) -> None:
    collector.usual = enrolled
    collector.play([first])
    assert once(agent, collector) == 1
    assert not (agent.state / "token").exists()
    assert once(agent, collector) == 0
    one, other = enrolments(collector)
    assert one == other
    kept = json.loads((agent.state / "token").read_text())
    assert kept["id_agente"] == one["id_agente"]
    reports = [post for post in collector.posts if post.path == "/servers"]
    assert {bearer(post) for post in reports} == {kept["token"]}
    assert {bearer(post) for post in collector.posts if post not in reports} == {GIVEN}


@pytest.mark.parametrize("given", ["<&-", "</dev/null"])
def test_enrolling_without_a_secret_says_what_is_missing(agent: AgentRunner, given: str) -> None:
    run = agent.run("--enrol", prefix=("sh", "-c", f'"$@" {given}', "sh"))
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "falta el secreto de alta" in run.stderr


def test_the_token_itself_is_not_in_what_enrols(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = enrolled
    assert once(agent, collector) == 0
    token = json.loads((agent.state / "token").read_text())["token"]
    [asked] = enrolments(collector)
    assert set(asked) == {"id_agente", "token_sha256"}
    assert token not in str(asked)


def test_a_conflict_of_a_proxy_changes_no_identity(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    collector.usual = enrolled
    assert once(agent, collector) == 0
    before = (agent.state / "identidad.json").read_bytes()
    collector.usual = scripted.page(409)
    assert once(agent, collector) == 1
    assert (agent.state / "identidad.json").read_bytes() == before


@pytest.mark.parametrize(("status", "asked"), [(401, 1), (403, 1), (409, 2)])
def test_a_collector_that_enrols_nobody_is_not_pressed(
    agent: AgentRunner, collector: ScriptedCollector, status: int, asked: int
) -> None:
    """Nothing is sent before it is enrolled, and an identity that is taken is changed once."""
    collector.usual = scripted.problem(status)
    assert once(agent, collector) == 1
    assert [post.path for post in collector.posts] == ["/agentes"] * asked
    assert len({answer["id_agente"] for answer in enrolments(collector)}) == asked


def test_a_collector_that_knows_no_tokens_is_reported_to_without(
    agent: AgentRunner, collector: ScriptedCollector
) -> None:
    assert agent.run("--url", collector.url, "--once").returncode == 0
    [post] = collector.posts
    assert (post.path, post.headers["Authorization"]) == ("/servers", None)
