"""What differs between what was known of a server at two moments. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from API.app.facts import LISTS

Label = tuple[str, str | None]


class Difference(NamedTuple):
    """Something of which there were not as many, or not the same, at both moments."""

    campo: str
    nombre: str
    valor: str | None
    before: int
    after: int

    @property
    def kind(self) -> str:
        """Give how it differs: `inicia`, `termina`, `cambia` (their number) or `otro`."""
        if not self.before:
            return "inicia"
        if not self.after:
            return "termina"
        return "cambia" if self.before != self.after else "otro"


class Turn(NamedTuple):
    """A fact or a verdict that is another one; None where there was, or is, none."""

    what: str
    before: str | None
    after: str | None


def differing_items(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Compare the lists of two states, as `state_at` gives them, by label.

    Equal in number, with none of the same process ids, is a difference, too: it began anew.
    """
    found = []
    for fact in LISTS:
        old, new = (_by_label(state[fact.field], fact.columns) for state in (before, after))
        for label in sorted(old.keys() | new.keys(), key=lambda label: (label[0], label[1] or "")):
            mine, theirs = old.get(label, Counter()), new.get(label, Counter())
            if mine.total() != theirs.total() or not mine & theirs:
                found.append(Difference(fact.field, *label, mine.total(), theirs.total()))
    return found


def differing_facts(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Turn]:
    """Compare the facts of the system of two states."""
    return turns(before["sistema"], after["sistema"])


def turns(before: Mapping[str, str], after: Mapping[str, str]) -> list[Turn]:
    """Compare two mappings."""
    names = [*before, *(name for name in after if name not in before)]
    made = (Turn(name, before.get(name), after.get(name)) for name in names)
    return [turn for turn in made if turn.before != turn.after]


def _by_label(
    items: Iterable[Mapping[str, Any]], columns: tuple[str, ...]
) -> dict[Label, Counter[int | None]]:
    """Give the process ids of each label, with how often each stands there."""
    found: dict[Label, Counter[int | None]] = {}
    for item in items:
        label = (item[columns[0]], item[columns[1]] if len(columns) > 1 else None)
        found.setdefault(label, Counter())[item["pid"]] += 1
    return found
