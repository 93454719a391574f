"""Settings: where each may stand, which place wins, and what is said of wrong ones."""

import configparser
from pathlib import Path

import pytest
import settings
from settings import SETTINGS, Collector, Settings

from tests.agente.conftest import ROOT, AgentRunner

SHIPPED = ROOT / "agente" / "config.ini"


def load(folder: Path, *arguments: str, text: str = "", **environment: str) -> Settings:
    """The settings from these three places."""
    file = folder / "config.ini"
    file.write_text(text)
    return settings.load(["--config", str(file), *arguments], environment)


def test_an_option_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    text = "[agente]\nintervalo = 10\n"
    assert load(tmp_path).intervalo is None
    assert load(tmp_path, text=text).intervalo == 10
    assert load(tmp_path, text=text, COMPLIANCE_AGENTE_INTERVALO="20").intervalo == 20
    variable = {"COMPLIANCE_AGENTE_INTERVALO": "20"}
    assert load(tmp_path, "--interval", "30", text=text, **variable).intervalo == 30


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ("[api]\nip = 10.0.0.9\npuerto = 9000\n", "http://10.0.0.9:9000"),
        ("[api]\nip = 2001:db8::1\n", "http://[2001:db8::1]:8080"),
        ("[api]\nip = [2001:db8::1]\n", "http://[2001:db8::1]:8080"),
        ("[api]\nip = colector.example.net\n", "http://colector.example.net:8080"),
        ("[api]\nip = 10.0.0.9\nurl = https://c.example/base/\n", "https://c.example/base"),
        ("[api]\nip =\npuerto =\nurl =\n", "http://127.0.0.1:8080"),
        ("\ufeff[api]\nip = 10.0.0.9\n", "http://10.0.0.9:8080"),
    ],
)
def test_the_collector_is_named_by_address_and_port_or_by_url(
    tmp_path: Path, text: str, url: str
) -> None:
    assert load(tmp_path, text=text).collectors == (Collector(url),)


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("text", "collectors"),
    [
        ("url = https://a, https://b/", (("https://a", ""), ("https://b", ""))),
        ("url =\n  https://a\n  https://b", (("https://a", ""), ("https://b", ""))),
        (f"url = https://a,https://b\nhuella = {A}", (("https://a", A), ("https://b", A))),
        (f"url = https://a https://b\nhuella = {A}, {B}", (("https://a", A), ("https://b", B))),
    ],
)
def test_several_collectors_are_named_with_the_fingerprint_of_all_or_of_each(
    tmp_path: Path, text: str, collectors: tuple[tuple[str, str], ...]
) -> None:
    assert load(tmp_path, text=f"[api]\n{text}\n").collectors == collectors


def test_where_it_enrolled_is_remembered_until_it_is_told_otherwise(tmp_path: Path) -> None:
    both = (Collector("https://a", A), Collector("https://b", B))
    own = ("--state", str(tmp_path))
    (tmp_path / settings.ENROLLED_AT).write_text(settings.written(both))
    assert load(tmp_path, *own).collectors == both
    assert load(tmp_path, *own, "--url", "https://a https://b").collectors == both
    assert load(tmp_path, *own, "--huella", A).collectors == (both[0], Collector("https://b", A))
    assert load(tmp_path, *own, "--url", "https://a").collectors == (Collector("https://a"),)
    assert load(tmp_path, *own, text="[api]\nip = c\n").collectors == (Collector("http://c:8080"),)
    for damaged in ("{}", "[]", '{"url": 5}', '{"url": "x"}', "\0"):
        (tmp_path / settings.ENROLLED_AT).write_text(damaged)
        assert load(tmp_path, *own).collectors == (Collector("http://127.0.0.1:8080"),)


def test_the_mode_follows_from_the_options_and_the_interval(tmp_path: Path) -> None:
    text = "[agente]\nintervalo = 10\n"
    assert load(tmp_path).mode == "once"
    assert load(tmp_path, text=text).mode == "endless"
    assert load(tmp_path, "--once", text=text).intervalo is None
    assert load(tmp_path, "--print", text=text).mode == "print"
    assert load(tmp_path, "--check", text=text).mode == "check"


