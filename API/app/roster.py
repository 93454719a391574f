"""The agents as the console lists them: what is out of the ordinary about each. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import chain, compress
from typing import NamedTuple

from API.app.queries.admission import ACTIVE, PAUSED, RETIRED, REVOKED

NOTICES = ("clon", "reloj", "descartes", "sin_token", "rotacion")
"""What may be out of the ordinary."""
SKEW_S = 60
"""From how many seconds on a clock is off."""


class Agent(NamedTuple):
    """One agent."""

    id_agente: str
    hostname: str | None
    state: str
    version: str | None
    last_report: str | None
    labels: tuple[str, ...]
    skew: int
    """By how many seconds its clock is ahead, or less than 0."""
    dropped: int
    """Reports that its spool had to drop."""
    clone_of: str | None
    clone_seen: str | None
    """When a second machine last reported under its identity."""
    rotating: bool
    has_token: bool
    text: str
    """All that a search looks at."""

    @property
    def decided(self) -> str:
        """Give the state that an operator gave it."""
        return self.state if self.state in (PAUSED, RETIRED, REVOKED) else ACTIVE

    @property
    def notices(self) -> tuple[str, ...]:
        """Name what is out of the ordinary."""
        holds = (
            self.clone_of is not None or self.clone_seen is not None,
            abs(self.skew) > SKEW_S,
            self.dropped > 0,
            not self.has_token,
            self.rotating,
        )
        return tuple(compress(NOTICES, holds))


FACETS: dict[str, Callable[[Agent], tuple[str, ...]]] = {
    "aviso": lambda agent: agent.notices,
    "version": lambda agent: (agent.version or "",),
    "estado": lambda agent: (agent.state,),
}
"""By what the list can be narrowed."""


class Roster(NamedTuple):
    """All agents, and how many there are with each value of each facet."""

    agents: list[Agent]
    facets: dict[str, Counter[str]]


def roster_of(agents: list[Agent]) -> Roster:
    """Count the values of the facets among all agents."""
    facets = {
        name: Counter(chain.from_iterable(map(values, agents))) for name, values in FACETS.items()
    }
    return Roster(agents, facets)


def narrow(agents: list[Agent], search: str, chosen: Mapping[str, str]) -> list[Agent]:
    """Find the agents that are wanted."""
    for word in search.casefold().split():
        agents = [agent for agent in agents if word in agent.text]
    for name, value in chosen.items():
        if value:
            values = FACETS[name]
            agents = [agent for agent in agents if value in values(agent)]
    return agents
