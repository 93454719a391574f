"""A comparison and a rebuild beside a real collector that stores reports all the while."""

import threading
from pathlib import Path

from tests.conftest import CollectorProcess, make_report, wait_until
from tests.createdb.conftest import Run

ENOUGH = 50


def test_a_collector_at_work_and_its_log_agree(
    run: Run, collector: CollectorProcess, tmp_path: Path
) -> None:
    finished = threading.Event()
    answers: list[int] = []

    def deliver() -> None:
        while not finished.wait(0.02):
            answers.append(collector.post(make_report()).status_code)

    clients = [threading.Thread(target=deliver) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: len(answers) > ENOUGH, "the collector stores reports")
        before = len(answers)
        database = ("--database", collector.database_url, "--storage", collector.storage)
        compared = run(*database, "--check")
        copied = run(*database, "--snapshot", tmp_path / "copy.sqlite")
        assert len(answers) > before
    finally:
        finished.set()
        for client in clients:
            client.join()
    assert (compared.returncode, copied.returncode) == (0, 0), compared.stdout + copied.stderr
    assert set(answers) == {201}
    log = collector.storage / "text"
    rebuilt = run("--database", tmp_path / "rebuilt.sqlite", "--from-log", log, "--check")
    assert rebuilt.returncode == 0, rebuilt.stdout
    assert f"{len(answers)} reportes" in rebuilt.stdout
