"""The policies in force: the files of some folders, those of the later ones over the earlier."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from API.app.compliance.guard import QueryError
from API.app.compliance.policy import Policy, fingerprint
from API.app.compliance.scope import Scope, check_time, scope_of
from API.app.documents import DocumentError, line_of, read
from createDB.engine import ROOT

OTHER_WORDS = "consulta_postgresql"
"""The query that PostgreSQL is asked instead, in a policy's file."""

SHIPPED = ROOT / "API" / "politicas"


class Rule(NamedTuple):
    """A policy that can be judged by."""

    policy: Policy
    scope: Scope
    huella: str
    """Another one is another policy, though under the same name."""


class Problem(NamedTuple):
    """Why a file is no policy."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def load(path: Path) -> Rule | Problem:
    """Read one file."""
    try:
        text = path.read_bytes()
        policy = read(text, Policy)
    except OSError as error:
        return Problem(path, 0, f"no se puede leer: {error.strerror}")
    except DocumentError as error:
        return Problem(path, error.line, error.reason)
    try:
        rule = Rule(policy, scope_of(policy), fingerprint(text))
    except QueryError as error:
        return Problem(path, line_of(text, "consulta"), str(error))
    try:
        check_time(policy, policy.consulta_postgresql or "")
    except QueryError as error:
        return Problem(path, line_of(text, OTHER_WORDS), f"{OTHER_WORDS}: {error}")
    return rule


class Library:
    """The policies of some folders, as they are now; a file that is none stops no other."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Read them.

        Args:
            folders: where `*.yaml` lie; of two policies of one `id` that of the last counts.
        """
        self._folders = folders
        self._files: dict[Path, tuple[tuple[int, int], Rule | Problem]] = {}
        self.rules: Mapping[str, Rule] = {}
        """By `id`."""
        self.problems: Sequence[Problem] = ()
        self.refresh()

    def refresh(self) -> bool:
        """Read anew what has changed; tell whether anything had."""
        before = self._files
        self._files = {}
        for path in self._paths():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            seen = (status.st_mtime_ns, status.st_size)
            known = before.get(path)
            self._files[path] = known if known and known[0] == seen else (seen, load(path))
        if self._files == before:
            return False
        self._sort_out()
        return True

    def _paths(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from sorted(folder.glob("*.yaml"))

    def _sort_out(self) -> None:
        rules: dict[str, tuple[Path, Rule]] = {}
        problems = []
        for path, (_, found) in self._files.items():
            if isinstance(found, Problem):
                problems.append(found)
                continue
            other = rules.get(found.policy.id)
            if other and other[0].parent == path.parent:
                reason = f"su id, '{found.policy.id}', es ya el de {other[0].name}"
                problems.append(Problem(path, 1, reason))
            else:
                rules[found.policy.id] = (path, found)
        self.rules = {key: rule for key, (_, rule) in sorted(rules.items())}
        self.problems = problems
