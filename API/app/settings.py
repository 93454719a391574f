"""Settings of the collector: read once, at start, and typed; tests build them directly.

Each setting is a row of `SETTINGS`: the option, the environment variable and the key of config.ini
all come from it, and so does its line in `--help`. An option goes before the environment, that
before the file, that before the default.
"""

import argparse
import configparser
import grp
import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import URL

from API.app.report import MAX_NAME
from API.app.version import VERSION
from createDB.engine import DEFAULT_DATABASE, ROOT, database_url, name_of, without_password
from createDB.errors import DatabaseUnusableError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DEFAULT_CONFIG = ROOT / "API" / "config.ini"


class SettingsError(Exception):
    """A setting is wrong; the message is one line that says which, where and why."""


class Origin(NamedTuple):
    """Where the value of a setting is from."""

    kind: str
    """`opcion`, `entorno`, `archivo` or `omision`, in the order in which they count."""
    where: str
    """The option, the variable, or the file and its key."""
    text: str
    """What stands there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the collector runs with; one field for each row of `SETTINGS`, in its order."""

    host: str
    port: int
    networks_without_token: tuple[Network, ...]
    proxies: tuple[Network, ...]
    tls_self_signed: bool
    tls_names: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    database: URL
    storage: Path
    group: int | None
    max_body: int
    processes_of_report: int
    sessions_of_report: int
    nesting: int
    text: int
    queue: int
    pending: int
    threads: int
    processes: int
    min_free: int
    connections: int
    connections_of_one: int
    downloads: int
    header_seconds: int
    body_seconds: int
    bodies: int
    bodies_of_one: int
    bodies_memory: int
    requests_by_address: int
    requests_by_agent: int
    enrolments: int
    keep_reports: int
    keep_periods: int
    keep_log: int
    policies: Path | None
    alerts: Path | None
    origins: Mapping[str, Origin]
    """Of each setting, by its field."""

    @property
    def tls(self) -> bool:
        """Whether it serves HTTPS."""
        return self.tls_self_signed or self.tls_cert is not None

    def shown(self, field: str) -> str:
        """Write a setting as it stands in its place, without a password."""
        value = getattr(self, field)
        return name_of(value) if isinstance(value, URL) else self.origins[field].text

    @property
    def open_to_networks(self) -> bool:
        """Whether networks beyond this machine were named that report without a token."""
        return any(not network.is_loopback for network in self.networks_without_token)


