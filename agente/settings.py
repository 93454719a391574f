"""The agent's settings: options, then environment, then config.ini, then what is written here.

Each is declared once, in SETTINGS; --help, the loader and the documentation's test go by it.
"""

import argparse
import configparser
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from report import VERSION

# Of the agent in one file, which shiv unpacks elsewhere, it is the folder of that file.
HERE = Path(sys.argv[0] if "_bootstrap" in sys.modules else __file__).resolve().parent
LONGEST_INTERVAL = 31_536_000  # a year, as the contract has it


class SettingsError(Exception):
    """A setting is wrong: one line that names where it stands and why."""


def number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], Any]:
    """Return a reader of numbers from least to most."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            whole = "entero " if kind is int else ""
            raise ValueError(f"tiene que ser un número {whole}de {least:g} a {most:.15g}")
        return value

    return read


def url(text: str) -> str:
    """Return a collector's URL without a trailing slash. Raises ValueError."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"no es una URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("tiene que empezar por http:// o https:// y nombrar un servidor")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("no admite usuario, '?' ni '#'; el secreto va en alta")
    if any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError("tiene espacios o caracteres de control")
    return text.rstrip("/")


def host(text: str) -> str:
    """Return an address or a name, an IPv6 address without brackets. Raises ValueError."""
    bare = text.removeprefix("[").removesuffix("]")
    url(f"http://[{bare}]" if ":" in bare else f"http://{bare}")
    if "/" in bare or (":" in bare and bare.count(":") < 2):
        raise ValueError("tiene que ser una dirección o un nombre, sin puerto ni ruta")
    return bare


