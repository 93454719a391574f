"""Tells which policies PostgreSQL would not judge by, before they are in force."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from sqlalchemy.engine import URL

from API.app.compliance.examples import Failure, failures
from API.app.compliance.guard import QueryError
from API.app.compliance.library import OTHER_WORDS, Rule
from API.app.compliance.postgresql.guard import PostgresGuard
from API.app.compliance.postgresql.sandbox import own_schema
from API.app.compliance.scope import check_reads
from createDB.views import Layout


def runs_there(rule: Rule) -> bool:
    """Tell whether PostgreSQL runs the query of a policy itself."""
    return rule.scope.own is None or rule.policy.consulta_postgresql is not None


def failures_there(url: URL, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Failure]]:
    """Give the examples that fail of policies whose query PostgreSQL runs.

    Args:
        url: of the database; a schema is made in it, and dropped at the end.
        rules: the policies.
    """
    for layout in Layout:
        with own_schema(url, layout) as place:
            for rule in filter(runs_there, rules):
                for failure in failures(rule, [place]):
                    yield rule, failure


def refused(url: URL, rules: Iterable[Rule]) -> Iterator[str]:
    """Say of each policy that PostgreSQL would not run which of its queries, and why.

    Args:
        url: of the database.
        rules: the policies; what looks at its own report alone is run by SQLite there too.
    """
    with closing(PostgresGuard.open(url)) as guard:
        for rule in rules:
            if not runs_there(rule):
                continue
            words = rule.policy.consulta_postgresql
            try:
                check_reads(rule.policy, guard.vet(rule.policy.consulta, words).reads)
            except QueryError as error:
                yield f"{rule.policy.id}: {OTHER_WORDS if words else 'consulta'}: {error}"