class Setting(NamedTuple):
    """Where one setting may stand, and what it means."""

    field: str
    section: str
    key: str
    option: str
    parse: Callable[[str], Any]
    default: str
    help: str
    alone: str | None = None
    """What the option means without a value; None where it needs one."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"COMPLIANCE_{self.section}_{self.key}".upper()


def _whole(low: int, high: int, unit: int = 1) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError("no es un número entero") from None
        if not low <= number <= high:
            raise ValueError(f"no está entre {low} y {high}")
        return number * unit

    return parse


WIDEST_PREFIX = 7
"""fc00::/7, all private addresses of IPv6, is the widest network that anybody has for himself."""


def _networks(text: str) -> tuple[Network, ...]:
    networks = tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())
    for network in networks:
        if network.prefixlen < WIDEST_PREFIX:
            raise ValueError(f"{network} es medio mundo; nombre las redes de sus servidores")
    return networks


def _address(text: str) -> str:
    if not text:
        raise ValueError("falta la dirección")
    return "127.0.0.1" if text == "localhost" else str(ipaddress.ip_address(text))


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _group(text: str) -> int | None:
    if not text:
        return None
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ValueError("no hay tal grupo en este equipo") from None


def _file(text: str) -> Path | None:
    """Give the path as it is: where it is a link, what it leads to changes with a renewal."""
    return Path(text).expanduser().absolute() if text else None


def _yes_or_no(text: str) -> bool:
    if text not in ("si", "sí", "no"):
        raise ValueError("no es ni si ni no")
    return text != "no"


HOST_NAME = re.compile(r"(\*\.)?[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.replace(",", " ").split())
    for name in names:
        if ":" in name:
            ipaddress.ip_address(name)
        elif not HOST_NAME.fullmatch(name):
            raise ValueError(f"{name} no es un nombre ni una dirección")
    return names


def _folder_or_none(text: str) -> Path | None:
    return _folder(text) if text else None


MIB = 1 << 20

MAX_DAYS = 36_500

SETTINGS = (
    Setting("host", "colector", "host", "--host", _address, "127.0.0.1",
            "dirección en la que escucha"),
    Setting("port", "colector", "puerto", "--port", _whole(1, 65_535), "8080",
            "puerto en el que escucha"),
    Setting("networks_without_token", "colector", "redes_sin_token", "--redes-sin-token",
            _networks, "127.0.0.0/8, ::1/128",
            "redes cuyos agentes entregan reportes sin token; los demás necesitan el suyo"),
    Setting("proxies", "colector", "proxies", "--behind-proxy", _networks, "",
            "redes de los proxies que están delante y dicen a quién atienden (X-Forwarded-For); "
            "sin valor, los de este equipo", alone="127.0.0.0/8, ::1/128"),
    Setting("tls_self_signed", "tls", "propio", "--tls-self-signed", _yes_or_no, "no",
            "si o no: sirve HTTPS con un certificado que él mismo hace y renueva; sin valor, si",
            alone="si"),
    Setting("tls_names", "tls", "nombres", "--tls-names", _names, "",
            "nombres y direcciones que lleva ese certificado además de los de este equipo"),
    Setting("tls_cert", "tls", "certificado", "--tls-cert", _file, "",
            "certificado con que sirve HTTPS, con los intermedios, en PEM"),
    Setting("tls_key", "tls", "clave", "--tls-key", _file, "",
            "su clave, en PEM, sin contraseña"),
    Setting("database", "database", "url", "--database", database_url,
            str(DEFAULT_DATABASE),
            "la base de datos: un archivo SQLite, sqlite:///ARCHIVO o "
            "postgresql://USUARIO@EQUIPO/BASE"),
    Setting("storage", "storage", "carpeta", "--storage", _folder,
            str(ROOT / "API" / "storage"),
            "carpeta del colector; la bitácora JSON está en su carpeta text/"),
    Setting("group", "storage", "grupo", "--grupo", _group, "",
            "grupo de quienes pueden leer la base y la bitácora en este equipo"),
    Setting("max_body", "limites", "cuerpo_mib", "--cuerpo-mib", _whole(1, 256, MIB), "8",
            "MiB que un reporte puede ocupar, antes y después de descomprimirlo"),
    Setting("processes_of_report", "limites", "procesos_reporte", "--procesos-reporte",
            _whole(1, 1_000_000), "10000", "procesos de un reporte"),
    Setting("sessions_of_report", "limites", "sesiones_reporte", "--sesiones-reporte",
            _whole(1, 1_000_000), "10000", "sesiones de usuarios de un reporte"),
    Setting("nesting", "limites", "anidamiento", "--anidamiento", _whole(3, 500), "32",
            "niveles de objetos y listas, unos dentro de otros, de un reporte"),
    Setting("text", "limites", "texto", "--texto", _whole(MAX_NAME, 1 << 28), "65536",
            f"caracteres de un texto en campos desconocidos; en los demás, siempre {MAX_NAME}"),
    Setting("queue", "limites", "cola", "--cola", _whole(1, 100_000), "512",
            "reportes que pueden esperar a ser guardados; los demás reciben 503"),
    Setting("pending", "limites", "pendientes", "--pendientes", _whole(0, 10_000_000), "100000",
            "reportes que se aceptan (202) en la bitácora mientras la base de datos no está; "
            "los demás reciben 503"),
    Setting("threads", "limites", "hilos", "--hilos", _whole(1, 1_024), "64",
            "peticiones que cada proceso atiende a la vez"),
    Setting("processes", "limites", "procesos", "--procesos", _whole(1, 64), "1",
            "procesos que atienden peticiones; otro más escribe"),
    Setting("min_free", "limites", "libre_mib", "--libre-mib", _whole(0, 1 << 30, MIB), "64",
            "MiB libres en disco por debajo de los cuales /readyz dice que no está listo"),
    Setting("connections", "limites", "conexiones", "--conexiones", _whole(16, 65_536), "1024",
            "conexiones abiertas a la vez, por proceso; las demás esperan"),
    Setting("connections_of_one", "limites", "conexiones_por_direccion",
            "--conexiones-por-direccion", _whole(1, 65_536), "256",
            "de ellas, las de una misma dirección que no sea un proxy; las demás se cierran"),
    Setting("downloads", "limites", "descargas", "--descargas", _whole(1, 1_024), "16",
            "descargas que cada proceso envía a la vez, una cuarta parte a una misma dirección"),
    Setting("header_seconds", "limites", "plazo_cabeceras", "--plazo-cabeceras", _whole(1, 600),
            "10", "segundos para las cabeceras de una petición, entre dos peticiones, y para leer "
            "un pedazo de una descarga"),
    Setting("body_seconds", "limites", "plazo_cuerpo", "--plazo-cuerpo", _whole(1, 3_600), "60",
            "segundos para el cuerpo entero de una petición"),
    Setting("bodies", "limites", "cuerpos", "--cuerpos", _whole(1, 65_536), "512",
            "cuerpos que llegan a la vez, por proceso; si hay más, se corta el más antiguo"),
    Setting("bodies_of_one", "limites", "cuerpos_por_origen", "--cuerpos-por-origen",
            _whole(1, 65_536), "128", "de ellos, los de una misma dirección o un mismo agente"),
    Setting("bodies_memory", "limites", "memoria_cuerpos_mib", "--memoria-cuerpos-mib",
            _whole(1, 1 << 20, MIB), "256", "MiB que ocupan entre todos, por proceso"),
    Setting("requests_by_address", "limites", "peticiones_por_direccion",
            "--peticiones-por-direccion", _whole(1, 10_000_000), "6000",
            "peticiones por minuto de una dirección, por proceso; este equipo no tiene límite"),
    Setting("requests_by_agent", "limites", "peticiones_por_agente", "--peticiones-por-agente",
            _whole(1, 10_000_000), "600",
            "reportes por minuto de un agente, por proceso; este equipo no tiene límite"),
    Setting("enrolments", "limites", "altas_minuto", "--altas-minuto", _whole(1, 100_000), "60",
            "servidores que se dan de alta en un minuto, como mucho"),
    Setting("keep_reports", "retencion", "dias", "--dias", _whole(0, MAX_DAYS), "0",
            "días que se guardan los reportes en la base; 0 es siempre"),
    Setting("keep_periods", "retencion", "dias_periodos", "--dias-periodos", _whole(0, MAX_DAYS),
            "0", "días que se guardan los períodos que terminaron, no menos que los reportes; "
            "0 es siempre"),
    Setting("keep_log", "retencion", "dias_bitacora", "--dias-bitacora", _whole(0, MAX_DAYS), "0",
            "días que se guardan los archivos de la bitácora JSON; 0 es siempre"),
    Setting("policies", "politicas", "carpeta", "--politicas", _folder_or_none, "",
            "carpeta de políticas propias, además de las de API/politicas; la propia va antes"),
    Setting("alerts", "alertas", "archivo", "--alertas", _file, "",
            "archivo YAML de los canales y reglas de las alertas"),
)  # fmt: skip

PATHS = {
    ("database", "url"),
    ("storage", "carpeta"),
    ("politicas", "carpeta"),
    ("alertas", "archivo"),
}
"""In a file these are absolute: it is read by programs that are started from anywhere."""


def load_settings(
    arguments: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    *,
    program: str = "init_app.py",
    description: str = "El colector: recibe los reportes de los agentes y los guarda.",
    epilog: str = "",
) -> Settings:
    """Read the settings for one run.

    Raises:
        SettingsError: one of them is wrong.
        SystemExit: `--help` was asked for, or an option is not known.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    add_options(parser)
    options = vars(parser.parse_args(arguments))
    config = options.pop("config")
    return settings_from(options, environment, Path(config or DEFAULT_CONFIG), bool(config))


