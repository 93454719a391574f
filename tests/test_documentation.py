"""The documentation says what there is: settings, routes, tables, files; in both languages."""

import re
from pathlib import Path
from typing import Any

import pytest
from settings import SETTINGS as AGENT_SETTINGS
from settings import parser as agent_parser
from sqlalchemy import inspect

from API.app.application import create_app
from API.app.ingest.channel import new_address
from API.app.settings import SETTINGS, load_settings, settings_from
from API.describe import PAGE, text
from createDB.build import build
from createDB.createDB import _parser as createdb_parser
from createDB.engine import database_url, open_engine
from tests.conftest import ROOT
from tests.documentation import README, README_ES, READMES, blocks, documents, links, rows

SETTINGS_PAGE = ROOT / "docs" / "settings.md"

both = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)


def cells_of_defaults(default: object) -> set[str]:
    """How a default may stand in a table."""
    if default in (None, ""):
        return {"none"}
    text = str(default)
    return {f"`{text.removeprefix(f'{ROOT}/')}`"}


def row_of_setting(option: str, section: str, key: str, variable: str) -> list[str]:
    """The cells of a setting's row in docs/settings.md, after its names."""
    names = f"| {f'`{option}`' if option else ''} | `[{section}] {key}` | `{variable}` | "
    names = names.replace("|  |", "| |")
    found = [row for row in rows(SETTINGS_PAGE) if row.startswith(names)]
    assert len(found) == 1, f"{SETTINGS_PAGE.name} needs one row that begins with {names}"
    return [cell.strip() for cell in found[0].removeprefix(names).split(" | ")]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.field)
def test_collectors_settings_are_documented(setting: Any) -> None:
    default, meaning = row_of_setting(
        setting.option, setting.section, setting.key, setting.variable
    )
    assert default in cells_of_defaults(setting.default)
    assert len(meaning) > 5


@pytest.mark.parametrize("setting", AGENT_SETTINGS, ids=lambda setting: setting.key)
def test_agents_settings_are_documented(setting: Any) -> None:
    default, meaning = row_of_setting(
        setting.option, setting.section, setting.key, setting.variable
    )
    assert default in cells_of_defaults(setting.default)
    assert len(meaning) > 5


def options_of(parser: Any) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings} - {"-h"}


@pytest.mark.parametrize("parser", [createdb_parser(), agent_parser()], ids=lambda p: p.prog)
def test_every_option_is_documented(parser: Any) -> None:
    named = set(re.findall(r"`(--[a-z-]+)", SETTINGS_PAGE.read_text()))
    assert options_of(parser) <= named


def test_options_of_the_scripts_are_documented() -> None:
    script = (ROOT / "init_app.sh").read_text()
    assert "--demo" in script
    assert "`--demo`" in SETTINGS_PAGE.read_text()


@pytest.mark.parametrize("page", [*READMES, SETTINGS_PAGE], ids=lambda path: path.name)
def test_documents_name_no_option_or_variable_that_is_not_there(page: Path) -> None:
    text = page.read_text()
    options = options_of(createdb_parser()) | options_of(agent_parser())
    options |= {row.option for row in SETTINGS} | {"--demo", "--config", "--help", "--long"}
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= options
    variables = {row.variable for row in (*SETTINGS, *AGENT_SETTINGS)}
    assert set(re.findall(r"COMPLIANCE_[A-Z_]+", text)) <= variables


def test_exit_codes_of_the_agent_are_documented() -> None:
    codes = re.findall(r"^  (\d) ", agent_parser().epilog or "", re.MULTILINE)
    assert codes
    page = SETTINGS_PAGE.read_text()
    section = page.partition("| `agente.py` | 0 |")[2].partition("| `init_app.py`")[0]
    assert ["0", *re.findall(r"^\| \| (\d) \|", section, re.MULTILINE)] == codes


def test_exit_codes_of_createdb_are_documented() -> None:
    codes = re.findall(r"^  (\d+) ", createdb_parser().epilog or "", re.MULTILINE)
    assert codes
    section = SETTINGS_PAGE.read_text().partition("| `createDB.py` | 0 |")[2].partition("\n\n")[0]
    assert ["0", *re.findall(r"^\| \| (\d+) \|", section, re.MULTILINE)] == codes


def test_routes_are_documented(tmp_path: Path) -> None:
    arguments = ["--storage", str(tmp_path), "--database", str(tmp_path / "servers.sqlite")]
    settings = load_settings(arguments, {})
    build(settings.database)
    app = create_app(settings, new_address())
    routes = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    assert routes
    for rule in routes:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert f"`{method} {path}`" in (ROOT / "docs" / "api.md").read_text()


def test_resources_are_documented() -> None:
    assert PAGE.read_text() == text(), "run python3 -m API.describe"


def test_tables_and_columns_are_documented(tmp_path: Path) -> None:
    url = database_url(str(tmp_path / "servers.sqlite"))
    build(url)
    engine = open_engine(url)
    page = (ROOT / "docs" / "database.md").read_text()
    found = inspect(engine)
    for name in [*found.get_table_names(), *found.get_view_names()]:
        section = page.partition(f"### `{name}`\n")[2].partition("\n### ")[0]
        assert section, f"docs/database.md needs a section ### `{name}`"
        for column in found.get_columns(name):
            assert f"`{column['name']}`" in section, f"{name}.{column['name']}"
    engine.dispose()


def test_queries_use_what_there_is() -> None:
    """The four tables that the README speaks of stand in its text."""
    for readme in READMES:
        for table in ("servers", "procesos", "usuarios_activos", "agentes"):
            assert f"`{table}`" in readme.read_text()


def test_both_readmes_have_the_same_blocks() -> None:
    assert blocks(README) == blocks(README_ES)


def test_both_readmes_have_the_same_shape() -> None:
    assert shape(README) == shape(README_ES)


def shape(path: Path) -> list[str]:
    """What a document's lines are made of: headings, tables' rows, pictures."""
    marks = re.findall(r"^(#+ |\| |!\[|- |\d+\. )", path.read_text(), re.MULTILINE)
    return [re.sub(r"\d+", "1", mark) for mark in marks]


def test_both_readmes_give_the_same_figures() -> None:
    figures = re.compile(r"\d+[.,]\d+ (?:s|MiB)")
    english, spanish = (figures.findall(path.read_text()) for path in READMES)
    assert english == [figure.replace(",", ".") for figure in spanish]
    assert english


@both
def test_settings_that_the_readme_shows_are_taken(readme: Path, tmp_path: Path) -> None:
    shown = blocks(readme, "ini")
    assert shown
    for number, block in enumerate(shown):
        file = tmp_path / f"{number}.ini"
        file.write_text(block.text)
        settings_from({}, {}, file, config_required=True)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        assert (path.parent / link).exists(), link


def test_every_threat_names_a_test_that_exists() -> None:
    """A row of docs/security.md is a threat, what stops it, and tests as pytest names them."""
    threats = [row for row in rows(ROOT / "docs" / "security.md") if "---" not in row][1:]
    assert threats
    for row in threats:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_contributing_names_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(
        r"`((?:agente|API|createDB|tests|docs|bench|deploy|images)/[\w./*-]+)`", text
    )
    assert named
    for name in named:
        assert list(ROOT.glob(name.rstrip("/"))), name


def test_the_tests_command_decides_alone() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert len(commands) == 1
    assert commands[0].endswith("&& exec ./test.sh")
