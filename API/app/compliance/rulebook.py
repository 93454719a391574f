"""Which policies must judge a report, by what changed since the report before it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from API.app.compliance.desk import PROCESSES
from API.app.compliance.docket import Case, Change
from API.app.compliance.guard import ROWS
from API.app.compliance.library import Rule
from API.app.compliance.policy import TO_ALL
from API.app.compliance.subjects import Subject


class Rulebook:
    """The policies in force by their numbers, and by what they look at."""

    def __init__(self, rules: Mapping[int, Rule]) -> None:
        self.rules = rules
        self.by_clock = {number for number, rule in rules.items() if rule.scope.fleet}
        self.by_report = rules.keys() - self.by_clock
        self._by_columns = {
            number: columns
            for number in self.by_report
            if (columns := rules[number].scope.columns) is not None
        }
        """Those that look at their report's row of `servers` alone, and at what of it."""
        self.with_reports = {
            n for n in self.by_report - self._by_columns.keys() if rules[n].scope.reports
        }
        """Those that look at other reports too, or at times: they judge every report."""
        self.of_others = {n for n in self.with_reports if rules[n].scope.own is None}
        """Those of them that may look at other reports: what they say of one changes with these."""
        self._conditional = {
            number for number in self.by_report if rules[number].policy.aplica != TO_ALL
        }
        self.by_labels = {n for n in self.by_report if rules[n].policy.aplica.etiquetas}
        """Those that are for the servers with some labels."""
        self.at_hand = {n for n, rule in rules.items() if _looks_at_rows(rule)}
        """Those whose queries run where the rows of the report are at hand."""
        self.names = _names_of(rules[number] for number in self.at_hand)
        """The names of processes that these ask for; None where one looks at all."""
        self._by_fact: dict[str, set[int]] = defaultdict(set)
        self._by_field: dict[str, set[int]] = defaultdict(set)
        self._by_name: dict[str, set[int]] = defaultdict(set)
        for number in self.by_report:
            self._place(number, rules[number])

    def _place(self, number: int, rule: Rule) -> None:
        for fact in rule.scope.facts:
            self._by_fact[fact].add(number)
            if fact == PROCESSES and rule.scope.names is not None:
                for name in rule.scope.names:
                    self._by_name[name].add(number)
            else:
                self._by_field[fact].add(number)

    def due(self, case: Case, changes: Iterable[Change]) -> AbstractSet[int]:
        """Name the policies that may say something else of a report than of the one before it.

        Args:
            case: the two.
            changes: what came or went between them.
        """
        now, before = case
        if before is None:
            return self.by_report
        due = set(self.with_reports)
        for _, item in changes:
            due |= self._by_field.get(item.campo, _NONE)
            if item.campo == PROCESSES:
                due |= self._by_name.get(item.nombre, _NONE)
        for fact in before.errores.keys() | now.errores.keys():  # not known, then or now
            due |= self._by_fact.get(fact, _NONE)
        for number, columns in self._by_columns.items():
            if any(now.value(name) != before.value(name) for name in columns):
                due.add(number)
        if _kind(before) != _kind(now):
            due |= self._conditional
        return due


_NONE: frozenset[int] = frozenset()


def _looks_at_rows(rule: Rule) -> bool:
    return rule.scope.own is not None and not rule.scope.own.isdisjoint(ROWS)


def _names_of(rules: Iterable[Rule]) -> frozenset[str] | None:
    names: set[str] = set()
    for rule in rules:
        if rule.scope.names is not None:
            names |= rule.scope.names
        elif PROCESSES in (rule.scope.own or ()):
            return None
    return frozenset(names)


def _kind(subject: Subject) -> tuple[str | None, ...]:
    return subject.value("distribucion"), subject.value("hostname"), subject.etiquetas