def add_options(parser: argparse.ArgumentParser, rows: Sequence[Setting] = SETTINGS) -> None:
    """Add an option for each of `rows`; its help names its other two places."""
    parser.add_argument("--config", metavar="ARCHIVO", help=f"por omisión, {DEFAULT_CONFIG}")
    for row in rows:
        parser.add_argument(
            row.option,
            dest=row.field,
            metavar="VALOR",
            nargs=None if row.alone is None else "?",
            const=row.alone,
            help=f"{row.help} (por omisión: {row.default or 'ninguno'}; en config.ini: "
            f"[{row.section}] {row.key}; en el entorno: {row.variable})".replace("%", "%%"),
        )


def require_text(given: str) -> None:
    """Refuse bytes that are not UTF-8, which Python hands over as lone surrogates (PEP 383).

    Raises:
        SettingsError: there are some.
    """
    try:
        given.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(given).decode(errors="backslashreplace")
        raise SettingsError(f"'{without_password(shown)}' no es texto en UTF-8") from None


def settings_from(
    options: Mapping[str, str | None],
    environment: Mapping[str, str],
    config: Path,
    config_required: bool = False,
) -> Settings:
    """Put the settings together from all their places.

    Raises:
        SettingsError: a value, the file or a key in it is wrong.
    """
    file = _read_config(config, config_required)
    values: dict[str, Any] = {}
    origins = {}
    for row in SETTINGS:
        places = (
            ("opcion", row.option, options.get(row.field)),
            ("entorno", row.variable, environment.get(row.variable)),
            ("archivo", f"{config}: [{row.section}] {row.key}", file.get((row.section, row.key))),
            ("omision", row.option, row.default),
        )
        origin = next(Origin(*place[:2], place[2]) for place in places if place[2] is not None)
        require_text(origin.text)
        try:
            values[row.field] = row.parse(origin.text.strip())
        except (ValueError, DatabaseUnusableError) as error:
            said = without_password(origin.text)
            raise SettingsError(f"{origin.where} = '{said}': {error}") from None
        origins[row.field] = origin
    return _consistent(Settings(**values, origins=origins))


