"""What one process that serves requests holds open."""

import shutil
from pathlib import Path
from typing import cast

from flask import current_app
from sqlalchemy import Engine

from API.app.accounts.credentials import local_secret
from API.app.ingest.channel import Address, WriterClient
from API.app.ingest.intake import Intake
from API.app.lately import Lately
from API.app.overview import Overview
from API.app.questions import SMALL_ANSWER_S, Questions
from API.app.settings import Settings
from createDB.engine import ANSWER_S, LONG_ANSWER_S, database_path, open_engine

PATIENCE_MS = 10_000
"""How long a change that is no report waits for the reports that are being written."""


class Collector:
    """Everything that requests need."""

    def __init__(self, settings: Settings, address: Address) -> None:
        """Make it; the writer at `address` need not be there yet."""
        self.settings = settings
        url = settings.database
        self.engine: Engine = open_engine(url, checkpoints=False, answer_s=ANSWER_S)
        self.reader: Engine = open_engine(
            url, read_only=True, answer_s=LONG_ANSWER_S, plan_each=True
        )
        self.patient: Engine = open_engine(
            url, wait_ms=PATIENCE_MS, checkpoints=False, answer_s=LONG_ANSWER_S
        )
        self.probe: Engine = open_engine(url, checkpoints=False, answer_s=SMALL_ANSWER_S)
        self.questions = Questions(settings.database)
        self.lately = Lately(self.questions, settings.storage)
        self.overview = Overview(self.questions)
        self.intake = Intake()
        self.watchers: dict[str, float] = {}
        """Fingerprints of tokens that were let in to watch, and when, by `time.monotonic`."""
        self.writer = WriterClient(address, max(1, settings.queue // settings.processes))
        self.local_secret = local_secret(address.key)

    @property
    def database(self) -> Path:
        """Where the database is."""
        return database_path(self.settings.database)

    @property
    def log_folder(self) -> Path:
        """Where the JSON log is."""
        return self.settings.storage / "text"

    def free_space(self) -> int:
        """Tell how many bytes are free where the log and, most often, the database are."""
        return shutil.disk_usage(self.settings.storage).free


def the_collector() -> Collector:
    """Give the collector of the request at hand."""
    return cast("Collector", current_app.extensions["collector"])
