"""The servers of a simulated fleet: who each is, when it reports, and what.

Nothing is kept of a server: all that it says follows from its number, the beat (its first report is
beat 0) and the seed. So a report that waits for days in a spool takes no memory here.
"""

import time
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from bench.lives import DAY, INTERVAL_S
from bench.tracks import Scene, Track, packed_report
from createDB.views import Layout

TRACKS = 400
"""Lives that the fleet has; of a larger one, some servers have the same."""

WRONG_CLOCKS = 0.1
WRONG_BY_S = 200
"""How far off these may be; the collector takes a server's word up to 300 seconds ahead."""

DRIFT = 50e-6
MOST_SILENT = 12
"""Beats for which a server may be out of reach."""


class Plan(NamedTuple):
    """What is simulated."""

    servers: int
    interval: float = INTERVAL_S
    """Seconds between two reports of a server."""
    speed: float = 1.0
    """How many times faster than the clock its processes come and go."""
    processes: int = 200
    layout: Layout = Layout.COMPACTO
    clones: int = 0
    silent: float = 0.002
    """Share of the beats at which a server falls silent for a while."""
    seed: int = 1

    @property
    def machines(self) -> int:
        """How many report; clones do under the identity of another."""
        return self.servers + self.clones

    def steps(self, seconds: float) -> int:
        """Tell how many steps of a life a run may take, in whole days: lives of a length differ."""
        return DAY * (1 + int((seconds + 2 * self.interval) * self.speed / INTERVAL_S / DAY))


REST = (
    b'"ipaddress":"%b","hostname":"%b","id_arranque":"%b","fecha_hora":"%b","id_agente":"%b",'
    b'"id_reporte":"%b","intervalo":%g,"pid_agente":%d,"descartados":0,"errores":{}}'
)


class Servers:
    """All of them. A number past those of the plan's servers is that of a clone."""

    def __init__(self, plan: Plan, begin: float, seconds: float) -> None:
        """Make them.

        Args:
            plan: what they are.
            begin: by when each has reported once (Unix time).
            seconds: how long the run may last.
        """
        self.plan = plan
        self.begin = self.start = begin
        """`start` is when the second round of reports begins; whoever runs it sets it."""
        count = min(plan.machines, TRACKS)
        steps = plan.steps(seconds)
        self.tracks = [
            Track(number, steps, begin, plan.seed, plan.processes) for number in range(count)
        ]

    def lot(self, *what: int) -> float:
        """Draw a number from 0 to 1: the same for the same things."""
        mixed = blake2b(b"%d:%a" % (self.plan.seed, what), digest_size=4).digest()
        return int.from_bytes(mixed) / (1 << 32)

    def _uuid(self, *what: object) -> str:
        digest = blake2b(repr((self.plan.seed, what)).encode(), digest_size=16).digest()
        return str(UUID(bytes=digest, version=4))

    def identity(self, number: int, generation: int = 0) -> str:
        """Give the identity of a machine: its own, or the one that it took in place of that."""
        return self._uuid("identity", number, generation)

    def original(self, number: int) -> int:
        """Tell whose identity a machine begins with: its own, or that of whom it is a clone of."""
        place = number - self.plan.servers
        return number if place < 0 else place * (self.plan.servers // self.plan.clones)

    def is_shared(self, number: int) -> bool:
        """Tell whether two machines begin with the identity of this one."""
        if not self.plan.clones:
            return False
        return self.original(number) in {
            self.original(clone) for clone in range(self.plan.servers, self.plan.machines)
        }

    def phase(self, number: int) -> float:
        """Tell when in each interval it reports, 0 to 1."""
        return self.lot(number, 1)

    def due(self, number: int, beat: int) -> float:
        """Tell when it gathers a report (Unix time)."""
        if beat == 0:
            return self.begin + (self.phase(number) - 1) * self.plan.interval
        return self.start + (beat - 1 + self.phase(number)) * self.plan.interval

    def moment(self, number: int, beat: int) -> int:
        """Tell what its clock says then, in milliseconds since 1970; of a track all are alike."""
        at, lot = self.due(number, beat), self.lot(number % len(self.tracks), 2)
        wrong = lot < WRONG_CLOCKS
        off = (2 * lot / WRONG_CLOCKS - 1) * WRONG_BY_S if wrong else lot - 0.5
        drift = (self.lot(number % len(self.tracks), 3) - 0.5) * 2 * DRIFT * (at - self.begin)
        return int((at + off + drift) * 1_000)

    def step(self, number: int, beat: int) -> int:
        """Tell how far its life is then."""
        if beat == 0:
            return 0
        passed = self.due(number, beat) - self.start
        return 1 + int(passed * self.plan.speed / INTERVAL_S)

    def silence(self, number: int, beat: int) -> int:
        """Tell for how many beats it is out of reach from this one on; mostly none."""
        lot = self.lot(number, beat, 4) / self.plan.silent if self.plan.silent else 1
        return 1 + int(lot * MOST_SILENT) if lot < 1 else 0

    def track(self, number: int) -> Track:
        """Give the life that it has."""
        return self.tracks[number % len(self.tracks)]

    def report_id(self, number: int, beat: int) -> str:
        """Give the id of a report: like UUIDv7, it begins with the time (RFC 9562)."""
        mixed = blake2b(b"%d %d %d" % (self.plan.seed, number, beat), digest_size=9).hexdigest()
        at = f"{int(self.due(number, beat) * 1_000):012x}"
        return f"{at[:8]}-{at[8:]}-7{mixed[:3]}-8{mixed[3:6]}-{mixed[6:]}"

    def own(self, number: int, boot: str) -> tuple[str, str, str]:
        """Give its address, its name, and the id of a boot of its track."""
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return address, f"s{number:06}.example.net", self._uuid("boot", number, boot)

    def report(self, number: int, beat: int, identity: str) -> bytes:
        """Give a report under an identity, gzipped."""
        scene = self.track(number).scene(self.step(number, beat))
        return packed_report(scene, self.rest(scene, number, beat, identity))

    def rest(self, scene: Scene, number: int, beat: int, identity: str) -> bytes:
        """Give the end of a report, which is this server's own."""
        moment = self.moment(number, beat)
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1_000))
        texts = (*self.own(number, scene.boot), f"{text}.{moment % 1_000:03}Z", identity,
                 self.report_id(number, beat))  # fmt: skip
        return REST % (*(t.encode() for t in texts), self.plan.interval, scene.pid_agente)
