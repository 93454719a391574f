"""On PostgreSQL, queries of policies read, for a short while, and do nothing else."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy.exc import OperationalError

from API.app.compliance.guard import MAX_ROWS, MAX_SIZE, QueryError
from API.app.compliance.postgresql import vetting
from API.app.compliance.postgresql.guard import PostgresGuard
from createDB.engine import database_url
from tests.compliance.postgresql.conftest import noting_reads
from tests.postgresql import PostgresServer, rows_of

LONG = "x" * 3_000


@pytest.fixture(scope="module")
def url(postgresql: PostgresServer) -> Iterator[str]:
    with postgresql.database("completo") as url:
        with postgresql.connect(url.rpartition("/")[2]) as connection:
            connection.execute(
                "INSERT INTO agentes (num_agente, id_agente, hostname, estado) "
                "SELECT n, n, 'web-' || n, 'activo' FROM generate_series(1, 400) n"
            )
            connection.execute(
                "INSERT INTO servers (id_serv, num_agente, momento, recibido, fecha_hora, nucleo) "
                "SELECT n, n, n, '2026-11-20 10:00', '2026-11-20 10:00', %s "
                "FROM generate_series(1, 400) n",
                [LONG],
            )
            connection.execute(
                "INSERT INTO cuentas VALUES (1, 'ana', 'lector', 'secreta', 1, now(), now())"
            )
            connection.execute("CREATE TABLE otra AS SELECT 1 AS n")
            connection.execute("CREATE FUNCTION date(int) RETURNS text LANGUAGE sql AS 'SELECT 1'")
        yield url


@pytest.fixture(scope="module")
def guard(url: str) -> Iterator[PostgresGuard]:
    guard = PostgresGuard.open(database_url(url))
    yield guard
    guard.close()


def test_a_select_gives_its_rows_by_name(guard: PostgresGuard) -> None:
    query = 'SELECT id_serv AS n, :en AS en, 1 < 2 AS "Sí%" FROM servers WHERE id_serv = :id_serv;'
    found = guard.run(query, 7, "2026-11-20 10:00:00.000250")
    assert found.rows == [{"n": 7, "en": "2026-11-20 10:00:00.000250", "Sí%": 1}]
    assert not found.more


def test_other_words_run_instead(guard: PostgresGuard) -> None:
    words = "SELECT hostname FROM agentes WHERE num_agente = :id_serv::int AND hostname ~ '^web'"
    assert guard.run("SELECT 1", 7, "", None, words).rows == [{"hostname": "web-7"}]
    reads = {("agentes", "hostname"), ("agentes", "num_agente")}
    assert guard.vet("SELECT 1", words).reads == reads


OF_ITS_SERVER = """
    SELECT o.id_serv FROM servers s JOIN servers o ON o.num_agente = s.num_agente
    WHERE s.id_serv = :id_serv AND o.momento <= s.momento ORDER BY o.momento DESC LIMIT 5
