"""Runs before the agent in one file: says in one line that it was built for another machine."""

import os
import sys

BUILT_FOR = "Python @python@, @arch@"  # deploy/build_agent.sh puts them in

here = f"Python {sys.version_info[0]}.{sys.version_info[1]}, {os.uname().machine}"
if here != BUILT_FOR:
    print(f"agente: este archivo es para {BUILT_FOR}; aquí hay {here}", file=sys.stderr)
    sys.exit(2)
