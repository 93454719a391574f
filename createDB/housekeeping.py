"""Housekeeping by hand: what the collector does every hour, under a progress bar."""

import sqlite3
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from tqdm import tqdm

from API.app.housekeeper import look_after, remove_log
from API.app.housekeeping import Way, alone, housekeeping_engine, plan, waiting
from API.app.ingest.expiry import old_files
from API.app.ingest.positions import positions_in
from API.app.ingest.retention import Limits
from API.app.ingest.store import utc_now
from API.app.jobs import TakenError, Turn
from API.app.partitioned import counts as of_partitions
from API.app.settings import Settings
from API.app.storage import StorageInUseError, lock_storage, owner_of
from createDB.engine import is_postgresql, name_of, open_engine, unusable
from createDB.errors import DatabaseUnusableError
from createDB.postgresql.locks import Lock
from createDB.state import require_current
from createDB.words import counted

NAMES = {
    "reportes": ("reporte", "reportes"),
    "periodos": ("período", "períodos"),
    "cumplimiento": ("veredicto que ya no rige", "veredictos que ya no rigen"),
    "alertas": ("alerta resuelta", "alertas resueltas"),
    "bitacora": ("archivo de la bitácora", "archivos de la bitácora"),
    "paginas": ("página devuelta al disco", "páginas devueltas al disco"),
}


def housekeeping(settings: Settings, *, dry_run: bool) -> list[str]:
    """Remove what is past its days, or say how much that is; give the lines for the operator.

    Raises:
        DatabaseUnusableError: the database can't be read or written.
    """
    require_current(settings.database)
    limits = plan(settings, utc_now())
    if not any(limits):
        return ["nada que borrar: todo se guarda para siempre ([retencion] en config.ini)"]
    reader = open_engine(settings.database, read_only=True)
    try:
        counts = _counts(reader, settings, limits)
        if dry_run:
            return [f"se borrarían: {_words(counts)}"]
        return _remove(reader, settings, limits, counts)
    except TakenError:
        words = f"{name_of(settings.database)}: un colector está limpiando"
        raise DatabaseUnusableError(words) from None
    except (DBAPIError, sqlite3.Error) as error:
        raise unusable(error, name_of(settings.database)) from error
    finally:
        reader.dispose()


def _counts(reader: Engine, settings: Settings, limits: Limits) -> dict[str, int]:
    with reader.connect() as connection:
        counts = dict(waiting(connection, limits))
        if is_postgresql(settings.database):
            counts = dict(of_partitions(connection, limits)) | counts
        positions = positions_in(connection, owner_of(settings))
        files = old_files(settings.storage / "text", limits, positions)
    return counts | {"bitacora": len(files)}


def _remove(
    reader: Engine, settings: Settings, limits: Limits, counts: dict[str, int]
) -> list[str]:
    done: Counter[str] = Counter()
    bar: tqdm[Any] = tqdm(total=sum(counts.values()), desc="limpieza", disable=None)

    def told(what: str, count: int) -> None:
        done[what] += count
        if what in counts:
            bar.update(count)

    with bar, _Lock(settings.storage) as lock:
        engine = housekeeping_engine(settings, checkpoints=lock.ours)
        try:
            if not Turn(engine, Lock.HOUSEKEEPING).is_ours():
                raise TakenError
            way = Way(alone, _rest, names=lock.ours, told=told)
            shrinks = look_after(engine, reader, settings, limits, way)
            remove_log(engine, reader, settings, limits, way)
        finally:
            engine.dispose()
    lines = [f"borrados: {_words(done)}"]
    if not shrinks:
        lines.append("el archivo de la base conserva su tamaño: lo liberado se vuelve a usar")
    return lines


def _rest(seconds: float) -> bool:
    """Let a collector that works on the database have its turn."""
    time.sleep(max(seconds, 0.002))
    return False


def _words(counts: "dict[str, int] | Counter[str]") -> str:
    return ", ".join(counted(counts.get(what, 0), *names) for what, names in NAMES.items()
                     if what in counts) or "nada"  # fmt: skip


class _Lock:
    """The storage folder's lock, unless a collector has it; `ours` tells which."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] | None = None
        with suppress(StorageInUseError):
            self._file = lock_storage(folder)
        self.ours = self._file is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file:
            self._file.close()
