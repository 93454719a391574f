"""Several collectors: who goes to which, who takes over, and how they come back."""

import random
from collections import Counter
from collections.abc import Iterator
from statistics import mean, pstdev

import pytest
import route
from identity import ranked
from route import Route, absence
from settings import Collector
from transport import TOO_MANY, Answer, Outcome, Verdict

from tests.agente import collector as scripted
from tests.agente.collector import Behaviour, ScriptedCollector
from tests.agente.conftest import AgentRunner, wait_for
from tests.agente.test_delivery import FAST
from tests.agente.test_member import GIVEN, bearer, enrolled

TAKEN = Outcome(Verdict.DELIVERED)
DOWN = Outcome(Verdict.NOT_NOW, "Connection refused")
DISPUTED = Outcome(Verdict.DISPUTED, "413 (text/html)")
THREE = [Collector(f"https://{name}") for name in "abc"]


class Clock:
    """The time that the route goes by, and the lot that it draws."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lot = 0.0

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self.lot


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(route, "time", made)
    monkeypatch.setattr(route, "random", made)
    return made


class Collectors:
    """Ways to two collectors, a and b, which answer as they are told."""

    def __init__(self) -> None:
        self.answers = {"a": TAKEN, "b": TAKEN}
        self.asked = ""
        self.route = Route([self.way(name) for name in "ab"], 300)

    def way(self, name: str) -> "Told":
        return Told(self, name)

    def send(self, count: int = 1) -> str:
        """Send reports; return whom they were sent to."""
        self.asked = ""
        for _ in range(count):
            self.outcome = self.route.send(b"")
        return self.asked


class Told:
    """One of them."""

    def __init__(self, all_of_them: Collectors, name: str) -> None:
        self.url, self._all = name, all_of_them

    def send(self, _: bytes) -> Outcome:
        """Note who is asked, and answer."""
        self._all.asked += self.url
        return self._all.answers[self.url]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def two(clock: Clock) -> Collectors:
    assert clock.now
    return Collectors()


def identities(count: int) -> list[str]:
    chance = random.Random(1)
    return [f"{chance.getrandbits(128):032x}" for _ in range(count)]


def test_a_fleet_divides_evenly_and_so_do_those_of_one_that_is_away() -> None:
    orders = [tuple(c.url[-1] for c in ranked(who, THREE)) for who in identities(6000)]
    shares = Counter(orders)
    assert len(shares) == 6
    assert all(900 < share < 1100 for share in shares.values())


def test_one_collector_more_moves_its_own_share_alone() -> None:
    fleet = identities(3000)
    before = [ranked(who, THREE)[0] for who in fleet]
    after = [ranked(who, [*THREE, Collector("https://d")])[0] for who in fleet]
    moved = [new.url for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"https://d"}
    assert 650 < len(moved) < 850


def test_it_keeps_to_its_own_while_that_is_there(two: Collectors) -> None:
    assert two.send(3) == "aaa"


@pytest.mark.parametrize("trouble", [DOWN, DISPUTED])
def test_another_one_takes_over_and_the_first_is_left_alone_for_a_while(
    two: Collectors, clock: Clock, trouble: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    two.answers["a"] = trouble
    clock.lot = 0.5
    assert two.send(3) == "abbb"
    assert two.outcome is TAKEN
    clock.now += absence(300, 0.5) - 1
    assert two.send() == "b"
    clock.now += 1
    assert two.send(2) == "abb", "its time begins anew"
    two.answers["a"] = TAKEN
    clock.now += absence(300, 0.5)
    assert two.send(3) == "aaa"
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"agente: a no recibe ({trouble.reason}); sigo con b",
        "agente: a vuelve a recibir",
    ]


def test_when_all_are_away_each_is_tried_at_every_attempt(two: Collectors, clock: Clock) -> None:
    two.answers = {"a": DOWN, "b": DOWN}
    assert two.send(2) == "abab"
    assert (two.outcome.verdict, two.outcome.pause) == (Verdict.NOT_NOW, 0)
    clock.now += 1
    two.answers["a"] = TAKEN
    assert two.send(2) == "aa"


def test_what_each_asked_for_is_kept_and_the_shortest_is_waited_for(
    two: Collectors, clock: Clock
) -> None:
    two.answers = {"a": DOWN._replace(pause=60.0), "b": DOWN._replace(pause=20.0)}
    assert two.send() == "ab"
    assert two.outcome.pause == 20
    clock.now += 5
    assert two.send() == ""
    assert (two.outcome.verdict, two.outcome.pause) == (Verdict.NOT_NOW, 15)
    clock.now += 15
    two.answers["b"] = TAKEN
    assert two.send() == "b"


def test_a_doubt_of_any_is_told_when_none_takes_it(two: Collectors) -> None:
    two.answers = {"a": DOWN, "b": DISPUTED}
    two.send()
    assert two.outcome.verdict is Verdict.DISPUTED


@pytest.mark.parametrize(
    "about_us",
    [
        Outcome(Verdict.WRONG, "400"),
        Outcome(Verdict.NOT_NOW, "429", 30.0, Answer(TOO_MANY, "application/problem+json")),
    ],
)
def test_what_is_about_the_report_or_its_sender_is_not_asked_elsewhere(
    two: Collectors, about_us: Outcome
) -> None:
    two.answers["a"] = about_us
    assert two.send() == "a"
    assert two.outcome is about_us


def test_a_fleet_comes_back_evenly_over_three_intervals() -> None:
    chance = random.Random(1)
    back = [absence(300, chance.random()) for _ in range(10_000)]
    assert (min(back) >= 300, max(back) <= 1200) == (True, True)
    minutes = Counter(int(moment // 60) for moment in back)
    assert pstdev(minutes.values()) < 0.1 * mean(minutes.values())
    assert absence(86_400, 1.0) == 3600, "who reports once a day looks more often"
    assert absence(0.1, 0.0) == 1


@pytest.fixture
def pair() -> Iterator[list[ScriptedCollector]]:
    made = [ScriptedCollector(), ScriptedCollector()]
    yield made
    for each in made:
        each.close()


def urls(collectors: list[ScriptedCollector]) -> str:
    return ", ".join(each.url for each in collectors)


def own_first(agent: AgentRunner, pair: list[ScriptedCollector]) -> list[ScriptedCollector]:
    """The collectors in the order in which this agent turns to them."""
    agent.run("--url", urls(pair), "--once")
    first = next(each for each in pair if each.accepted)
    first.accepted.clear()
    first.posts.clear()
    return sorted(pair, key=lambda each: each is not first)


@pytest.mark.parametrize(
    "trouble",
    [scripted.problem(503, Retry_After="600"), scripted.page(502), scripted.page(200),
     scripted.first_generation_failure, scripted.reset, scripted.silent, scripted.problem(401)],
    ids=["503", "502", "page", "400", "reset", "silent", "401"],
)  # fmt: skip
def test_one_shot_goes_to_the_other_collector(
    agent: AgentRunner, pair: list[ScriptedCollector], trouble: Behaviour
) -> None:
    own, other = own_first(agent, pair)
    own.usual = trouble
    run = agent.run("--url", urls(pair), "--once", "--timeout", "1")
    assert run.returncode == 0, run.stderr
    assert (len(own.accepted), len(other.accepted)) == (0, 1)
    assert "sigo con" in run.stderr
    assert not agent.waiting()


def test_an_outage_of_one_loses_and_doubles_nothing_and_keeps_the_order(
    agent: AgentRunner, pair: list[ScriptedCollector]
) -> None:
    own, other = own_first(agent, pair)
    process = agent.start("--url", urls(pair), *FAST)
    wait_for(lambda: len(own.accepted) >= 3)
    own.usual = scripted.reset
    wait_for(lambda: len(other.accepted) >= 5)
    other.usual = scripted.problem(503)
    wait_for(lambda: len(list(agent.spool.glob("*.json.gz"))) >= 5)
    own.usual = scripted.stored
    before = len(own.accepted)
    wait_for(lambda: len(own.accepted) >= before + 8)
    assert agent.stop(process)[0] == 0
    assert len({*own.ids, *other.ids}) == len(own.ids) + len(other.ids)
    for each in (own, other):
        assert each.ids == sorted(each.ids)
    assert not {report["id_reporte"] for report in agent.waiting()} & {*own.ids, *other.ids}


def test_a_token_is_good_for_each_and_enrolment_goes_to_the_one_that_is_there(
    agent: AgentRunner, pair: list[ScriptedCollector]
) -> None:
    own, other = own_first(agent, pair)
    own.usual, other.usual = scripted.problem(503), enrolled
    environment = agent.environment() | {"COMPLIANCE_API_ALTA": GIVEN}
    done = agent.run("--enrol", "--url", urls(pair), env=environment)
    assert (done.returncode, done.stdout.split(": ")[0]) == (0, f"dado de alta en {other.url}")
    own.usual = scripted.stored
    assert agent.run("--once").returncode == 0
    own.usual = scripted.problem(503)
    assert agent.run("--once").returncode == 0
    assert bearer(own.posts[-1]) == bearer(other.posts[-1])
    assert (len(own.accepted), len(other.accepted)) == (1, 1)


def test_check_goes_to_each(agent: AgentRunner, pair: list[ScriptedCollector]) -> None:
    own, other = own_first(agent, pair)
    own.close()
    other.gets = {path: scripted.json_answer(200, {}) for path in ("/healthz", "/readyz")}
    other.usual = scripted.problem(400, "$: missing field")
    run = agent.run("--check", "--url", urls(pair))
    assert run.returncode == 1
    lines = [line.split()[:2] for line in run.stdout.splitlines()][5:]
    assert lines == [
        ["bien", "colector"], ["bien", "nombre"], ["FALLA", "conexión"],
        ["bien", "colector"], ["bien", "nombre"], ["bien", "conexión"], ["bien", "vive"],
        ["bien", "recibe"], ["bien", "admite"],
    ]  # fmt: skip
