"""The operating system: kernel, distribution, boot."""

import os
from pathlib import Path

from collectors.context import CannotTellError, Context
from report import clean_text, to_the_second

OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
ESCAPED = frozenset('$"\\`')


def parse_os_release(text: str) -> dict[str, str]:
    """Return the variables of an os-release file: shell assignments, quoted or not.

    os-release(5): values with anything but letters and digits are in single or double quotes,
    with a backslash before $, quotes, backslash and backquote. Nothing is expanded.
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            values[name] = unquote(value.strip())
    return values


def unquote(value: str) -> str:
    """Return a shell value without its quotes and the backslashes that protect characters."""
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    out, escaped = [], False
    for c in value:
        if c == "\\" and not escaped:
            escaped = True
            continue
        if escaped and c not in ESCAPED:
            out.append("\\")
        out.append(c)
        escaped = False
    return "".join(out)


def gather_kernel(_: Context) -> dict[str, str]:
    """Return what uname(2) tells, as platform.system() and platform.version() would."""
    name = os.uname()
    return {
        "nombre_so": clean_text(name.sysname),
        "version_so": clean_text(name.version),
        "hostname": clean_text(name.nodename),
        "nucleo": clean_text(name.release),
    }


def gather_distribution(
    _: Context | None, files: tuple[Path, ...] = OS_RELEASE
) -> dict[str, str | None]:
    """Return ID and VERSION_ID of os-release; rolling distributions have no VERSION_ID."""
    for file in files:
        try:
            values = parse_os_release(file.read_bytes().decode("utf-8", "backslashreplace"))
        except OSError:
            continue
        version = values.get("VERSION_ID")
        return {
            "distribucion": clean_text(values.get("ID") or "linux"),
            "version_distribucion": None if version is None else clean_text(version),
        }
    raise CannotTellError("no hay os-release que leer")


def gather_boot_id(context: Context) -> dict[str, str]:
    """Return the kernel's id of this boot."""
    if not context.boot.boot_id:
        raise CannotTellError("el núcleo no da un boot_id")
    return {"id_arranque": clean_text(context.boot.boot_id)}


def gather_boot_time(context: Context) -> dict[str, str]:
    """Return when this machine booted."""
    return {"arranque": to_the_second(context.boot.boot_time())}
