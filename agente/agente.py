#!/usr/bin/env python3
"""The agent: gathers what this server is and runs, and delivers it to the collector.

`agente.py --help` lists its options and exit codes.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - some servers' python3 is older
    print("agente: hace falta Python 3.11 o más nuevo; ./agente.sh lo busca", file=sys.stderr)
    sys.exit(2)

import exits
import guest
import report
import settings
from gatherer import Gatherer
from messages import say, why
from settings import Settings, SettingsError
from spool import SpoolBusyError, read_state


def show(chosen: Settings) -> int:
    """Print the report that would be sent; return the exit code."""
    gathered = Gatherer(chosen).gather(read_state(chosen.spool).descartados)
    sys.stdout.buffer.write(report.show(gathered).encode() + b"\n")
    sys.stdout.buffer.flush()
    return exits.DELIVERED


def check(chosen: Settings) -> int:
    """Say, step by step, what works; return the exit code."""
    import check as steps  # needs what --print does without

    return steps.run(chosen)


def enrol(chosen: Settings) -> int:
    """Have the collector know this agent's token; return the exit code."""
    import enrolment

    return enrolment.run(chosen)


def deliver(chosen: Settings) -> int:
    """Send one report, or one at every interval; return the exit code."""
    from cycle import Agent  # threads, gzip, the way to the collector: 15 ms more

    agent = Agent(chosen)
    return agent.once() if chosen.intervalo is None else agent.endless(chosen.intervalo)


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for; return the exit code."""
    if sys.stdout is not None:  # as it is where it was closed before the start
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        chosen = settings.load(arguments)
        guest.lower_priority(chosen.nice)
        guest.limit_memory(chosen.memoria_mib)
        os.umask(0o077)
        return {"print": show, "check": check, "enrol": enrol}.get(chosen.mode, deliver)(chosen)
    except SettingsError as error:
        say(str(error))
        return exits.USAGE
    except SpoolBusyError as error:
        say(str(error))
        return exits.BUSY
    except (BrokenPipeError, KeyboardInterrupt):
        return exits.KEPT
    except OSError as error:
        say(f"no puedo trabajar: {why(error)}")
        return exits.USAGE


def run() -> int:
    """Do what the command line asks for; what the agent in one file begins with."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(run())
