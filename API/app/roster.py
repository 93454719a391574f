"""The agents as the console lists them: what is out of the ordinary about each. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
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
        holds = {
            "clon": self.clone_of is not None or self.clone_seen is not None,
            "reloj": abs(self.skew) > SKEW_S,
            "descartes": self.dropped > 0,
            "sin_token": not self.has_token,
            "rotacion": self.rotating,
        }
        return tuple(name for name in NOTICES if holds[name])


FACETS: dict[str, Callable[[Agent], tuple[str, ...]]] = {
    "aviso": lambda agent: agent.notices,
    "version": lambda agent: (agent.version or "",),
    "estado": lambda agent: (agent.state,),
}
"""By what the list can be narrowed."""


def narrow(
    agents: Iterable[Agent], search: str, chosen: Mapping[str, str]
) -> tuple[list[Agent], dict[str, Counter[str]]]:
    """Find the agents that are wanted, and count the values of each facet among all of them."""
    facets: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    words = search.casefold().split()
    found = []
    for agent in agents:
        values = {name: of(agent) for name, of in FACETS.items()}
        for name, each in values.items():
            facets[name].update(each)
        fits = all(not value or value in values[name] for name, value in chosen.items())
        if fits and all(word in agent.text for word in words):
            found.append(agent)
    return found, facets
