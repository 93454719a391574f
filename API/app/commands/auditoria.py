"""`init_app.py auditoria`: who did what, from where, when."""

import argparse

from API.app.audit import latest
from API.app.settings import Settings
from createDB.engine import open_engine
from createDB.state import ready


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this command takes."""
    parser.add_argument(
        "--ultimas", metavar="N", type=int, default=50, help="cuántas entradas (por omisión: 50)"
    )


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the latest entries, the newest last."""
    engine = open_engine(settings.database, checkpoints=False)
    try:
        ready(engine)
        with engine.connect() as connection:
            entries = latest(connection, max(options.ultimas, 0))
    finally:
        engine.dispose()
    if not entries:
        print("Aún no hay nada en la auditoría.")
    for entry in reversed(entries):
        parts = (f"{entry.momento:%Y-%m-%d %H:%M:%S}Z", entry.quien, entry.desde, entry.accion,
                 entry.objeto, entry.detalle)  # fmt: skip
        print("  ".join(repr(part)[1:-1] for part in parts if part))
    return 0
