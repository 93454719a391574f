#!/usr/bin/env python3
"""Starts the collector, or runs one of its commands. `--help` lists settings and commands."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

if __name__ == "__main__":
    # Only here: the processes that it starts read this file too, and need less (multiprocessing).
    from API.app.memory import importing

    try:
        with importing():
            from API.app.program import main

        sys.exit(main(sys.argv[1:]))
    except ModuleNotFoundError as error:
        print(
            f"init_app.py: falta la biblioteca {error.name}; ./init_app.sh instala en .venv lo "
            "que hace falta, y corre también las órdenes (./init_app.sh cuentas list)",
            file=sys.stderr,
        )
        sys.exit(2)
