"""Alerts in words, for people: mail, chats, telephones. Nothing in this module does I/O.

What agents sent is data here as everywhere: it makes no line, link, mention or markup of its own,
whatever the other side makes of text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from createDB.words import counted

SERVERS_WITH_EVIDENCE = 5
SERVERS_NAMED = 30
"""Of one policy: of the first ones the evidence is shown, then names, then how many more."""

MAX_TITLE = 160
MAX_NAME = 80
MAX_VALUE = 200
MAX_REMEDY = 500
MAX_BODY = 12_000
"""Characters; nobody reads more, and some services take no more."""

SEVERITIES = {"critica": "CRÍTICA", "alta": "ALTA", "media": "MEDIA", "baja": "BAJA"}

OVER = {
    "cumple": "",
    "no_aplica": " (la política ya no le aplica)",
    "excepcion": " (exceptuado)",
    "politica_retirada": " (la política ya no rige)",
    "servidor_retirado": " (el servidor se retiró)",
}

HARMLESS = str.maketrans("<>@[]`&*~|", "‹›＠［］ˋ＆∗∼¦")  # noqa: RUF001 - on purpose
"""What begins markup, a mention or a link somewhere -> what looks alike and begins nothing. (What
else some service makes of text, apprise escapes: it is told that this is plain text.)"""


class Said(NamedTuple):
    """A message in words."""

    title: str
    body: str
    open: bool
    """Whether it tells of anything but ends."""


def plain(text: object, most: int = MAX_VALUE) -> str:
    """Show in a line what others wrote: no markup, no link, no more than `most` characters."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: most + 1])
    line = line.translate(HARMLESS).replace("://", ": //")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def summary(groups: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]]) -> str:
    """Say in one line what a message is about.

    Args:
        groups: its groups of alerts, with how many each has.
        alerts: some of its alerts, in the order of their groups.
    """
    if len(groups) == 1:
        only = alerts[0] if groups[0]["total"] == 1 else None
        return _headline(groups[0], only)[:MAX_TITLE]
    opened, over = (
        sum(group["total"] for group in groups if group["estado"] == state)
        for state in ("abierta", "resuelta")
    )
    worst = next((g["severidad"] for g in groups if g["estado"] == "abierta"), None)
    parts = [f"{opened} {_many(opened, 'alerta', 'alertas')}"] if opened else []
    parts += [f"{over} {_many(over, 'resuelta', 'resueltas')}"] if over else []
    text = ", ".join(parts)
    first = f"; {_headline(groups[0], None, mark=False)}" if opened else ""
    return f"{_mark(worst)}{text}{first}"[:MAX_TITLE]


def say_plainly(document: Mapping[str, Any], room: int) -> Said:
    """Put a message into words that take no more than `room` characters."""
    limit = min(int(room * 0.8), MAX_BODY)
    more = f"Todas: {document['enlace'] or 'GET /alertas'}" if document["total"] else ""
    lines: list[str] = []
    size = len(more) + 8
    for line in _lines(document):
        size += len(line) + 1
        if size > limit:
            lines.append("(…)")
            break
        lines.append(line)
    body = "\n".join([*lines, more]).strip() or document["resumen"]
    is_open = any(group["estado"] == "abierta" for group in document["grupos"])
    return Said(document["resumen"], body, is_open)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for group in document["grupos"]:
        members = [alert for alert in document["alertas"] if _is_in(alert, group)]
        if len(document["grupos"]) > 1:  # else the title says it
            yield _headline(group, members[0] if group["total"] == 1 and members else None)
        shown = members[:SERVERS_NAMED]
        for place, alert in enumerate(shown):
            yield _server_line(alert)
            if place < SERVERS_WITH_EVIDENCE and alert["estado"] == "abierta":
                yield from _evidence_lines(alert)
        if group["total"] > len(shown):
            yield f"- y {group['total'] - len(shown)} más"
        if group["remedio"] and group["estado"] == "abierta":
            yield f"Remedio: {_line(group['remedio'])[:MAX_REMEDY]}"
        yield ""


def _headline(
    group: Mapping[str, Any], only: Mapping[str, Any] | None, *, mark: bool = True
) -> str:
    """Say what a group of alerts has in common; of one alert, whose it is."""
    n = group["total"]
    who = _name(only) if only else f"{n} {_many(n, 'servidor', 'servidores')}"
    many = only is None and n != 1
    title = _line(group["titulo"] or "")
    if group["estado"] == "resuelta":
        how = OVER.get(only["resolucion"] or "", "") if only else ""
        if group["tipo"] == "silencio":
            return f"Resuelto: {who} {'vuelven' if many else 'vuelve'} a reportar{how}"
        return f"Resuelto: {who}: {title}{how}"
    said = {
        "silencio": f"{who} {'dejaron' if many else 'dejó'} de reportar",
        "servidor_nuevo": f"{who}: {'servidores nuevos' if many else 'servidor nuevo'}",
        "clon": f"{who}: dos máquinas con una misma identidad, o un disco copiado",
        "regreso": f"{who}: {'estaban retirados y vuelven' if many else 'estaba retirado y vuelve'}"
        " a reportar",
    }.get(group["tipo"], f"{who} no {'cumplen' if many else 'cumple'}: {title}")
    return f"{_mark(group['severidad']) if mark else ''}{said}"


def _server_line(alert: Mapping[str, Any]) -> str:
    since = _minute(alert["desde"])
    if alert["estado"] == "resuelta":
        how = OVER.get(alert["resolucion"] or "", "")
        return f"- {_name(alert)}, de {since} a {_minute(alert['resuelta'])} UTC{how}"
    address = f" ({plain(alert['ipaddress'])})" if alert["ipaddress"] else ""
    link = f" {alert['enlace']}" if alert["enlace"] else ""
    return f"- {_name(alert)}{address}, desde {since} UTC{link}"


def _evidence_lines(alert: Mapping[str, Any]) -> Iterator[str]:
    for row in alert["evidencia"]:
        cells = row.items() if isinstance(row, dict) else [("", row)]
        yield "    " + ", ".join(f"{plain(name)} {_value(value)}" for name, value in cells)
    if alert["evidencia_omitida"]:
        yield f"    y {counted(alert['evidencia_omitida'], 'fila', 'filas')} más"


def _value(value: object) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _name(alert: Mapping[str, Any]) -> str:
    return plain(alert["hostname"] or alert["ipaddress"] or alert["id_agente"], MAX_NAME)


def _line(text: str) -> str:
    """Put what an operator wrote into one line."""
    return " ".join(text.split())


def _is_in(alert: Mapping[str, Any], group: Mapping[str, Any]) -> bool:
    return all(alert[key] == group[key] for key in ("estado", "tipo", "severidad", "politica"))


def _mark(severity: str | None) -> str:
    return f"{SEVERITIES[severity]}: " if severity else ""


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _many(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
