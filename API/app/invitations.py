"""The enrolment secret: made here, told once, and limited to a time, a number, or networks.

The only code that writes into `secretos`, which has the SHA-256 alone. The last one counts.
"""

import ipaddress
import socket
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from API.app.accounts.credentials import fingerprint, new_secret, now
from API.app.audit import Actor, record
from API.app.door.certificates import ca_fingerprint
from API.app.door.origin import Origin
from API.app.errors import ProblemError
from API.app.queries.admission import Invitation, has_ended
from API.app.settings import Network, Settings
from createDB.schema import secretos


class Limits(NamedTuple):
    """What a secret may be limited to; None for no limit."""

    redes: tuple[Network, ...] | None = None
    cupo: int | None = None
    horas: int | None = None


def make_secret(connection: Connection, actor: Actor, limits: Limits) -> str:
    """Make an enrolment secret, which ends the one before; it is told this once and not kept.

    Args:
        connection: inside a transaction.
        actor: who has it made.
        limits: what it is limited to.
    """
    secret = new_secret("alta")
    connection.execute(
        insert(secretos).values(
            hash=fingerprint(secret),
            desde=now(),
            hasta=None if limits.horas is None else now() + timedelta(hours=limits.horas),
            cupo=limits.cupo,
            redes=None if limits.redes is None else ",".join(map(str, limits.redes)),
        )
    )
    detail = {"horas": limits.horas, "cupo": limits.cupo, "redes": _texts(limits.redes)}
    given = {name: value for name, value in detail.items() if value is not None}
    record(connection, actor, "secreto.rotar", None, given)
    return secret


def require_invited(secret: Invitation, origin: Origin) -> None:
    """Make sure that a secret still counts, and from there.

    Raises:
        ProblemError: 403.
    """
    if has_ended(secret.hasta):
        raise ProblemError(HTTPStatus.FORBIDDEN, "the time of this enrolment secret is over")
    networks = [ipaddress.ip_network(text) for text in (secret.redes or "").split(",") if text]
    if networks and not origin.within(networks):
        why = origin.doubt or f"this secret does not enrol from {origin.address}"
        raise ProblemError(HTTPStatus.FORBIDDEN, why)


def count_enrolment(connection: Connection, secret: Invitation) -> None:
    """Count an enrolment, unless the secret was replaced meanwhile or its number is used up.

    Raises:
        ProblemError: 403.
    """
    latest = select(func.max(secretos.c.id_secreto)).scalar_subquery()
    counted = connection.execute(
        update(secretos)
        .where(secretos.c.id_secreto == secret.id_secreto, secretos.c.id_secreto == latest)
        .where(secretos.c.cupo.is_(None) | (secretos.c.altas < secretos.c.cupo))
        .values(altas=secretos.c.altas + 1)
    )
    if not counted.rowcount:
        raise ProblemError(HTTPStatus.FORBIDDEN, "this enrolment secret enrols no more servers")


def _texts(networks: Sequence[Network] | None) -> list[str] | None:
    return None if networks is None else [str(network) for network in networks]


def latest(connection: Connection) -> Row[Any] | None:
    """Give the secret that counts, without the secret; None where there is none yet."""
    return connection.execute(select(secretos).order_by(secretos.c.id_secreto.desc())).first()


def state_of(secret: Row[Any] | None) -> str:
    """Tell how the secret stands, in one line for the operator."""
    if secret is None:
        return "Aún no hay secreto de alta: lo hace el primer arranque, o `secret rotate`."
    parts = [
        f"secreto de alta {secret.id_secreto}, desde {secret.desde:%Y-%m-%d %H:%M}Z",
        f"hasta {secret.hasta:%Y-%m-%d %H:%M}Z" if secret.hasta else "sin fin",
        f"altas: {secret.altas}" + (f" de {secret.cupo}" if secret.cupo else ""),
        f"desde {secret.redes}" if secret.redes else "desde cualquier red",
    ]
    return "; ".join(parts)


def invitation_text(settings: Settings, secret: str) -> str:
    """Tell the operator what to paste on a server; the secret is told this once."""
    return (
        "Para dar de alta un servidor, copie en él agente/ y agente.sh y pegue ahí esta línea:\n\n"
        f"  {invitation_line(settings, secret)}\n\n"
        "No se vuelve a mostrar; `init_app.py secret rotate` hace otro secreto."
    )


def invitation_line(settings: Settings, secret: str) -> str:
    """Write the line that enrols a server."""
    known_by = ca_fingerprint(settings)
    given = f"COMPLIANCE_API_HUELLA={known_by} " if known_by else ""
    given += f"COMPLIANCE_API_ALTA={secret}"
    return f"{given} ./agente.sh --enrol --url {url_of(settings)}"


def url_of(settings: Settings) -> str:
    """Give the URL at which servers find the collector."""
    host = settings.host
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.getfqdn()
    scheme = "https" if settings.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"
