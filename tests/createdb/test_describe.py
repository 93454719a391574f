"""The database's page and the diagrams say what the schema and the contract say."""

import json
import xml.etree.ElementTree as ET

import pytest

from createDB.describe import documents
from createDB.diagrams import report_model
from createDB.engine import ROOT
from createDB.schema import metadata

SVG = "{http://www.w3.org/2000/svg}"
IMAGES = ("entity-relation.svg", "structure.svg", "report.svg")


def words(svg: str) -> set[str]:
    return {"".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")}  # noqa: S314


def test_every_document_is_current() -> None:
    stale = [path.name for path, text in documents().items() if path.read_text() != text]
    assert stale == [], "run python3 -m createDB.describe"


def test_every_column_has_its_meaning() -> None:
    for table in metadata.tables.values():
        assert table.comment
        for column in table.columns:
            assert column.comment, column


def test_the_page_names_every_table_and_column() -> None:
    page = (ROOT / "docs" / "database.md").read_text()
    for table in metadata.tables.values():
        section = page.partition(f"### `{table.name}`\n")[2].partition("\n### ")[0]
        named = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
        assert named == set(table.columns.keys())


def test_the_page_names_every_option_of_the_program() -> None:
    page = (ROOT / "docs" / "database.md").read_text()
    for option in ("--database", "--storage", "--config", "--from-log", "--check", "--snapshot"):
        assert f"| `{option}" in page


def test_the_diagram_of_the_report_has_the_fields_of_the_contract() -> None:
    contract = json.loads((ROOT / "tests" / "contract" / "report.schema.json").read_text())
    shown = {word.removesuffix("?") for word in words(report_model())}
    for part in (
        contract,
        contract["properties"]["procesos"]["items"],
        contract["properties"]["usuarios_activos"]["items"],
    ):
        assert set(part["properties"]) <= shown
    assert len(contract["required"]) == 8


@pytest.mark.parametrize("name", IMAGES)
def test_diagrams_read_on_light_and_dark_pages_and_load_nothing(name: str) -> None:
    text = (ROOT / "images" / name).read_text()
    assert "prefers-color-scheme:dark" in text
    root = ET.fromstring(text)  # noqa: S314 - a file of ours
    first = next(element for element in root if element.tag == f"{SVG}rect")
    assert first.get("class") == "card"
    assert "href" not in text
    assert "url(http" not in text


@pytest.mark.parametrize("name", IMAGES)
def test_words_of_a_diagram_stay_on_its_card(name: str) -> None:
    root = ET.parse(ROOT / "images" / name).getroot()  # noqa: S314 - a file of ours
    width = float(root.get("width", 0))
    for text in root.iter(f"{SVG}text"):
        length = 8 * len("".join(text.itertext()))
        x = float(text.get("x", 0))
        left = {"start": x, "middle": x - length / 2, "end": x - length}[
            text.get("text-anchor", "")
        ]
        assert left > 0, text.text
        assert left + length < width, text.text


def test_images_are_only_what_is_made_here() -> None:
    drawn = set((ROOT / "images").glob("*.svg"))
    assert drawn == {path for path in documents() if path.suffix == ".svg"}