def _read_config(path: Path, required: bool) -> dict[tuple[str, str], str]:
    """Give the file's values by section and key; a key that nobody reads is an error."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8-sig") as file:
            parser.read_file(file)
    except FileNotFoundError:
        if required:
            raise SettingsError(f"{path}: no existe") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: no se puede leer: {error}") from None
    except configparser.Error as error:
        raise SettingsError(f"{path}: {_wrong_line(error)}") from None
    known = {(row.section, row.key) for row in SETTINGS}
    values = {(name, key): text for name in parser.sections() for key, text in parser[name].items()}
    for (section, key), text in values.items():
        if (section, key) not in known:
            raise SettingsError(f"{path}: [{section}] {key}: no existe tal ajuste")
        if text and (section, key) in PATHS and "://" not in text and not Path(text).is_absolute():
            raise SettingsError(f"{path}: [{section}] {key} = '{text}': no es una ruta absoluta")
    return values


def _wrong_line(error: configparser.Error) -> str:
    """Say which line is wrong, and never what stands there: it may be a URL with a password."""
    if isinstance(error, configparser.DuplicateOptionError):
        return f"línea {error.lineno}: {error.option} ya está en [{error.section}]"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"línea {error.lineno}: [{error.section}] ya está"
    number = getattr(error, "lineno", None) or getattr(error, "errors", [(0, "")])[0][0]
    return f"línea {number}: no es «clave = valor» bajo una [sección]"


def _consistent(settings: Settings) -> Settings:
    """Refuse settings that are right one by one, but not together."""
    _require_one_certificate(settings)
    _require_reachable(settings)
    _require_lasting_periods(settings)
    return settings


def _require_reachable(settings: Settings) -> None:
    """Refuse to listen beyond loopback in clear, unless for networks that were named by hand."""
    beyond = not ipaddress.ip_address(settings.host).is_loopback
    if beyond and not (settings.tls or settings.proxies or settings.open_to_networks):
        raise SettingsError(
            f"no escucho en {settings.host} sin TLS: use --tls-self-signed, o --tls-cert y "
            "--tls-key; si hay un proxy delante, --behind-proxy RED; o nombre en redes_sin_token "
            "([colector] en config.ini, o --redes-sin-token 10.0.0.0/8) las redes de las que "
            "acepto reportes sin cifrar y sin token; o escuche en 127.0.0.1"
        )


def _require_one_certificate(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("--tls-cert y --tls-key van juntas: falta una de las dos")
    if settings.tls_cert and settings.tls_self_signed:
        raise SettingsError("--tls-self-signed y --tls-cert se excluyen: elija un certificado")


def _require_lasting_periods(settings: Settings) -> None:
    """Refuse to keep the periods for less long than the reports, which are shown through them."""
    reports, periods = settings.keep_reports, settings.keep_periods
    if periods and (reports == 0 or periods < reports):
        kept = f"{reports} días" if reports else "siempre"
        raise SettingsError(
            f"dias_periodos = {periods} es menos que lo que se guardan los reportes ({kept}, "
            "[retencion] dias): los períodos deben durar al menos lo mismo"
        )