def fingerprint(text: str) -> str:
    """Return a SHA-256 in hexadecimal, with or without colons, as 64 small digits."""
    found = text.replace(":", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise ValueError("tiene que ser un SHA-256: 64 cifras hexadecimales")
    return found


def listed(read: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of what one reads, once or several times, with commas or spaces between."""

    def read_all(text: str) -> tuple[str, ...]:
        items = text.replace(",", " ").split()
        if len(items) < 2:
            return (read("".join(items)),)
        return tuple(map(read_one, items))

    def read_one(item: str) -> str:
        try:
            return read(item)
        except ValueError as error:
            raise ValueError(f"{item!r} {error}" if "@" not in item else str(error)) from error

    return read_all


def path(text: str) -> Path:
    """Return a path that the system takes. Raises ValueError."""
    if b"\0" in os.fsencode(text):
        raise ValueError("tiene un carácter nulo")
    return Path(text)


def secret(text: str) -> str:
    """Return a secret that can stand in a header. Raises ValueError."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("tiene espacios o caracteres que no pueden ir en una cabecera")
    return text


class Setting(NamedTuple):
    """One setting: where it stands, how it is read, what it is unless given."""

    section: str
    key: str
    option: str  # "" where a command line is no place for it
    read: Callable[[str], Any]  # raises ValueError with the reason
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it."""
        return f"COMPLIANCE_{self.section}_{self.key}".upper()


SETTINGS = (
    Setting("api", "ip", "", host, "127.0.0.1", "dirección o nombre del colector"),
    Setting("api", "puerto", "", number(int, 1, 65535), 8080, "puerto del colector"),
    Setting("api", "url", "--url", listed(url), "",
            "URL del colector, o de varios, con comas; manda sobre ip y puerto"),
    Setting("api", "alta", "", secret, "", "secreto con que este agente se da de alta"),
    Setting("api", "ca", "--ca", path, None, "certificados con que se comprueba el del colector"),
    Setting("api", "huella", "--huella", listed(fingerprint), "",
            "SHA-256 de la autoridad del colector, que se le pide una vez y se guarda en estado; "
            "de varios, una para todos o la de cada uno, en su orden"),
    Setting("agente", "intervalo", "--interval", number(float, 0.05, LONGEST_INTERVAL), None,
            "segundos entre reportes; vacío: un solo reporte"),
    Setting("agente", "estado", "--state", path, HERE / "estado",
            "carpeta de la identidad y de lo que se recuerda"),
    Setting("agente", "spool", "--spool", path, None,
            "carpeta de los reportes que esperan; vacío: spool, dentro de estado"),
    Setting("agente", "spool_mib", "--spool-mib", number(int, 1, 1 << 20), 64,
            "MiB que pueden ocupar; después se van los más viejos"),
    Setting("agente", "plazo", "--timeout", number(float, 0.1, 3600), 60,
            "segundos que puede tardar un envío entero"),
    Setting("agente", "nice", "--nice", number(int, 0, 19), 10, "prioridad, de 0 a 19"),
    Setting("agente", "memoria_mib", "--memory-mib", number(int, 48, 1 << 20), 256,
            "MiB de memoria que puede tomar"),
    Setting("agente", "cpu_porcentaje", "--cpu-percent", number(float, 0.1, 100), 10,
            "parte de un procesador que puede tomar"),
)  # fmt: skip


class Collector(NamedTuple):
    """A collector: where it is, and the SHA-256 of its authority where the operator named one."""

    url: str
    huella: str = ""


class Settings(NamedTuple):
    """The settings in force, typed; and what to do: "once", "endless" or the option's name."""

    mode: str
    config: Path
    collectors: tuple[Collector, ...]
    alta: str
    ca: Path | None
    intervalo: float | None
    estado: Path
    spool: Path
    spool_mib: int
    plazo: float
    nice: int
    memoria_mib: int
    cpu_porcentaje: float


def describe(setting: Setting) -> str:
    """Return a setting's line of --help: what it is, its default, its other two places."""
    default = "ninguno" if setting.default in {None, ""} else setting.default
    return (
        f"{setting.help} (por omisión: {default}; config.ini: [{setting.section}] "
        f"{setting.key}; entorno: {setting.variable})"
    ).replace("%", "%%")


EPILOG = """\
sin opción, solo en config.ini o en el entorno:
{rest}

termina con:
  0  entregado (o, con --check, todo bien; sin fin: parado con SIGTERM o SIGINT)
  1  ahora no se pudo entregar y espera en el spool (o, con --check, algo falla;
     con --enrol, ahora no se pudo dar de alta)
  2  opciones o config.ini mal escritos, o carpetas que no se pueden usar
  3  otro agente usa este spool
  4  el colector dice que el reporte está mal: está en rechazados/
  5  ni entregado ni guardado (por ejemplo, disco lleno y colector caído)
"""


def described_version() -> str:
    """Return what this is: its version, and what it runs on."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"compliance-agente {VERSION}, Python {python}, {os.uname().machine}"


def parser() -> argparse.ArgumentParser:
    """Return the command line, made from SETTINGS."""
    rest = "\n".join(f"  {describe(s)}" for s in SETTINGS if not s.option)
    made = argparse.ArgumentParser(
        prog="agente.py",
        description="Reúne lo que este servidor es y ejecuta, y lo entrega al colector.",
        epilog=EPILOG.format(rest=rest).replace("%%", "%"),
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=96),
        allow_abbrev=False,
    )
    made.add_argument(
        "--config", metavar="ARCHIVO", help=f"(por omisión: {HERE / 'config.ini'}, si existe)"
    )
    made.add_argument("--version", action="version", version=described_version())
    mode = made.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="un solo reporte, aunque haya intervalo")
    mode.add_argument("--print", action="store_true", help="muestra el reporte; no envía nada")
    mode.add_argument("--check", action="store_true", help="dice, paso a paso, qué falla")
    mode.add_argument("--enrol", action="store_true",
                      help="da de alta a este agente, con el secreto de [api] alta o, si no está, "
                      "de la entrada estándar")  # fmt: skip
    for setting in SETTINGS:
        if setting.option == "--interval":
            mode.add_argument(setting.option, metavar="S", help=describe(setting))
        elif setting.option:
            made.add_argument(
                setting.option, dest=setting.key, metavar="VALOR", help=describe(setting)
            )
    return made


def read_config(file: Path, *, required: bool) -> dict[tuple[str, str], str]:
    """Return the values of a config.ini by section and key. Raises SettingsError."""
    config = configparser.ConfigParser(interpolation=None)
    try:
        with file.open(encoding="utf-8-sig") as lines:
            config.read_file(lines)
    except FileNotFoundError as error:
        if required:
            raise SettingsError(f"{file}: no existe") from error
        return {}
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except configparser.Error as error:
        raise SettingsError(f"{file}: {wrong_line(error)}") from None
    except UnicodeError as error:
        raise SettingsError(f"{file}: {error}") from error
    values = {(s, k): v for s in (*config, "DEFAULT") for k, v in config[s].items()}
    refuse_unknown(file, values, config.sections())
    return values


def wrong_line(error: configparser.Error) -> str:
    """Return which line of a file is wrong, and never what stands there: it may be the secret."""
    if isinstance(error, configparser.DuplicateOptionError):
        return f"línea {error.lineno}: {error.option} ya está en [{error.section}]"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"línea {error.lineno}: [{error.section}] ya está"
    number = getattr(error, "lineno", None) or getattr(error, "errors", [(0, "")])[0][0]
    return f"línea {number}: no es «clave = valor» bajo una [sección]"


def refuse_unknown(
    file: Path, values: Mapping[tuple[str, str], str], sections: Sequence[str]
) -> None:
    """Raise SettingsError at a section or key that nothing reads: it is a typing mistake."""
    known = {(s.section, s.key) for s in SETTINGS}
    for section in sections:
        if section not in {name for name, _ in known}:
            raise SettingsError(f"{file}: no conozco la sección [{section}]")
    for section, key in values:
        if (section, key) not in known:
            raise SettingsError(f"{file}: no conozco la clave {key} en [{section}]")


def pick(
    setting: Setting,
    options: Mapping[str, str | None],
    environment: Mapping[str, str],
    config: Mapping[tuple[str, str], str],
    file: Path,
) -> Any:
    """Return a setting's value from the first place that gives one. Raises SettingsError."""
    name = "interval" if setting.option == "--interval" else setting.key
    places = (
        (f"{setting.option}", options.get(name), Path()),
        (setting.variable, environment.get(setting.variable), Path()),
        (f"{file}: [{setting.section}] {setting.key}", config.get((setting.section, setting.key)),
         file.parent),
    )  # fmt: skip
    for place, text, base in places:
        if text is None or not text.strip():
            continue
        try:
            value = setting.read(text.strip())
        except ValueError as error:
            private = setting.key == "alta" or "@" in text  # a secret, or a URL with a password
            shown = "" if private else f" = {text.strip()!r}"
            raise SettingsError(f"{place}{shown}: {error}") from error
        return (base / value).absolute() if isinstance(value, Path) else value
    return setting.default


def base_url(ip: str, port: int) -> str:
    """Return the URL of a collector that is given by address and port."""
    return f"http://[{ip}]:{port}" if ":" in ip else f"http://{ip}:{port}"


DEFAULT_URL = base_url("127.0.0.1", 8080)
ENROLLED_AT = "colector.json"


def pair(urls: Sequence[str], prints: Sequence[str]) -> tuple[Collector, ...]:
    """Return collectors with their fingerprints: none, one for all, or one for each.

    Raises SettingsError.
    """
    if len(set(urls)) < len(urls):
        raise SettingsError("[api] url nombra dos veces el mismo colector")
    if len(prints) not in {0, 1, len(urls)}:
        raise SettingsError(
            f"[api] huella tiene {len(prints)} y url {len(urls)}: "
            "va una para todos, o la de cada uno, en su orden"
        )
    each = prints if len(prints) == len(urls) else [*prints, ""][:1] * len(urls)
    return tuple(map(Collector, urls, each))


def enrolled_at(state: Path) -> tuple[Collector, ...]:
    """Return the collectors of which ``--enrol`` enrolled this agent at one; none for none.

    They stand in for the default: who enrols by a line that names them need not write it again.
    """
    try:
        kept = json.loads((state / ENROLLED_AT).read_bytes())
        prints = kept.get("huella")
        return pair(listed(url)(kept["url"]), listed(fingerprint)(prints) if prints else ())
    except (OSError, ValueError, TypeError, AttributeError, LookupError, SettingsError):
        return ()


def written(collectors: Sequence[Collector]) -> str:
    """Return collectors as ``enrolled_at`` reads them."""
    prints = ", ".join(c.huella for c in collectors if c.huella)
    return json.dumps({"url": ", ".join(c.url for c in collectors), "huella": prints})


def name_collectors(values: dict[str, Any]) -> tuple[Collector, ...]:
    """Take what names the collectors out of the values, and return them. Raises SettingsError."""
    by_address = base_url(values.pop("ip"), values.pop("puerto"))
    urls, prints = values.pop("url"), values.pop("huella")
    remembered = enrolled_at(values["estado"])
    at = tuple(collector.url for collector in remembered)
    if by_address == DEFAULT_URL:
        urls = urls or at
    if remembered and urls == at and not prints:
        return remembered
    return pair(urls or (by_address,), prints)


def require_hidden(file: Path) -> None:
    """Raise SettingsError where others may read the secret in a config.ini."""
    if file.stat().st_mode & 0o077:
        raise SettingsError(f"{file}: [api] alta es un secreto, y otros pueden leerlo (chmod 600)")


def load(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in force. Raises SettingsError; ends with 2 at a wrong option."""
    options = vars(parser().parse_args(arguments))
    file = Path(options["config"] or HERE / "config.ini")
    config = read_config(file, required=options["config"] is not None)
    if config.get(("api", "alta"), "").strip():
        require_hidden(file)
    values = {s.key: pick(s, options, environment, config, file) for s in SETTINGS}
    values["collectors"] = name_collectors(values)
    values["spool"] = values["spool"] or values["estado"] / "spool"
    if options["once"]:
        values["intervalo"] = None
    chosen = next((mode for mode in ("print", "check", "enrol") if options[mode]), None)
    mode = chosen or ("once" if values["intervalo"] is None else "endless")
    return Settings(mode=mode, config=file, **values)
