"""Tells which policies PostgreSQL would not judge by, before they are in force."""

from collections.abc import Iterable, Iterator
from contextlib import closing

from sqlalchemy.engine import URL

from API.app.compliance.guard import QueryError
from API.app.compliance.library import OTHER_WORDS, Rule
from API.app.compliance.postgresql.guard import PostgresGuard
from API.app.compliance.scope import check_reads


def refused(url: URL, rules: Iterable[Rule]) -> Iterator[str]:
    """Say of each policy that PostgreSQL would not run which of its queries, and why.

    Args:
        url: of the database.
        rules: the policies; what looks at its own report alone is run by SQLite there too.
    """
    with closing(PostgresGuard.open(url)) as guard:
        for rule in rules:
            words = rule.policy.consulta_postgresql
            if words is None and rule.scope.own is not None:
                continue
            try:
                check_reads(rule.policy, guard.vet(rule.policy.consulta, words).reads)
            except QueryError as error:
                yield f"{rule.policy.id}: {OTHER_WORDS if words else 'consulta'}: {error}"
