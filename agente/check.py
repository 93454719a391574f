"""--check: what works on the way to each collector, a line for each step."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import collectors
import durable
import exits
from credentials import Credentials, CredentialsError, token_in
from deadline import call_within
from gatherer import Gatherer
from identity import ranked
from messages import one_line, why
from settings import Settings
from spool import Spool, SpoolBusyError, waiting_in
from transport import PROBLEM, Outcome, Transport, explain_failure, missing

PATIENCE = 10.0

Step = tuple[str, bool, str]  # its name, whether it went well, what to say


def run(settings: Settings) -> int:
    """Print each step as it is done; return 0 when all went well, else 1."""
    well = True
    for name, good, text in steps(settings):
        well = well and good
        print(f"{'bien' if good else 'FALLA':5}  {name:12} {one_line(text)}", flush=True)
    return exits.DELIVERED if well else exits.KEPT


def steps(settings: Settings) -> Iterator[Step]:
    """Do the steps in order; one that the others stand on ends them when it fails."""
    shown = ", ".join(collector.url for collector in settings.collectors)
    yield "config", True, f"{settings.config}, colector {shown}"
    try:
        gatherer = Gatherer(settings)
    except OSError as error:
        yield "estado", False, why(error)
        turn = list(settings.collectors)
    else:
        yield from local_steps(settings, gatherer)
        turn = ranked(gatherer.who.id_agente, settings.collectors)
    for place, collector in enumerate(turn, 1):
        if len(turn) > 1:
            yield "colector", True, f"{place}.º de {len(turn)} para este agente: {collector.url}"
        yield from steps_to(Transport(settings, collector), settings)


def steps_to(transport: Transport, settings: Settings) -> Iterator[Step]:
    """Do the steps to one collector."""
    try:
        direct = direct_steps(transport)
    except ImportError as error:
        yield "biblioteca", False, missing(error)
        return
    for step in direct:
        done = step(transport)
        if done:
            yield done
            if not done[1]:
                return
    yield from collector_steps(transport, settings)
    transport.close()


def direct_steps(transport: Transport) -> Sequence[Callable[[Transport], Step | None]]:
    """Return the steps to the collector itself, none of which can be taken through a proxy."""
    return (through_proxy,) if transport.proxy() else (resolve, connect, shake_hands)


def through_proxy(transport: Transport) -> Step:
    """Say which proxy is used."""
    return "proxy", True, transport.proxy()


def local_steps(settings: Settings, gatherer: Gatherer) -> Iterator[Step]:
    """Say who this is; try the facts and the spool."""
    yield "estado", True, f"{settings.estado}, identidad {gatherer.who.id_agente}"
    yield credential(settings, gatherer)
    yield facts(gatherer)
    yield spool(settings)


def credential(settings: Settings, gatherer: Gatherer) -> Step:
    """Say whether this agent has enrolled, by the files that it keeps."""
    try:
        found = Credentials(settings.estado, gatherer.who)
    except (OSError, CredentialsError) as error:
        return "alta", False, why(error)
    if found.held is None:
        waits = " (hay una a medias)" if found.pending else ""
        return "alta", True, f"sin alta{waits}: sólo sirve en las redes sin token del colector"
    if found.is_cloned():
        return "alta", True, "copia de otra máquina: se da de alta aparte con su próximo reporte"
    return "alta", True, "tiene su token"


def facts(gatherer: Gatherer) -> Step:
    """Gather once and say what could not be gathered, or how long it took."""
    found = collectors.gather(gatherer.context)
    if found.errors:
        missing = "; ".join(f"{field}: {reason}" for field, reason in found.errors.items())
        return "hechos", True, f"sin {missing}"
    slowest = max(found.seconds, key=lambda name: found.seconds[name])
    total = sum(found.seconds.values())
    return "hechos", True, f"todos, en {total:.2f} s ({slowest}: {found.seconds[slowest]:.2f} s)"


def spool(settings: Settings) -> Step:
    """Say whether the spool can be used and written to, and how many reports wait in it."""
    note, probe = "", settings.spool / ".prueba"
    try:
        with suppress(SpoolBusyError):
            note = "; lo usa un agente en marcha"
            Spool(settings.spool, settings.spool_mib << 20).close()
            note = ""
        durable.write(probe, bytes(4096))
        probe.unlink()
        waiting = len(waiting_in(settings.spool))
    except OSError as error:
        return "spool", False, f"{settings.spool}: {error.strerror}"
    return "spool", True, f"{settings.spool}, reportes en espera: {waiting}{note}"


def host_and_port(transport: Transport) -> tuple[str, int]:
    """Return where the collector is."""
    parts = urlsplit(transport.url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def resolve(transport: Transport) -> Step:
    """Resolve the collector's name."""
    host, port = host_and_port(transport)
    try:
        found = call_within(
            PATIENCE, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as error:
        return "nombre", False, f"{host}: {why(error)}"
    return "nombre", True, f"{host}: {', '.join(sorted({str(a[4][0]) for a in found}))}"


def connect(transport: Transport) -> Step:
    """Open a TCP connection to the collector."""
    address = host_and_port(transport)
    start = time.perf_counter()
    try:
        socket.create_connection(address, PATIENCE).close()
    except OSError as error:
        return "conexión", False, f"{address[0]} puerto {address[1]}: {why(error)}"
    return "conexión", True, f"puerto {address[1]}, {(time.perf_counter() - start) * 1000:.0f} ms"


def shake_hands(transport: Transport) -> Step | None:
    """Check the collector's certificate, where it has one to show."""
    if urlsplit(transport.url).scheme != "https":
        return None
    host, port = host_and_port(transport)
    try:
        import certifi

        context = ssl.create_default_context(cafile=str(transport.authority() or certifi.where()))
        with (
            socket.create_connection((host, port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            until = (secure.getpeercert() or {}).get("notAfter", "?")
            return "TLS", True, f"{secure.version()}, certificado hasta {until}"
    except (OSError, ValueError) as error:
        return "TLS", False, explain_failure(error)


def collector_steps(transport: Transport, settings: Settings) -> Iterator[Step]:
    """Ask the collector whether it lives, whether it can store, and whether it lets us in."""
    base = transport.base
    alive = transport.request("GET", f"{base}/healthz", {"Accept": "application/json"})
    if alive.answer and alive.answer.status == 404:
        yield "vive", False, "responde, sin /healthz: es de la primera generación, u otra cosa"
        return
    yield status_step("vive", alive, lambda status: status == 200)
    ready = transport.request("GET", f"{base}/readyz", {"Accept": "application/json"})
    yield status_step("recibe", ready, lambda status: status == 200)
    if all(o.answer and o.answer.status == 200 for o in (alive, ready)):
        yield admission(transport, settings)


def status_step(name: str, outcome: Outcome, good: Callable[[int], bool]) -> Step:
    """Return the step of a question to the collector."""
    return name, outcome.answer is not None and good(outcome.answer.status), outcome.reason


def admission(transport: Transport, settings: Settings) -> Step:
    """Send a report that is wrong on purpose: only who is let in is told so, and nothing is kept.

    It is {}, without a single field: our collector answers it 400 with a problem document.
    """
    with suppress(OSError, CredentialsError):  # told above
        transport.token = token_in(settings.estado)
    outcome = transport.post_json("/servers", b"{}")
    answer = outcome.answer
    let_in = answer is not None and answer.status == 400 and answer.media_type == PROBLEM
    return "admite", let_in, "deja entrar a este agente" if let_in else outcome.reason
