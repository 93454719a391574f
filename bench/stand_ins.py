"""What `bench/ingest.py` compares the collector with: small applications of the same interface.

`python3 bench/stand_ins.py first|http PORT FOLDER` serves one of them until it is ended.
"""

import functools
import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flask import Flask, jsonify, request
from granian import Granian
from granian.constants import Interfaces
from sqlalchemy import create_engine, insert

from createDB.schema import metadata, procesos, servers, usuarios_activos


def first_generation(folder: Path) -> Flask:
    """Store as the first generation does: an engine a request, a commit a row, a file a report."""
    app = Flask("first")
    url = f"sqlite:///{folder / 'servers.sqlite'}"
    metadata.create_all(create_engine(url), tables=[servers, procesos, usuarios_activos])

    @app.post("/servers")
    def store() -> Any:
        report = request.get_json()
        (folder / f"{uuid.uuid4()}.json").write_text(json.dumps(report))
        with create_engine(url).connect() as connection:
            seed = ("ipaddress", "arquitectura_proc", "marca_proc", "nombre_so", "version_so")
            row = {name: report[name] for name in seed}
            id_serv = connection.execute(insert(servers).returning(servers.c.id_serv), row).scalar()
            connection.commit()
            for process in report["procesos"]:
                row = {"id_serv": id_serv, "ip_server": report["ipaddress"]}
                row |= {name: process[name] for name in ("pid", "name", "username")}
                connection.execute(insert(procesos), row)
                connection.commit()
        return report, 201

    return app


def http_alone(_folder: Path) -> Flask:
    """Read the body as the collector does, and store nothing."""
    app = Flask("http")

    @app.post("/servers")
    def receive() -> Any:
        return jsonify(id_serv=len(request.get_data(cache=False))), 201

    return app


APPLICATIONS: dict[str, Callable[[Path], Flask]] = {
    "first": first_generation,
    "http": http_alone,
}


def main() -> None:
    """Serve the application that the command line names."""
    name, port, folder = sys.argv[1:]
    load = functools.partial(APPLICATIONS[name], Path(folder))
    server = Granian("bench", port=int(port), interface=Interfaces.WSGI, blocking_threads=64,
                     log_enabled=False)  # fmt: skip
    server.serve(target_loader=load, wrap_loader=False)


if __name__ == "__main__":
    main()
