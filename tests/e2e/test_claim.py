"""Of two collectors with one name the second is refused; one that was killed starts at once."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from API.app import claim
from API.app.ingest.standing import standing_of
from API.app.settings import settings_from
from API.app.start import check_start
from API.app.storage import NAME, StorageInUseError
from tests.conftest import CollectorProcess, collector_in, make_report, wait_until
from tests.postgresql import PostgresServer

END = """
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE locktype = 'advisory' AND objsubid = 2 AND datname = current_database()
"""


@pytest.fixture(scope="module")
def first(
    postgresql: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CollectorProcess]:
    with postgresql.database("completo") as url:
        collector = collector_in(tmp_path_factory.mktemp("first"), Path(), postgresql=url)
        yield collector.start()
        collector.release()


def test_a_folder_that_was_copied_is_refused(
    first: CollectorProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(claim, "WAIT_S", 1.0)
    shutil.copy(first.storage / NAME, tmp_path)
    name = (first.storage / NAME).read_text().strip()
    given = {"database": str(first.postgresql), "storage": str(tmp_path)}
    settings = settings_from(given, {}, tmp_path / "none")
    with pytest.raises(StorageInUseError) as refusal:
        check_start(settings)
    assert f"otro colector usa ya en esta base el nombre «{name}»" in str(refusal.value)
    assert "borre de ella el archivo nombre" in str(refusal.value)
    assert f"init_app.py: «{name}» está en uso" in capsys.readouterr().err
    (tmp_path / NAME).unlink()
    check_start(settings)


def test_one_that_was_killed_starts_at_once(first: CollectorProcess) -> None:
    first.kill()
    first.start()
    assert "se espera" not in first.log


def why(collector: CollectorProcess) -> str:
    """Why it keeps reports; nothing where it does not."""
    standing = standing_of(collector.storage)
    return standing.motivo if standing else ""


def test_a_name_that_is_lost_is_taken_again(
    first: CollectorProcess, postgresql: PostgresServer
) -> None:
    """Reports are kept until it is; while another has it, none goes into the database."""
    assert first.postgresql
    with closing(postgresql.connect(first.postgresql.rpartition("/")[2])) as psql:
        psql.execute(END)
        kept = make_report()
        assert first.post(kept).status_code in (201, 202)
        wait_until(lambda: first.post(kept).status_code == 200, "it goes on")
        [[number, name]] = psql.execute(
            "SELECT classid::bigint, objid::bigint FROM pg_locks WHERE objsubid = 2"
        ).fetchall()
        signed = name - (1 << 32) if name >= 1 << 31 else name
        with psql.transaction():
            psql.execute(END)
            psql.execute("SELECT pg_advisory_xact_lock(%s, %s)", (number, int(signed)))
            late = make_report()
            assert first.post(late).status_code == 202
            wait_until(lambda: "another collector has taken" in why(first), "it does not say why")
            assert first.post(late).status_code == 202
        wait_until(lambda: first.post(late).status_code == 200, "it does not go on")
    wait_until(lambda: not why(first), "it keeps reports")
    assert len(first.rows("SELECT 1 FROM servers WHERE id_reporte = ?", late["id_reporte"])) == 1
