#!/usr/bin/env python3
"""Keeps of a version what tests of later ones need: `keep_released.py VERSION [SOURCES]`.

In tests/released/: its programs, packed, in the place of those of the version before; and for good
a database of each layout, as its programs make and fill it.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASED = ROOT / "tests" / "released"
REPORTS = ("first_generation.json", "complete.json")
START_S = 60


def main(version: str, sources: Path = ROOT) -> None:
    """Keep `version`, whose programs are in `sources`."""
    RELEASED.mkdir(exist_ok=True)
    keep_programs(version, sources)
    for layout in ("completo", "compacto"):
        keep_database(RELEASED / f"{version}-{layout}.sql", sources, layout)


def keep_programs(version: str, sources: Path) -> None:
    """Pack what git has of the programs; the same input gives the same bytes."""
    for before in RELEASED.glob("*.tar.xz"):
        before.unlink()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "agente", "API", "createDB"],
        cwd=sources, check=True, capture_output=True, text=True,
    )  # fmt: skip
    with tarfile.open(RELEASED / f"{version}.tar.xz", "w:xz") as packed:
        for name in sorted(filter(None, listed.stdout.split("\0"))):
            packed.add(sources / name, name, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def keep_database(target: Path, sources: Path, layout: str) -> None:
    """Write down in SQL a database that holds the contract's examples."""
    with tempfile.TemporaryDirectory() as name:
        database, storage = Path(name) / "servers.sqlite", Path(name) / "storage"
        places = ["--database", str(database), "--storage", str(storage)]
        build = [sys.executable, str(sources / "createDB" / "createDB.py"), *places]
        subprocess.run([*build, "--layout", layout], check=True)
        port = _free_port()
        serve = [sys.executable, str(sources / "API" / "init_app.py"), *places]
        collector = subprocess.Popen([*serve, "--port", str(port)], start_new_session=True)
        try:
            for report in REPORTS:
                _post(port, (ROOT / "tests" / "contract" / report).read_bytes())
        finally:
            collector.terminate()
            collector.wait()
        with closing(sqlite3.connect(database)) as connection:
            target.write_text("\n".join(connection.iterdump()) + "\n")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _post(port: int, report: bytes) -> None:
    deadline = time.monotonic() + START_S
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/servers", report, {"Content-Type": "application/json"}
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=START_S):  # noqa: S310
                return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    os.umask(0o022)
    main(sys.argv[1], *map(Path, sys.argv[2:]))
