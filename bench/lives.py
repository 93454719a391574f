"""What happens on the servers of a fleet over weeks and months; the same for the same seed.

Time is counted in reports, one every five minutes. Daemons run from boot to boot, or until they are
upgraded; workers are recycled; jobs run for a report or two; people log in by day, more on working
days, and run tools; here and there somebody runs what nobody should.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

INTERVAL_S = 300
DAY = 86_400 // INTERVAL_S
"""Reports of a day."""

HOUR = DAY // 24
WORKERS = 16
DAYS_A_BOOT = 40
JOBS_A_DAY = 22
UPGRADES_A_DAY = 1.0
SESSIONS_A_DAY = {True: 3, False: 1}
"""On working days, and on others."""

MISUSE_A_DAY = 1 / 3_000

KERNEL = (
    "kthreadd", "rcu_preempt", "kdevtmpfs", "kauditd", "khungtaskd", "oom_reaper", "kcompactd0",
    "ksmd", "khugepaged", "kswapd0", "jbd2/vda1-8", "watchdogd",
)  # fmt: skip
KERNEL_OF_A_CPU = ("ksoftirqd/{}", "migration/{}", "cpuhp/{}", "idle_inject/{}", "kworker/{}:0",
                   "kworker/{}:1", "kworker/{}:0H")  # fmt: skip
DAEMONS = (
    ("systemd", "root"), ("systemd-journald", "root"), ("systemd-udevd", "root"),
    ("systemd-logind", "root"), ("dbus-daemon", "messagebus"), ("sshd", "root"), ("cron", "root"),
    ("rsyslogd", "syslog"), ("chronyd", "_chrony"), ("auditd", "root"), ("agetty", "root"),
    ("polkitd", "polkitd"), ("containerd", "root"), ("dockerd", "root"), ("snapd", "root"),
    ("node_exporter", "prometheus"), ("unattended-upgr", "root"), ("irqbalance", "root"),
)  # fmt: skip
ROLES = {
    "web": (("nginx", "root"), ("php-fpm8.2", "root"), ("haproxy", "haproxy")),
    "db": (("postgres", "postgres"), ("pgbouncer", "postgres"), ("postgres_export", "prometheus")),
    "app": (("gunicorn", "deploy"), ("celery", "deploy"), ("redis-server", "redis")),
    "ci": (("java", "jenkins"), ("gitlab-runner", "gitlab-runner"), ("node", "deploy")),
}
WORKER = {"web": ("php-fpm8.2", "www-data"), "db": ("postgres", "postgres"),
          "app": ("celery", "deploy"), "ci": ("node", "jenkins")}  # fmt: skip
JOBS = (
    ("apt.systemd.dai", "root"), ("logrotate", "root"), ("backup.sh", "backup"), ("find", "root"),
    ("rsync", "backup"), ("certbot", "root"), ("python3", "deploy"), ("sleep", "root"),
)  # fmt: skip
PEOPLE = ("juan", "ana", "luis", "marta", "deploy", "ops", "sofia", "pedro", "lucia", "admin")
TOOLS = ("vim", "less", "top", "psql", "git", "tail", "htop", "journalctl", "tcpdump", "strace")
MISUSE = ("xmrig", "nmap", "nc")
AGENT = ("python3", "compliance")
RELEASES = ("6.1.0-21-amd64", "6.1.0-22-amd64", "6.1.0-23-amd64", "6.1.0-25-amd64",
            "6.1.0-26-amd64", "6.1.0-28-amd64", "6.1.0-30-amd64", "6.1.0-31-amd64")  # fmt: skip
VERSIONS = ("0.1.0", "0.1.1", "0.2.0")


class Stay(NamedTuple):
    """Something that a server's reports have from one on up to another, which lacks it."""

    field: str
    name: str
    value: str | None
    pid: int | None
    first: int
    end: int
    started: float | None = None
    """When the process began, in reports."""


