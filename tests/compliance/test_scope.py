"""What a query looks at is found out, not believed."""

import pytest

from API.app.compliance.guard import QueryError
from API.app.compliance.policy import Policy
from API.app.compliance.scope import REQUIRED, Scope, scope_of

MINE = "WHERE id_serv = :id_serv"
TWO = "WHERE {}.id_serv = :id_serv AND {}.id_serv=:id_serv"

ALIASED = """WITH v (n) AS (VALUES ('5'), ('6'))
    SELECT v.n, (SELECT sum(v.nucleo) FROM {}) FROM v JOIN servers s WHERE s.id_serv = :id_serv"""


def looks(query: str, *requires: str) -> Scope:
    return scope_of(
        Policy("una", "Una", "Una.", "baja", "Porque sí.", "Nada.", list(requires), query)
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (f"SELECT pid FROM procesos {MINE} AND name IN ('a', 'b''c')", {"a", "b'c"}),
        (f"SELECT pid FROM procesos {MINE} AND (name = 'a' OR name = 'b')", {"a", "b"}),
        (f"SELECT pid FROM procesos {MINE} AND name = 'a' AND username = 'root'", {"a", "root"}),
        (f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM procesos {MINE} AND name = 'a')", {"a", "1"}),
        (f"SELECT count(*) AS n FROM procesos {MINE} AND name = 'a' HAVING n > 5", {"a", "5"}),
    ],
    ids=["in", "or", "user", "absence", "count"],
)
def test_names_of_processes_are_read_from_the_query(query: str, names: set[str]) -> None:
    assert set(looks(query, "procesos").names or ()) == names


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT pid FROM procesos {MINE} AND (name = 'a' OR username = 'root')",
        f"SELECT pid FROM procesos {MINE} AND name LIKE 'a%'",
        f"SELECT pid FROM procesos {MINE} AND lower(name) = 'a'",
        f"SELECT pid FROM procesos {MINE} AND name <> 'a'",
        f"SELECT pid FROM procesos {MINE} AND name = 'a' || 'b'",
        f"SELECT pid FROM procesos {MINE} AND name = replace('ac', 'c', 'b')",
        f"SELECT count(*) FROM procesos {MINE} HAVING count(*) > 400",
        f"SELECT pid FROM procesos {MINE} AND name = 'a' UNION SELECT count(*) FROM procesos",
        f"SELECT 1 FROM procesos {MINE} AND name = 'a' AND username IN (SELECT name FROM procesos)",
        f"SELECT pid FROM procesos '(name=?' {MINE}",
    ],
)
def test_a_query_that_may_look_at_any_process_has_no_names(query: str) -> None:
    assert looks(query, "procesos").names is None


def test_names_from_another_table_are_not_known() -> None:
    query = (
        "SELECT p.pid FROM procesos p JOIN usuarios_activos u ON u.username = p.name "
        "AND u.id_serv = p.id_serv WHERE p.id_serv = :id_serv"
    )
    assert looks(query, "procesos", "usuarios_activos").names is None


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        (f"SELECT pid FROM procesos {MINE}", "procesos"),
        (f"SELECT nucleo FROM servers {MINE}", "nucleo"),
        (f"SELECT 1 FROM servers {MINE} AND fecha_hora > '2026'", "servers"),
        ("SELECT count(*) FROM historial_procesos WHERE veces > 3", "servers"),
        ("WITH x AS (SELECT desde FROM periodos) SELECT * FROM x", "servers"),
        ("SELECT ultimo_reporte FROM agentes", "agentes"),
    ],
)
def test_what_a_query_reads_must_be_declared(query: str, missing: str) -> None:
    with pytest.raises(QueryError, match=f"mira '{missing}', que falta en requiere"):
        looks(query, "arquitectura_proc")
    looks(query, missing)


@pytest.mark.parametrize(
    ("query", "own"),
    [
        (f"SELECT pid FROM procesos {MINE} AND name = 'a'", {"procesos"}),
        (f"SELECT p.pid, u.username FROM usuarios_activos u, procesos p {TWO.format('p', 'u')}",
         {"procesos", "usuarios_activos"}),
        (f"SELECT u.pid, s.nucleo FROM servers s, usuarios_activos u {TWO.format('s', 'u')}",
         {"servers", "usuarios_activos"}),
        (f"SELECT nucleo FROM servers {MINE}", {"servers"}),
        (f"SELECT * FROM procesos {MINE}", None),
        (f"SELECT nucleo FROM servers {MINE} UNION SELECT nucleo FROM servers WHERE oid = 7", None),
        ("SELECT pid FROM procesos WHERE id_serv <> :id_serv", None),
        ("SELECT pid FROM procesos WHERE id_serv = :id_serv - 1", None),
        (f"SELECT pid FROM procesos {MINE} OR name = 'a'", None),
        (f"SELECT pid FROM procesos {MINE} AND name NOT IN (SELECT name FROM procesos)", None),
        (f"SELECT pid FROM procesos p JOIN usuarios_activos u USING (id_serv, pid) {MINE}", None),
        (f"SELECT 1 FROM procesos {MINE} UNION SELECT 1 FROM usuarios_activos WHERE rowid = 1",
         None),
        (f"SELECT h.pid FROM historial_procesos h, procesos {MINE}", None),
        (f"WITH v (n) AS (VALUES ('5'), ('6')) SELECT v.n FROM servers, v {MINE} AND n = nucleo",
         {"servers"}),
        (f"WITH v (n) AS (SELECT nucleo FROM servers) SELECT v.n FROM servers, v {MINE}", None),
        (ALIASED.format("servers v"), None),
        (ALIASED.format("servers AS v"), None),
        (ALIASED.format("servers/**/v"), None),
        (ALIASED.format('servers "v"'), None),
        (ALIASED.format("servers 'v'"), None),
        (ALIASED.format("(servers) v"), None),
        ('SELECT sum(nucleo) FROM servers AS "CONSTANT ROW"', None),
        (f"SELECT nucleo FROM servers {MINE} AND 2 IN (SELECT num_agente FROM servers)", None),
        ("WITH v (n) AS (VALUES (1)) SELECT n FROM v RIGHT JOIN servers s ON s.id_serv = :id_serv",
         None),
        (f"WITH v AS (SELECT * FROM servers {MINE}) SELECT 1 FROM v NATURAL JOIN servers", None),
    ],
)  # fmt: skip
def test_queries_of_their_report_alone_are_told(query: str, own: set[str] | None) -> None:
    assert looks(query, *REQUIRED).own == own


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (f"SELECT nucleo FROM servers {MINE} AND errores IS NOT NULL", {"nucleo", "errores"}),
        (f"SELECT s.nucleo FROM servers s, usuarios_activos u {TWO.format('s', 'u')}", None),
        (f"SELECT 1 AS uno FROM servers {MINE}", set()),
        ("SELECT nucleo FROM servers", None),
    ],
)
def test_what_is_looked_at_of_a_report_is_told(query: str, columns: set[str] | None) -> None:
    assert looks(query, "usuarios_activos", "servers", "nucleo").columns == columns
