"""What Citus asks of tables that it distributes, of those that the documentation has distributed.

The rules are those of https://docs.citusdata.com/en/stable/develop/reference_ddl.html: unique keys
contain the column that rows are distributed by, foreign keys lead to reference tables alone, and
colocated tables have that column in one type.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import ROOT
from tests.postgresql import PostgresServer, execute_on, rows_of

BY = "num_agente"
WITH_THE_FLEET = {"alertas", "credenciales", "excepciones", "por_juzgar"}
"""Tables that carry a server's number too, and do not grow with its reports."""

FUNCTIONS = """
    CREATE TABLE asked (place serial, "table" text, "column" text, beside text);
    CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO asked ("table") VALUES (table_name::text) $$;
    CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text,
        distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default',
        shard_count integer DEFAULT NULL) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO asked ("table", "column", beside)
           VALUES (table_name::text, distribution_column, colocate_with) $$;
"""
"""They note what Citus' own of these names and parameters are asked for."""

UNIQUE = """
    SELECT i.indrelid::regclass::text AS "table", i.indexrelid::regclass::text AS name,
           array_agg(attname::text) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = i.indexrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace GROUP BY 1, 2
"""
REFERENCES = """
    SELECT conrelid::regclass::text AS "from", confrelid::regclass::text AS "to"
    FROM pg_constraint WHERE contype = 'f'
"""
COLUMNS = """
    SELECT relname::text AS "table", atttypid::regtype::text AS type
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE attname = ? AND relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace
"""
HINDRANCES = """
    SELECT tgrelid::regclass::text AS "table" FROM pg_trigger WHERE NOT tgisinternal
    UNION SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND (attidentity <> '' OR attgenerated <> '')
"""


class Place(NamedTuple):
    """A database, and what of it the documentation has distributed."""

    url: str
    reference: list[str]
    distributed: list[str]
    beside: set[str]
    """What they are colocated with."""
    by: set[str]
    """The columns that they are distributed by."""


@pytest.fixture(scope="module")
def place(postgresql: PostgresServer) -> Iterator[Place]:
    guide = (ROOT / "docs" / "postgresql.md").read_text()
    statements = re.findall(r"^SELECT create_\w+_table\(.*\);$", guide, re.MULTILINE)
    assert len(statements) == guide.count("SELECT create_")
    with postgresql.database("completo") as url:
        for statement in (FUNCTIONS, *statements):
            execute_on(url, statement)
        asked = rows_of(url, 'SELECT "table", "column", beside FROM asked ORDER BY place')
        distributed = [row for row in asked if row["column"]]
        yield Place(
            url,
            [row["table"] for row in asked if not row["column"]],
            [row["table"] for row in distributed],
            {row["beside"] for row in distributed[1:]},
            {row["column"] for row in distributed},
        )


def test_all_that_grows_with_reports_is_distributed(place: Place) -> None:
    carrying = {row["table"] for row in rows_of(place.url, COLUMNS, [BY])}
    assert {*place.distributed} == carrying - {*place.reference} - WITH_THE_FLEET
    assert place.by == {BY}
    assert place.beside == {place.distributed[0]}


def test_every_unique_key_of_theirs_has_the_server(place: Place) -> None:
    partitions = rows_of(
        place.url,
        "SELECT oid::regclass::text AS name, pg_partition_root(oid)::text AS root FROM pg_class "
        "WHERE relispartition AND relkind = 'r'",
    )
    root = {row["name"]: row["root"] for row in partitions}
    keys = [
        row
        for row in rows_of(place.url, UNIQUE)
        if root.get(row["table"], row["table"]) in place.distributed
    ]
    assert {row["name"] for row in keys} >= {"pk_servers", "pk_reportes", "pk_periodos"}
    assert any(row["table"] in root for row in keys), "of partitions too"
    assert [row for row in keys if BY not in row["columns"]] == []


def test_references_lead_to_what_is_everywhere(place: Place) -> None:
    for row in rows_of(place.url, REFERENCES):
        assert row["to"] not in place.distributed, row
        if row["from"] in place.distributed:
            assert row["to"] in place.reference, row
        assert row["from"] not in place.reference, row


def test_the_server_is_of_one_type(place: Place) -> None:
    types = {row["table"]: row["type"] for row in rows_of(place.url, COLUMNS, [BY])}
    assert {types[table] for table in place.distributed} == {"integer"}


def test_nothing_that_cannot_be_distributed_is_in_them(place: Place) -> None:
    hindered = {row["table"] for row in rows_of(place.url, HINDRANCES)}
    assert hindered.isdisjoint({*place.distributed, *place.reference})
