"""How the collector's processes have Python look for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 20_000
"""New objects after which Python looks for cycles among them: a report makes some 500, none in a
cycle, so that to look after every 700 of them took a twentieth of the time."""


def settle() -> None:
    """Leave alone what a process has once it has started, and look for garbage less often."""
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 50)


@contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage while modules are imported, which took a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
