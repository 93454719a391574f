"""How a process that serves reads reports, and numbers their labels for the process that writes."""

from array import array
from collections.abc import Mapping
from typing import NamedTuple

from API.app.facts import Items, Label
from API.app.ingest.entry import Entry, entry_from_body
from API.app.ingest.spelling import Numbered, Vocabulary
from API.app.report import Report


class Received(NamedTuple):
    """An `Entry` that was just received, and is to be handed over."""

    report: Report
    lists: Mapping[str, Numbered]
    body: bytes
    id_agente: str
    id_reporte: str
    vocabulary: Vocabulary
    passing: Mapping[int, Label]
    """What numbers below 0 stand for: labels that are too long for the vocabulary."""


class Intake:
    """Reads the reports of one process that serves; used by its event loop alone."""

    def __init__(self) -> None:
        self._vocabulary = Vocabulary()

    def read(self, body: bytes) -> Received:
        """Check the JSON text `body` and identify it.

        Raises:
            InvalidReportError: it is not a report.
        """
        return self.spell(entry_from_body(body))

    def spell(self, entry: Entry) -> Received:
        """Give a report that was read as it is handed over."""
        if self._vocabulary.is_full():
            self._vocabulary = Vocabulary()
        passing: dict[int, Label] = {}
        lists = {field: self._numbered(items, passing) for field, items in entry.lists.items()}
        return Received(
            entry.report, lists, entry.body, entry.id_agente, entry.id_reporte, self._vocabulary,
            passing,
        )  # fmt: skip

    def _numbered(self, items: Items, passing: dict[int, Label]) -> Numbered:
        numbers = self._vocabulary.numbers(items.labels)
        if None in numbers:
            for place, label in enumerate(items.labels):
                if numbers[place] is None:
                    numbers[place] = number = -1 - len(passing)
                    passing[number] = label
        return Numbered(array("i", numbers), array("i", items.pids), items.starts)  # type: ignore[arg-type]
