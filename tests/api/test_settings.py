"""Settings come from options, environment and file, in this order; wrong ones stop the start."""

import ipaddress
import os
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from API.app.settings import SETTINGS, Settings, SettingsError, load_settings
from tests import nursery
from tests.conftest import DEADLINE_S, ROOT, CollectorProcess, NewCollector


def load(*options: str, **environment: str) -> Settings:
    return load_settings(options, environment)


def test_defaults_let_nobody_in_from_elsewhere() -> None:
    settings = load()
    assert settings.host == "127.0.0.1"
    assert settings.port == 8080
    assert all(network.is_loopback for network in settings.networks_without_token)
    assert settings.storage == ROOT / "API" / "storage"


def test_each_setting_has_one_row() -> None:
    named = [*(row.field for row in SETTINGS), "origins"]
    assert named == [field.name for field in fields(Settings)]
    for column in ("option", "variable"):
        assert len({getattr(row, column) for row in SETTINGS}) == len(SETTINGS)


def test_option_goes_before_environment_before_file(tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text("[colector]\npuerto = 1111\nhost = ::1\n[limites]\ncola = 7\n")
    settings = load("--config", str(config), "--port", "3333", COMPLIANCE_COLECTOR_PUERTO="2222",
                    COMPLIANCE_LIMITES_COLA="9")  # fmt: skip
    assert (settings.port, settings.queue, settings.host) == (3333, 9, "::1")
    origins = {name: settings.origins[name][:2] for name in ("port", "queue", "host", "threads")}
    assert origins == {
        "port": ("opcion", "--port"),
        "queue": ("entorno", "COMPLIANCE_LIMITES_COLA"),
        "host": ("archivo", f"{config}: [colector] host"),
        "threads": ("omision", "--hilos"),
    }


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://colector:clave-secreta@db.example.net/servidores",
        "postgresql://colector@db.example.net/servidores?password=clave-secreta",
    ],
)
def test_password_of_a_database_is_not_shown(url: str) -> None:
    settings = load()
    database = make_url(url)
    assert "clave-secreta" not in replace(settings, database=database).shown("database")


def test_networks_are_read() -> None:
    settings = load("--host", "0.0.0.0", "--redes-sin-token", "10.0.0.0/8, 2001:db8::/32")
    assert settings.networks_without_token == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::/32"),
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "x"], ["--port", "'x'", "entero"]),
        (["--port", "70000"], ["--port", "65535"]),
        (["--host", "mi-servidor"], ["--host", "mi-servidor"]),
        (["--redes-sin-token", "10.0.0.1/8"], ["--redes-sin-token", "host bits"]),
        (["--redes-sin-token", "0.0.0.0/0"], ["--redes-sin-token", "medio mundo"]),
        (["--database", "mysql://a/b"], ["--database", "sqlite"]),
        (["--host", "0.0.0.0"], ["0.0.0.0", "redes_sin_token"]),
        (["--host", "::"], ["::", "redes_sin_token"]),
        (["--config", "/no/existe.ini"], ["/no/existe.ini"]),
    ],
)
def test_wrong_option_is_named(options: list[str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(*options)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert len(message.splitlines()) == 1


def test_wrong_environment_is_named() -> None:
    with pytest.raises(SettingsError, match="COMPLIANCE_LIMITES_HILOS = 'muchos'"):
        load(COMPLIANCE_LIMITES_HILOS="muchos")


@pytest.mark.parametrize("given", [b"caf\xe9", b"postgresql://ana:secreta@host/caf\xe9"])
def test_bytes_that_are_no_text_are_refused(given: bytes) -> None:
    wrong = os.fsdecode(given)
    said = r"^'(postgresql://ana:\*\*\*@host/)?caf\\xe9' no es texto en UTF-8$"
    with pytest.raises(SettingsError, match=said):
        load("--database", wrong)
    with pytest.raises(SettingsError, match=said):
        load(COMPLIANCE_STORAGE_CARPETA=wrong)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[colector]\npuerto = ochenta\n", "[colector] puerto = 'ochenta'"),
        ("[colector]\npuetro = 80\n", "[colector] puetro: no existe"),
        ("[otra]\na = 1\n", "[otra] a: no existe"),
        ("puerto = 80\n", "línea 1: no es «clave = valor»"),
        ("[storage]\ncarpeta = datos\n", "[storage] carpeta = 'datos': no es una ruta absoluta"),
        ("[colector]\npuerto = 1\npuerto = 2\n", "línea 3: puerto ya está en [colector]"),
        ("[colector]\n[colector]\n", "línea 2: [colector] ya está"),
        ("\xff\xfe[", "config.ini"),
    ],
)
def test_wrong_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / "config.ini"
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        load("--config", str(config))
    assert words in str(caught.value)
    assert str(config) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_wrong_line_of_a_file_is_not_repeated(tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text("url = postgresql://ana:secreta@host/x\n[database]\n")
    with pytest.raises(SettingsError, match="línea 1") as caught:
        load("--config", str(config))
    assert "secreta" not in str(caught.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    config = tmp_path / "config.ini"
    config.write_text("\ufeff[limites]\ncola = 7\n")
    assert load("--config", str(config)).queue == 7


def test_help_lists_every_setting_in_all_its_places() -> None:
    done = run_program("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    for row in SETTINGS:
        assert row.option in text
        assert row.variable in text
        assert f"[{row.section}] {row.key}" in text


def test_commented_file_shows_every_setting() -> None:
    text = (ROOT / "API" / "config.ini").read_text()
    for row in SETTINGS:
        assert f"[{row.section}]" in text
        assert f"# {row.key} = " in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "redes_sin_token"),
        (["--database", "/no/hay/base.sqlite"], "createDB.py"),
        (["--storage", "/proc/nada"], "/proc/nada"),
        (["--host", "203.0.113.9", "--redes-sin-token", "10.0.0.0/8"], "203.0.113.9"),
    ],
)
def test_refused_start_says_why_in_one_line(
    new_collector: NewCollector, options: list[str], words: str
) -> None:
    done = run_program(*new_collector(*options).command()[2:])
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_port_in_use_is_said(collector: CollectorProcess, new_collector: NewCollector) -> None:
    second = new_collector()
    second.port = collector.port
    done = run_program(*second.command()[2:])
    assert done.returncode == 2
    assert str(collector.port) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_wider_listening_takes_reports_only_from_the_named_networks(
    new_collector: NewCollector,
) -> None:
    collector = new_collector("--host", "0.0.0.0", "--redes-sin-token", "192.0.2.0/24").start()
    answer = collector.post({})
    assert answer.status_code == 401
    assert collector.numbers() == []


def run_program(*options: str) -> subprocess.CompletedProcess[str]:
    return nursery.run(nursery.COLLECTOR, options, timeout=DEADLINE_S)