class Life:
    """One server: who it is, and what happens there."""

    def __init__(
        self, number: int, reports: int, weekday: float, seed: int, processes: int = 0
    ) -> None:
        """Live it.

        Args:
            number: of the server in its fleet, from 0 on.
            reports: how many it sends.
            weekday: when the first one is sent, in days since a Monday, 0 o'clock.
            seed: the same one makes the same fleet.
            processes: at least how many run after each boot, up to 300: a larger kernel has more.
        """
        self._processes = processes
        self._chance = random.Random(f"{seed}/{number}")  # noqa: S311 - a load, not a secret
        self._reports = reports
        self._weekday = weekday
        self._next_pid = 0
        self.number = number
        self.role = self._chance.choice(tuple(ROLES))
        self.id_agente = self._uuid()
        self.phase = self._chance.random()
        """When in each interval it reports, 0 to 1."""
        self.facts: dict[str, list[Stay]] = {}
        """What the system is: field -> its values, one after the other."""
        self.agents: list[Stay] = []
        """The processes of the agent itself, one after the other."""
        self.stays: list[Stay] = []
        """Every process and session there was, in no order."""
        self._live()

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _live(self) -> None:
        boots = list(self._boots())
        self._be(boots)
        for first, end in boots:
            self._next_pid = 0
            self._boot(first, end)

    def _boots(self) -> Iterator[tuple[int, int]]:
        first = 0
        while first < self._reports:
            lasts = 1 + int(self._chance.expovariate(1 / (DAYS_A_BOOT * DAY)))
            yield first, min(first + lasts, self._reports)
            first += lasts

    def _be(self, boots: Sequence[tuple[int, int]]) -> None:
        """Let the system be what it is; what changes does so with a boot."""
        chance, number = self._chance, self.number
        release = chance.randrange(4)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        version = 0
        for first, end in boots:
            kernel = RELEASES[min(release, len(RELEASES) - 1)]
            values = {
                "ipaddress": address,
                "hostname": f"{self.role}-{number:05}.example.net",
                "arquitectura_proc": "X86_64",
                "marca_proc": "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz",
                "nombre_so": "Linux",
                "version_so": f"#1 SMP PREEMPT_DYNAMIC Debian {kernel}",
                "distribucion": "debian",
                "version_distribucion": "12",
                "nucleo": kernel,
                "id_arranque": self._uuid(),
                "version_agente": VERSIONS[min(version, len(VERSIONS) - 1)],
            }
            for field, value in values.items():
                self._turn(field, value, first, end)
            release += chance.random() < 0.6
            version += chance.random() < 0.3
            if chance.random() < 0.1:
                address = f"10.{100 + chance.randrange(100)}.{number >> 8 & 255}.{number & 255}"

    def _turn(self, field: str, value: str, first: int, end: int) -> None:
        turns = self.facts.setdefault(field, [])
        if turns and turns[-1].name == value:
            first = turns.pop().first
        turns.append(Stay(field, value, None, None, first, end))

    def _boot(self, first: int, end: int) -> None:
        cpus = 4 << self.number % 3
        for name in KERNEL:
            self._run(name, "root", first, end)
        for name in KERNEL_OF_A_CPU:
            for cpu in range(cpus):
                self._run(name.format(cpu), "root", first, end)
        for name, user in DAEMONS + ROLES[self.role]:
            self._keep(name, user, first, end)
        self.agents.append(self._run(*AGENT, first, end))
        for extra in range(self._processes - WORKERS - self._next_pid):
            self._run(f"kworker/{extra % cpus}:{2 + extra // cpus}", "root", first, end)
        for _ in range(WORKERS):
            self._recycle(*WORKER[self.role], first, end)
        for at in self._times(JOBS_A_DAY, first, end):
            self._run(*self._chance.choice(JOBS), at, min(end, at + self._chance.choice((1, 1, 2))))
        for at in self._logins(first, end):
            self._session(at, min(end, at + 1 + int(self._chance.expovariate(1 / 9))))
        for at in self._times(MISUSE_A_DAY, first, end):
            lasts = self._chance.randrange(1, DAY)
            name, user = self._chance.choice(MISUSE), self._chance.choice(PEOPLE)
            self._run(name, user, at, min(end, at + lasts))

    def _run(self, name: str, user: str, first: int, end: int) -> Stay:
        random = self._chance.random  # twice as fast as what it has for whole numbers
        self._next_pid += 1 + int(random() * 39) if self._next_pid > 300 else 1
        stay = Stay("procesos", name, user, self._next_pid, first, end, first - random())
        self.stays.append(stay)
        return stay

    def _keep(self, name: str, user: str, first: int, end: int) -> None:
        """Run a daemon, which an upgrade starts anew now and then."""
        share = UPGRADES_A_DAY / (len(DAEMONS) + len(ROLES[self.role]))
        for at in self._times(share, first + 1, end):
            self._run(name, user, first, at)
            first = at
        self._run(name, user, first, end)

    def _recycle(self, name: str, user: str, first: int, end: int) -> None:
        while first < end:
            until = first + 1 + int(self._chance.expovariate(1 / (8 * HOUR)))
            self._run(name, user, first, min(until, end))
            first = until

    def _session(self, first: int, end: int) -> None:
        user = self._chance.choice(PEOPLE)
        pid = self._run("sshd", user, first, end).pid
        self.stays.append(Stay("usuarios_activos", user, None, pid, first, end))
        self._run("bash", user, first, end)
        if self._chance.random() < 0.6:
            at = self._chance.randrange(first, end)
            self._run(self._chance.choice(TOOLS), user, at, min(end, at + 1))

    def _times(self, a_day: float, first: int, end: int) -> Iterator[int]:
        """Give moments in their order, on average so many a day."""
        at: float = first
        while (at := at + self._chance.expovariate(a_day / DAY)) < end:
            if (found := int(at)) > first:
                first = found
                yield found

    def _logins(self, first: int, end: int) -> Iterator[int]:
        """Give the moments at which people come: most between 8 and 18 o'clock."""
        begin = int(self._weekday * DAY)
        for day in range((begin + first) // DAY, (begin + end) // DAY + 1):
            for _ in range(self._chance.randrange(2 * SESSIONS_A_DAY[day % 7 < 5] + 1)):
                hour = min(max(self._chance.gauss(13, 3), 0), 23.9)
                at = int((day + hour / 24) * DAY) - begin
                if first <= at < end:
                    yield at
