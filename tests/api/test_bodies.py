"""Which of several bodies gives way, whatever the order in which their bytes come."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest

from API.app.door import bodies
from API.app.door.bodies import Bodies, Body, Most
from API.app.errors import ProblemError
from tests.conftest import DEADLINE_S

MOST = Most(bodies=3, bodies_of_one=3, total=10, seconds=DEADLINE_S)


class Pieces:
    """A body that comes piece after piece, in turn with others."""

    def __init__(self, chunks: tuple[bytes, ...]) -> None:
        self.chunks = chunks

    async def __call__(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
            await asyncio.sleep(0)


@pytest.fixture(params=[0, bodies.SMALL], ids=["in pieces", "at once"], autouse=True)
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SMALL", request.param)


async def refused(held: Bodies, *chunks: bytes) -> HTTPStatus | None:
    """Receive a body whose chunks come in turn with others'; give what it was refused with."""

    body = Body()
    try:
        await held.receive(Pieces(chunks), sum(map(len, chunks)), body)
    except ProblemError as error:
        return error.status
    finally:
        held.release(body)
    return None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ((b"123456", b"", b"7"), (b"12345", b"6")),
        ((b"1", b"234567"), (b"12345", b"6", b"7")),
    ],
    ids=["the newer one's bytes are too many", "its own bytes are too many"],
)
def test_the_oldest_body_gives_way_to_another(
    older: tuple[bytes, ...], newer: tuple[bytes, ...]
) -> None:
    async def both() -> tuple[HTTPStatus | None, ...]:
        held = Bodies(MOST)
        return tuple(await asyncio.gather(refused(held, *older), refused(held, *newer)))

    assert asyncio.run(both()) == (HTTPStatus.REQUEST_TIMEOUT, None)


def test_alone_there_is_nobody_to_give_way() -> None:
    assert asyncio.run(refused(Bodies(MOST), b"12345", b"678901")) == (
        HTTPStatus.SERVICE_UNAVAILABLE
    )
