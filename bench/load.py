"""A fleet's reports, and the clients that send them: the load for the benchmarks.

One process, no threads: it must leave the machine to what is measured. Each server has processes
of which some are replaced from one report to the next, as cron jobs and workers are.
"""

import random
import selectors
import socket
import ssl
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

NAMES = (
    "systemd", "systemd-journald", "systemd-udevd", "dbus-daemon", "sshd", "cron", "rsyslogd",
    "chronyd", "auditd", "nginx", "postgres", "redis-server", "python3", "java", "node", "bash",
    "containerd", "containerd-shim", "dockerd", "node_exporter", "kworker/u8:2-events_unbound",
    "kworker/0:1H-kblockd", "ksoftirqd/0", "migration/0", "rcu_preempt", "php-fpm8.2", "gunicorn",
    "celery", "haproxy", "snapd", "unattended-upgr", "packagekitd", "polkitd", "agetty", "sleep",
)  # fmt: skip
USERS = ("root", "root", "root", "www-data", "postgres", "messagebus", "systemd-network", "deploy")

HEAD = (
    b'{"arquitectura_proc":"X86_64","marca_proc":"Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz",'
    b'"nombre_so":"Linux","version_so":"#1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15)",'
    b'"ipaddress":"%b","fecha_hora":"%b","id_agente":"%b","id_reporte":"%b","hostname":"%b",'
    b'"distribucion":"debian","version_distribucion":"12","nucleo":"6.1.0-23-amd64",'
    b'"id_arranque":"%b","arranque":"2026-11-01T06:00:00Z","intervalo":300.0,'
    b'"version_agente":"0.1.0","pid_agente":812,"descartados":0,"errores":{},'
    b'"usuarios_activos":[{"pid":4000,"name":"juan"}],"procesos":['
)


@dataclass(slots=True)
class Server:
    """One server of the fleet and what runs on it now."""

    number: int
    chance: random.Random
    processes: int
    changing: int
    items: list[bytes] = field(default_factory=list)
    ident: bytes = b""
    boot: bytes = b""
    next_pid: int = 300

    def __post_init__(self) -> None:
        self.ident = str(uuid.UUID(int=self.chance.getrandbits(128), version=4)).encode()
        self.boot = str(uuid.UUID(int=self.chance.getrandbits(128), version=4)).encode()
        self.items = [self._process() for _ in range(self.processes)]

    def report(self, at: float) -> bytes:
        """Give the JSON text of its report at `at` (Unix time), after some processes changed.

        Those that ended stood anywhere; new ones have the highest numbers and stand at the end.
        """
        for _ in range(self.changing):
            del self.items[self.chance.randrange(self.processes)]
            self.items.append(self._process())
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06}Z"
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        report_id = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        head = HEAD % (
            address.encode(), moment.encode(), self.ident, report_id.encode(),
            b"web-%05d.example.net" % self.number, self.boot,
        )  # fmt: skip
        return head + b",".join(self.items) + b"]}"

    def _process(self) -> bytes:
        self.next_pid += 1
        return (
            f'{{"pid":{self.next_pid},"name":"{self.chance.choice(NAMES)}",'
            f'"username":"{self.chance.choice(USERS)}","inicio":"2026-11-20T10:00:00Z"}}'
        ).encode()


def fleet(servers: int, processes: int = 200, changing: int = 8, seed: int = 1) -> list[Server]:
    """Make the servers of a fleet; the same seed makes the same."""
    chance = random.Random(seed)  # noqa: S311 - a load, not a secret
    return [
        Server(number, random.Random(chance.random()), processes, changing)  # noqa: S311
        for number in range(servers)
    ]


def bodies(servers: list[Server], begin: float, interval: float = 300) -> Iterator[bytes]:
    """Give the reports of the fleet for ever, round after round."""
    while True:
        for index, server in enumerate(servers):
            yield server.report(begin + interval * index / len(servers))
        begin += interval


@dataclass(slots=True)
class Result:
    """What a run of the load saw."""

    seconds: float
    latencies: list[float]
    """Of each answer, in seconds, sorted."""
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Give the latency that `share` (0 to 1) of the answers do not exceed, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


def post_all(
    port: int,
    reports: list[bytes],
    clients: int,
    tokens: Iterable[bytes] = (),
    authority: Path | None = None,
) -> Result:
    """Send `reports` to the collector on `port` of this machine, `clients` at a time.

    Args:
        port: of the collector.
        reports: JSON texts.
        clients: connections that are kept open.
        tokens: of those who send the reports, in their order; none where no token is needed.
        authority: file with what the collector's certificate is checked with; None for plain HTTP.
    """
    selector = selectors.DefaultSelector()
    head = b"POST /servers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    bearing = (b"Authorization: Bearer %b\r\n" % token for token in tokens)
    waiting = zip(reports, chain(bearing, repeat(b"")), strict=False)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    context = ssl.create_default_context(cafile=authority) if authority else None
    began = time.perf_counter()
    sent: dict[socket.socket, float] = {}
    received: dict[socket.socket, bytes] = {}
    open_sockets = 0

    def send_next(client: socket.socket) -> bool:
        following = next(waiting, None)
        if following is None:
            selector.unregister(client)
            client.close()
            return False
        body, bearer = following
        sent[client] = time.perf_counter()
        client.sendall(b"%b%bContent-Length: %d\r\n\r\n%b" % (head, bearer, len(body), body))
        return True

    for _ in range(clients):
        client = _connect(port, context)
        selector.register(client, selectors.EVENT_READ)
        received[client] = b""
        open_sockets += send_next(client)
    while open_sockets:
        for key, _ in selector.select():
            client = key.fileobj  # type: ignore[assignment]
            received[client] += client.recv(65_536) or _closed()
            answer = received[client]
            if not is_whole(answer):
                continue
            received[client] = b""
            latencies.append(time.perf_counter() - sent[client])
            status = int(answer[9:12])
            statuses[status] = statuses.get(status, 0) + 1
            open_sockets -= not send_next(client)
    seconds = time.perf_counter() - began
    return Result(seconds, sorted(latencies), statuses)


def _connect(port: int, context: ssl.SSLContext | None) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(client, server_hostname="127.0.0.1") if context else client


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has come to its end; ours all carry their length."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


def _closed() -> bytes:
    raise ConnectionError("the collector closed a connection")