"""


def test_no_table_is_read_whole_for_reports_of_some_servers(url: str) -> None:
    """Of tables that PostgreSQL has no statistics of, it would rather read all."""
    with (
        noting_reads(url) as reads,
        closing(PostgresGuard.open(database_url(url))) as guard,
        guard.snapshot(),
    ):
        guard.ahead((OF_ITS_SERVER, None, None), [(number, "") for number in range(1, 129)])
        assert guard.run(OF_ITS_SERVER, 7, "").rows == [{"id_serv": 7}]
    assert reads.whole == 0


def test_rows_have_a_limit(guard: PostgresGuard) -> None:
    found = guard.run("SELECT id_serv FROM servers", 1, "")
    assert len(found.rows) == MAX_ROWS
    assert found.more


def test_rows_take_no_more_than_their_share_of_memory(guard: PostgresGuard) -> None:
    wide = " || ".join(["nucleo"] * 10)
    found = guard.run(f"SELECT id_serv, {wide} AS x FROM servers", 1, "")
    assert 0 < sum(len(row["x"]) for row in found.rows) <= MAX_SIZE
    assert found.more
    wider = " || ".join(["nucleo"] * 100)
    with pytest.raises(QueryError, match=f"una fila ocupa más de {MAX_SIZE}"):
        guard.run(f"SELECT {wider} AS x FROM servers WHERE id_serv = :id_serv", 1, "")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("DELETE FROM servers", id="write"),
        pytest.param("INSERT INTO otra VALUES (9) RETURNING n", id="insert"),
        pytest.param("WITH x AS (DELETE FROM otra RETURNING n) SELECT * FROM x", id="cte"),
        pytest.param("1); DELETE FROM servers; SELECT (1", id="several"),
        pytest.param("SELECT 1; DELETE FROM servers", id="two"),
        pytest.param("SELECT 1; COMMIT; DELETE FROM servers; SELECT 1", id="commit"),
        pytest.param("SELECT 1) AS a, otra, (SELECT 2", id="inside"),
        pytest.param("SELECT 1 AS a /* ) AS b, (SELECT */, n FROM otra", id="comment"),
        pytest.param("SELECT 1 AS a /* /* */ ' */ , :en' FROM otra -- '", id="nested comment"),
        pytest.param("SELECT 'a\\' AS a, n FROM otra WHERE '' <> ' OR 1 = 1", id="backslash"),
        pytest.param("SELECT E'\\'' AS a, '...' FROM otra", id="escapes"),
        pytest.param("SELECT $$ :en $$ AS a", id="dollars"),
        pytest.param("SELECT $a$ ) AS x $a$ AS a", id="named dollars"),
        pytest.param("SELECT U&'\\0061' AS a", id="unicode"),
        pytest.param("SELECT * INTO copia FROM servers", id="into"),
        pytest.param("COPY servers TO '/tmp/servers'", id="copy"),
        pytest.param("VACUUM", id="vacuum"),
        pytest.param("SET ROLE postgres", id="set"),
        pytest.param("DO 'BEGIN DELETE FROM otra; END'", id="do"),
        pytest.param("TABLE cuentas", id="table"),
        pytest.param("SELECT id_serv FROM servers FOR UPDATE", id="lock"),
        pytest.param("SELECT s.n FROM (SELECT 1 AS n FROM agentes FOR SHARE) s", id="inner lock"),
        pytest.param("SELECT pg_sleep(10)", id="sleep"),
        pytest.param("SELECT pg_read_file('/etc/passwd')", id="file"),
        pytest.param("SELECT lo_import('/etc/passwd')", id="large object"),
        pytest.param("SELECT pg_ls_dir('.')", id="folder"),
        pytest.param("SELECT set_config('statement_timeout', '0', false)", id="set_config"),
        pytest.param("SELECT current_setting('data_directory')", id="setting"),
        pytest.param("SELECT pg_terminate_backend(1)", id="terminate"),
        pytest.param("SELECT pg_advisory_lock(1)", id="advisory lock"),
        pytest.param("SELECT nextval('servers_id_serv_seq')", id="nextval"),
        pytest.param("SELECT setval('servers_id_serv_seq', 1)", id="setval"),
        pytest.param("SELECT query_to_xml('TABLE cuentas', true, true, '')", id="query"),
        pytest.param("SELECT table_to_xml('cuentas', true, true, '')", id="xml"),
        pytest.param("SELECT txid_current()", id="transaction"),
        pytest.param("SELECT pg_notify('a', 'b')", id="notify"),
        pytest.param("SELECT random()", id="random"),
        pytest.param("SELECT now()", id="now"),
        pytest.param("SELECT CURRENT_USER AS a", id="user"),
        pytest.param("SELECT date(1)", id="function of others"),
        pytest.param("SELECT * FROM pg_shadow", id="passwords"),
        pytest.param("SELECT * FROM pg_stat_activity", id="activity"),
        pytest.param("SELECT * FROM information_schema.tables", id="schema"),
        pytest.param("SELECT relname FROM pg_class", id="catalogue"),
        pytest.param("SELECT * FROM auditoria", id="audit trail"),
        pytest.param("SELECT * FROM cuentas", id="accounts"),
        pytest.param("SELECT * FROM sesiones", id="sessions"),
        pytest.param("SELECT 1 WHERE EXISTS (SELECT 1 FROM credenciales)", id="tokens"),
        pytest.param("SELECT (SELECT max(hash) FROM secretos) AS h", id="secrets"),
        pytest.param("SELECT 1 AS a ORDER BY (SELECT clave FROM cuentas)", id="order"),
        pytest.param("WITH servers AS (SELECT * FROM cuentas) SELECT * FROM servers", id="alias"),
        pytest.param("SELECT * FROM agentes", id="every column"),
        pytest.param("SELECT clon_de FROM agentes", id="column"),
        pytest.param("SELECT CAST(a AS text) AS a FROM agentes a", id="row"),
        pytest.param("SELECT count(a) FROM agentes a", id="counted row"),
        pytest.param("SELECT ctid FROM servers", id="system column"),
        pytest.param("SELECT 1 FROM agentes NATURAL JOIN cuentas", id="natural join"),
        pytest.param("SELECT * FROM servers_resto", id="partition"),
        pytest.param("SELECT * FROM otra", id="table of others"),
        pytest.param("SELECT CAST('cuentas' AS regclass) AS a", id="type"),
        pytest.param("SELECT ':relid 0 :funcid' AS \":expr\" FROM otra", id="name of a field"),
        pytest.param("SELECT 1 AS \"} {CONST :consttype 23\" FROM otra", id="name of a node"),
        pytest.param("SELECT repeat('x', 1000000000)", id="memory"),
        pytest.param("SELECT string_agg(nucleo, '') FROM servers", id="aggregate"),
        pytest.param("SELECT * FROM generate_series(1, 1000000000)", id="series"),
        pytest.param("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) "
                     "SELECT max(i) FROM n", id="recursion"),
        pytest.param("SELECT id_serv FROM servers TABLESAMPLE SYSTEM (10)", id="sample"),
        pytest.param(f"SELECT {', '.join(map('{0} AS c{0}'.format, range(200)))}", id="columns"),
        pytest.param("SELECT :otro", id="parameter"),
        pytest.param("SELECT 'a\0b' AS a", id="nul"),
    ],
)  # fmt: skip
def test_what_is_no_harmless_select_is_stopped(guard: PostgresGuard, url: str, query: str) -> None:
    for words in (query, None) if set(query) & set("'$/\\;") else (query,):
        with pytest.raises(QueryError):
            guard.run(query, 1, "", None, words)
    [left] = rows_of(url, "SELECT count(*) AS n, (SELECT count(*) FROM otra) AS o FROM servers")
    assert left == {"n": 400, "o": 1}


def test_a_query_that_does_not_end_is_stopped(guard: PostgresGuard) -> None:
    began = time.monotonic()
    with pytest.raises(QueryError, match="la consulta tardó más de 2000 ms"):
        guard.run("SELECT count(*) FROM servers a, servers b, servers c, servers d", 1, "")
    assert time.monotonic() - began < 60
    assert guard.run("SELECT count(*) AS n FROM servers", 1, "").rows == [{"n": 400}]


def test_waiting_for_somebody_else_is_not_being_slow(
    guard: PostgresGuard, postgresql: PostgresServer, url: str
) -> None:
    """As of a lock on a whole table: it is asked again, not put aside."""
    query = "SELECT nucleo IS NULL AS n FROM servers WHERE id_serv <> :id_serv AND id_serv < 3"
    guard.run(query, 1, "")
    with postgresql.connect(url.rpartition("/")[2]) as psql, psql.transaction():
        psql.execute("LOCK TABLE servers")
        with pytest.raises(OperationalError, match="lock timeout"):
            guard.run(query, 1, "")
        with pytest.raises(OperationalError, match="lock timeout"):
            guard.ahead((query, None, None), [(1, ""), (2, "")])
    assert guard.run(query, 1, "").rows == [{"n": 0}]


def test_expressions_in_one_another_are_not_unfolded(guard: PostgresGuard) -> None:
    def nested(depth: int) -> str:
        query = "SELECT nucleo AS x FROM servers WHERE id_serv = :id_serv"
        for _ in range(depth):
            query = f"SELECT x || x AS x FROM ({query}) q"
        return query

    began = time.monotonic()
    with pytest.raises(QueryError, match="demasiadas expresiones"):
        guard.run(nested(40), 1, "")
    assert len(guard.run(nested(2), 1, "").rows[0]["x"]) == 4 * len(LONG)
    parts = " UNION ALL ".join(["SELECT id_serv + num_agente AS x FROM servers"] * 20)
    assert guard.run(f"SELECT x FROM ({parts}) q WHERE x > 790", 1, "").more
    assert time.monotonic() - began < 60


def test_nothing_is_left_of_looking_at_a_query(guard: PostgresGuard, url: str) -> None:
    guard.vet("SELECT hostname FROM agentes")
    query = "SELECT count(*) AS n FROM pg_class WHERE relname = 'consulta'"
    assert rows_of(url, query) == [{"n": 0}]


def test_every_part_of_a_query_is_allowed_by_name() -> None:
    for names in (vetting.CATALOGUE_FUNCTIONS, vetting.OWN_FUNCTIONS):
        assert not [name for name in names if name.startswith(("pg_", "lo_", "dblink", "set_"))]
    assert "julianday" in vetting.OWN_FUNCTIONS
