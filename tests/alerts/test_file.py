"""The operator's file: what is wrong with it is named, with its line, and no secret is shown."""

from pathlib import Path

import pytest

from API.app.alerts.file import read_file
from API.app.alerts.rules import ChannelEntry, File, Incident, Rule, channels_for, unknown_channel
from API.app.documents import read
from API.app.settings import SettingsError
from tests.alerts.receivers import SECRET
from tests.conftest import ROOT
from tests.documentation import blocks

GOOD = """\
enlace: https://compliance.example.net
canales:
  - nombre: guardia
    url: mailto://correo.example.net?from=colector@example.net&to=guardia@example.net
  - nombre: tickets
    webhook: https://tickets.example.net/gancho?clave=0123456789
    secreto_archivo: SECRETO
reglas:
  - canales: [guardia]
    severidad: alta
  - canales: [tickets]
"""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secreto"
    path.touch(0o600)
    path.write_text(f"{SECRET}\n")
    return path


def refusal(tmp_path: Path, secret: Path, old: str, new: str, **environment: str) -> str:
    assert old in GOOD
    path = tmp_path / "alertas.yaml"
    path.touch(0o640)
    path.write_text(GOOD.replace(old, new).replace("SECRETO", str(secret)))
    with pytest.raises(SettingsError) as error:
        read_file(path, environment)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}:")


def test_a_file_is_read_and_shows_no_secret(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "alertas.yaml"
    path.touch(0o640)
    text = GOOD.replace("mailto://correo", "mailto://yo:contrasena@correo")
    path.write_text(text.replace("SECRETO", str(secret)))
    alerting = read_file(path)
    shown = {name: channel.shown for name, channel in alerting.channels.items()}
    assert shown["tickets"] == "https://tickets.example.net"
    assert shown["guardia"].startswith("mailto://yo:****@correo.example.net")


def test_what_the_guide_shows_is_right() -> None:
    [shown] = blocks(ROOT / "docs" / "alerts.md", "yaml")
    file = read(shown.text.encode(), File)
    assert unknown_channel(file) is None
    assert [len(rule.canales) for rule in file.reglas] == [2, 1, 1]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("guardia\n    url", "guardia\n    uri", "4: campo desconocido 'uri'"),
        ("severidad: alta", "severidad: grave", "10: 'reglas.0.severidad': 'grave' no es"),
        ("canales: [guardia]", "canales: [nadie]", "9: una regla nombra el canal 'nadie'"),
        ("nombre: tickets", "nombre: guardia", "3: el canal 'guardia' está dos veces"),
        ("    severidad: alta", "    tipos: [ruido]", "10: 'reglas.0.tipos.0': 'ruido' no es"),
        ("    secreto_archivo: SECRETO\n", "", "5: 'canales.1': un webhook tiene una sola de"),
        ("    webhook:", "    url: json://localhost\n    webhook:", "5: 'canales.1': un canal"),
        ("https://tickets", "http://tickets", "5: canal 'tickets': webhook: sin https sólo"),
        ("https://tickets", "ftp://tickets", "5: canal 'tickets': webhook: no es una URL"),
        ("https://tickets.example.net", "https://[::1", "5: 'canales.1': webhook: no es una URL"),
        ("example.net/gancho", "example.net:99999/gancho", "5: 'canales.1': webhook: no es una"),
        ("mailto://", "nada://", "3: canal 'guardia': 'nada://...' no es una URL que apprise"),
        ("SECRETO", "secreto", "5: canal 'tickets': secreto: no es una ruta absoluta"),
        ("SECRETO", "/no/hay", "5: canal 'tickets': /no/hay: no se puede leer"),
        ("archivo: SECRETO", "entorno: NO_HAY", "5: canal 'tickets': la variable de entorno"),
        ("enlace", "espera: -1\nenlace", "1: 'espera': "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, secret: Path, old: str, new: str, reason: str
) -> None:
    said = refusal(tmp_path, secret, old, new)
    assert said.startswith(reason)
    assert "0123456789" not in said


def test_a_url_without_a_scheme_is_not_shown(tmp_path: Path, secret: Path) -> None:
    said = refusal(tmp_path, secret, "mailto://correo", "yo:contrasena@correo")
    assert said.startswith("3: canal 'guardia': '…://...' no es una URL que apprise")
    assert "contrasena" not in ChannelEntry("guardia", url="yo:contrasena@correo").place


def test_secrets_that_anybody_can_read_are_not_used(tmp_path: Path, secret: Path) -> None:
    secret.chmod(0o604)
    assert "lo puede leer cualquiera" in refusal(tmp_path, secret, "guardia", "guardia")


def test_a_weak_secret_is_refused(tmp_path: Path, secret: Path) -> None:
    secret.write_text("whsec_c2VjcmV0bw==")
    assert "openssl rand" in refusal(tmp_path, secret, "guardia", "guardia")


def test_secrets_come_from_the_environment_too(tmp_path: Path) -> None:
    path = tmp_path / "alertas.yaml"
    path.touch(0o640)
    path.write_text(GOOD.replace("secreto_archivo: SECRETO", "secreto_entorno: GANCHO"))
    assert read_file(path, {"GANCHO": SECRET}).channels.keys() == {"guardia", "tickets"}


INCIDENT = Incident("incumplimiento", "alta", "mineros", "web-1", {"entorno": "produccion"})


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (Rule([]), True),
        (Rule([], severidad="media"), True),
        (Rule([], severidad="alta"), True),
        (Rule([], severidad="critica"), False),
        (Rule([], tipos=["silencio", "clon"]), False),  # type: ignore[list-item]
        (Rule([], tipos=["incumplimiento"]), True),  # type: ignore[list-item]
        (Rule([], politicas=["telnet", "mine*"]), True),
        (Rule([], politicas=["telnet"]), False),
        (Rule([], servidores=["WEB-*"]), True),
        (Rule([], servidores=["db-*"]), False),
        (Rule([], etiquetas={"entorno": "produccion"}), True),
        (Rule([], etiquetas={"entorno": "pruebas"}), False),
        (Rule([], etiquetas={"sala": "B2"}), False),
        (Rule([], severidad="baja", servidores=["db-*"]), False),
    ],
)
def test_a_rule_is_about_what_matches_all_of_it(rule: Rule, matches: bool) -> None:
    rules = [Rule(["uno"]), Rule(["dos", "uno"], **{
        name: getattr(rule, name) for name in rule.__struct_fields__ if name != "canales"
    })]  # fmt: skip
    assert channels_for(rules, INCIDENT) == (["dos", "uno"] if matches else ["uno"])


def test_what_no_policy_says_matches_no_policy() -> None:
    new = Incident("servidor_nuevo", "baja", None, None, {})
    assert channels_for([Rule(["a"], politicas=["*"]), Rule(["b"], servidores=["*"])], new) == []
    assert channels_for([Rule(["c"], severidad="baja")], new) == ["c"]