def test_paths_in_the_file_are_relative_to_it_and_the_spool_lies_in_the_state(
    tmp_path: Path,
) -> None:
    found = load(tmp_path, text="[agente]\nestado = e\n")
    assert found.estado == tmp_path / "e"
    assert found.spool == tmp_path / "e" / "spool"
    assert load(tmp_path, "--spool", "/x").spool == Path("/x")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[agente]\nintervalo = diez\n", "[agente] intervalo = 'diez'"),
        ("[agente]\nintervalo = 0\n", "[agente] intervalo = '0'"),
        ("[agente]\nintervalo = nan\n", "[agente] intervalo = 'nan'"),
        ("[api]\npuerto = 70000\n", "[api] puerto = '70000'"),
        ("[api]\nurl = ftp://x\n", "[api] url = 'ftp://x'"),
        ("[api]\nurl = http://juan:clave@x\n", "[api] url"),
        ("[api]\nurl = http://x:port\n", "[api] url"),
        ("[api]\nurl = http://x y\n", "'y' tiene que empezar por http://"),
        ("[api]\nurl = ,\n", "[api] url = ','"),
        ("[api]\nip = 10.0.0.1:8080\n", "[api] ip = '10.0.0.1:8080'"),
        ("[api]\nip = http://x\n", "[api] ip"),
        ("[api]\nip = 1::2::3\n", "[api] ip"),
        ("[agente]\nintervalos = 5\n", "intervalos en [agente]"),
        ("[agentes]\nintervalo = 5\n", "[agentes]"),
        ("[DEFAULT]\nx = 5\n", "x en [DEFAULT]"),
        ("intervalo = 5\n", "línea 1: no es «clave = valor»"),
        ("[api]\nip = 1\nip\n", "línea 3: no es «clave = valor»"),
        ("[api]\nip = 1\nip = 2\n", "línea 3: ip ya está en [api]"),
        ("[api]\nip = 1\n[api]\n", "línea 3: [api] ya está"),
        ("[agente]\nspool = /srv\0\0\n", "[agente] spool = '/srv\\x00\\x00'"),
    ],
)
def test_a_wrong_file_is_named_in_one_line_with_its_key_and_value(
    agent: AgentRunner, text: str, named: str
) -> None:
    agent.config.write_text(text)
    run = agent.run("--print")
    assert run.returncode == 2
    assert str(agent.config) in run.stderr
    assert named in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--url", "https://a https://a/"), "nombra dos veces"),
        (("--url", "https://a", "--huella", f"{A} {B}"), "huella tiene 2 y url 1"),
    ],
)
def test_collectors_that_do_not_fit_together_are_named(
    agent: AgentRunner, options: tuple[str, ...], named: str
) -> None:
    run = agent.run("--print", *options)
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert named in run.stderr


def test_bytes_that_are_no_text_are_named_too(agent: AgentRunner) -> None:
    agent.config.write_bytes(b"[api]\nip = caf\xe9\n")
    run = agent.run("--print")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert str(agent.config) in run.stderr


def test_a_file_that_was_asked_for_has_to_be_there(agent: AgentRunner) -> None:
    agent.config.unlink()
    run = agent.run("--print")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "no existe" in run.stderr


def test_a_wrong_option_or_variable_is_named(agent: AgentRunner) -> None:
    assert "--interval = 'x'" in agent.run("--interval", "x").stderr
    environment = {**agent.environment(), "COMPLIANCE_API_PUERTO": "x"}
    run = agent.run(env=environment)
    assert run.returncode == 2
    assert "COMPLIANCE_API_PUERTO = 'x'" in run.stderr
    assert agent.run("--no-such").returncode == 2


@pytest.mark.parametrize("short", [["--onc"], ["--interv", "5"], ["--pri"]])
def test_a_shortened_option_is_refused(short: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings.load(short, {})
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "text",
    [
        "[api]\nalta sEcReTo\n",
        "alta = sEcReTo\n",
        "[api]\nalta = sEcReTo\nalta = sEcReTo\n",
        "[api]\nurl = https://juan:sEcReTo@x\n",
        "[api]\nurl = https://a, https://juan:sEcReTo@x\n",
    ],
)
def test_what_a_wrong_file_holds_of_secrets_is_not_repeated(agent: AgentRunner, text: str) -> None:
    agent.config.write_text(text)
    agent.config.chmod(0o600)
    run = agent.run("--print")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert str(agent.config) in run.stderr
    assert "sEcReTo" not in run.stderr


def test_a_wrong_token_is_not_repeated(agent: AgentRunner) -> None:
    run = agent.run(env={**agent.environment(), "COMPLIANCE_API_ALTA": "se creto"})
    assert run.returncode == 2
    assert "COMPLIANCE_API_ALTA" in run.stderr
    assert "creto" not in run.stderr


def test_help_lists_every_setting_with_its_three_places_and_its_default(
    agent: AgentRunner,
) -> None:
    text = without_spaces(agent.run("--help").stdout)
    for setting in SETTINGS:
        assert setting.option in text
        assert setting.variable in text
        assert without_spaces(f"config.ini: [{setting.section}] {setting.key}") in text
        if setting.default not in {None, ""}:
            assert without_spaces(f"por omisión: {setting.default}") in text


def without_spaces(text: str) -> str:
    """A text as it is however argparse breaks its lines, which it does at hyphens too."""
    return "".join(text.split())


def test_the_shipped_file_has_every_key_and_sets_only_what_is_the_default(tmp_path: Path) -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(SHIPPED)
    assert {(s, k) for s in config.sections() for k in config[s]} == {
        (setting.section, setting.key) for setting in SETTINGS
    }
    shipped = settings.load(["--config", str(SHIPPED)], {})
    assert shipped == load(tmp_path)._replace(config=SHIPPED)
