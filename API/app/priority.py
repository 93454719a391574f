"""How those whom nobody waits for give way to those that store and serve."""

import os

import structlog

log = structlog.get_logger()

NICE = 10


def give_way() -> None:
    """Lower the priority of this thread: on Linux nice(2) is a thread's.

    Where a sandbox refuses that, it is as urgent as all others.
    """
    try:
        os.nice(NICE)
    except PermissionError:
        log.warning("priorities cannot be lowered here; what is urgent may wait", pid=os.getpid())
