"""Reports of a whole fleet at little cost: servers that live the same share most of their text.

A track is one life (`bench/lives.py`), a day old when the fleet begins to report. What its reports
have in common is written, packed and summed up once; each server adds who it is and when. So a
report of 200 processes, gzipped, takes 50 us to make, and 100,000 servers fit into a few MiB.
"""

import zlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from bench.lives import DAY, INTERVAL_S, Life, Stay

STEP_MS = INTERVAL_S * 1_000
"""What a step of a life is meant to last; how long it takes in a run is another matter."""

AGE = DAY
"""Steps that a life has behind it when its first report is sent."""

KEPT = 8
"""Scenes that a track keeps: those who come back with a full spool want older ones."""

OWN = ("ipaddress", "hostname", "id_arranque")
"""What tells apart the servers of a track."""

LEVEL = 6
"""Of compression, as the agent has it."""

HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""Of a gzip member without a name or a time (RFC 1952)."""

_encode = msgspec.json.Encoder().encode


class Scene(NamedTuple):
    """What all servers of a track report at one step."""

    packed: bytes
    """The beginning of the report, deflated up to a byte's end; the rest does not refer to it."""
    checksum: int
    length: int
    facts: dict[str, str]
    """What else is true of the system, by field."""
    boot: str
    pid_agente: int


class Track:
    """One life, and the text of it."""

    def __init__(
        self, number: int, steps: int, begin: float, seed: int, processes: int = 0
    ) -> None:
        """Live it.

        Args:
            number: of the track.
            steps: how many there are after its first report.
            begin: when that is sent (Unix time): people log in by day.
            seed: the same one makes the same life.
            processes: at least how many run.
        """
        monday = 4 * 86_400  # 1970 began on a Thursday
        weekday = (begin - AGE * INTERVAL_S - monday) / 86_400 % 7
        self.life = Life(number, AGE + steps + 1, weekday, seed, processes)
        self._begin_ms = int(begin * 1_000)
        self._scenes: OrderedDict[int, Scene] = OrderedDict()

    def stays(self) -> list[Stay]:
        """Give every process and session there is; their steps count from the first report."""
        return [
            stay._replace(first=stay.first - AGE, end=stay.end - AGE) for stay in self.life.stays
        ]

    def inicio(self, stay: Stay) -> int | None:
        """Tell when a process began, in milliseconds since 1970: a whole second."""
        if stay.started is None:
            return None
        return (self._begin_ms + int((stay.started - AGE) * STEP_MS)) // 1_000 * 1_000

    def scene(self, step: int) -> Scene:
        """Give what its servers report at a step after the first report, which is step 0."""
        scene = self._scenes.get(step)
        if scene is None:
            if len(self._scenes) == KEPT:
                self._scenes.popitem(last=False)
            scene = self._scenes[step] = self._draw(step + AGE)
        return scene

    def _draw(self, step: int) -> Scene:
        life = self.life
        now = [stay for stay in life.stays if stay.first <= step < stay.end]
        lists = {
            "procesos": [
                {"pid": stay.pid, "name": stay.name, "username": stay.value,
                 "inicio": _text(self.inicio(stay))}
                for stay in now if stay.started is not None
            ],
            "usuarios_activos": [
                {"pid": stay.pid, "name": stay.name} for stay in now if stay.started is None
            ],
        }  # fmt: skip
        facts = {
            field: next(turn.name for turn in turns if turn.first <= step < turn.end)
            for field, turns in life.facts.items()
        }
        boot = facts["id_arranque"]
        shared = {field: value for field, value in facts.items() if field not in OWN}
        agent = next(stay.pid for stay in life.agents if stay.first <= step < stay.end)
        text = _encode(lists | shared)[:-1] + b","
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = HEADER + packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
        return Scene(packed, zlib.crc32(text), len(text), shared, boot, agent or 0)


def _text(milliseconds: int | None) -> str:
    return datetime.fromtimestamp((milliseconds or 0) // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def packed_report(scene: Scene, rest: bytes) -> bytes:
    """Give a report as one gzip member: what the scene has, then `rest`, up to its last brace."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -12, 5)
    end = packer.compress(rest) + packer.flush()
    sums = zlib.crc32(rest, scene.checksum).to_bytes(4, "little")
    return scene.packed + end + sums + (scene.length + len(rest)).to_bytes(4, "little")
