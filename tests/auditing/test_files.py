"""The report's files: what they show, that they run nothing, and that they can be made again."""

import csv
import html
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from API.app.auditing.files import Format
from API.app.auditing.tables import TABLES
from API.app.exports.cells import harmless, original
from API.app.settings import SettingsError
from createDB.errors import DatabaseUnusableError
from tests.past import Past, at

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-10")
HOSTILE = '=cmd|"/c calc"!A1'
MARKUP = "<script>alert(1)</script>\u202e\n+1"
FORMATS = pytest.mark.parametrize("form", Format)


@pytest.fixture
def told(past: Past) -> Past:
    """Two servers: one complied, the other did not for six hours; names that mean no good."""
    past.policy(1, "ftp", titulo="No atiende FTP")
    past.policy(2, "telnet", severidad="critica")
    past.server(1, *range(240), hostname=HOSTILE)
    past.server(2, *range(100), *range(150, 240), hostname=MARKUP)
    evidence = '[{"pid": 7, "name": "@SUM(1)"}, {"pid": 8, "name": "<b>"}]'
    past.said(1, 1, "cumple", 0)
    past.said(1, 2, "cumple", 0)
    past.said(2, 1, "cumple", 0, 6)
    past.said(2, 1, "no_cumple", 6, 12, evidencia=evidence, evidencia_ultima='[{"pid": 9}]')
    past.said(2, 1, "cumple", 12)
    past.said(2, 2, "no_aplica", 0)
    past.waived(1, 6, 9, num_agente=2, motivo="=1+1")
    return past


def make(past: Past, form: Format, *more: str) -> Path:
    path = past.path.parent / f"informe.{form}"
    assert past.report(*PERIOD, *more, "--output", path) == 0
    return path


def tables(path: Path) -> dict[str, list[dict[str, str]]]:
    """Read a CSV by its kinds of rows."""
    found: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kept = {name: cell for name, cell in row.items() if cell}
            found.setdefault(kept.pop("registro"), []).append(kept)
    return found


def strings(path: Path) -> str:
    """Give all text of a workbook's sheets."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return html.unescape("".join(archive.read(name).decode() for name in sorted(names)))


def test_csv_has_every_kind_of_rows(told: Past) -> None:
    found = tables(make(told, Format.CSV))
    assert set(found) == {table.name for table in TABLES}
    assert found["informe"][0]["hasta"] == "2026-11-11T00:00:00.000+00:00"
    [broken] = found["incumplimiento"]
    assert broken["desde"] == "2026-11-01T06:00:00.000+00:00"
    assert broken["evidencia"].startswith('[{"pid":7,"name":"@SUM(1)"}')
    assert (broken["evidencia_final"], broken["excepciones"]) == ('[{"pid":9}]', "1")
    [time] = [row for row in found["tiempo"] if row["hostname"] != f"'{HOSTILE}"
              and row["politica"] == "ftp"]  # fmt: skip
    assert (time["exceptuado_s"], time["no_cumple_s"]) == ("10800.0", "10800.0")
    assert time["sin_reportes_s"] == f"{48 * 3600}.0"
    assert found["excepcion"][0]["motivo"] == "'=1+1"
    assert [row["politica"] for row in found["politica"]] == ["telnet", "ftp"]


@FORMATS
def test_nothing_in_a_file_runs(told: Past, form: Format) -> None:
    path = make(told, form)
    if form is Format.CSV:
        cells = [cell for rows in tables(path).values() for row in rows for cell in row.values()]
        assert not [cell for cell in cells if cell[0] in "=+-@\t\r"]
        assert f"'{HOSTILE}" in cells
    elif form is Format.XLSX:
        text = strings(path)
        assert "<f>" not in text
        assert f">'{HOSTILE}<" in text
        assert ">'=1+1<" in text
    else:
        page = path.read_text()
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\n+1" in page
        assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
        assert not re.search(r"(src|href|url)\s*[=(]", page)


@FORMATS
def test_a_file_can_be_made_again_and_compared(
    told: Past, form: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(told, form)
    assert told.report("--verify", path) == 0
    assert "los datos dan esa huella" in capsys.readouterr().out
    path.write_bytes(edited(path.read_bytes()))
    assert told.report("--verify", path) == 1
    assert "el archivo no es el que se haría hoy" in capsys.readouterr().out
    with told.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE cumplimiento SET desde = desde + 7")
    assert told.report("--verify", path) == 1
    assert "los datos ya no dan esa huella" in capsys.readouterr().out


def edited(content: bytes) -> bytes:
    """Change a file such that it can still be read."""
    return content.replace(b"No atiende FTP", b"Si atiende FTP") + b"\n"


def test_verify_says_what_may_have_changed(told: Past, capsys: pytest.CaptureFixture[str]) -> None:
    path = make(told, Format.HTML)
    told.put("retencion", que="reportes", hasta=at(200))
    assert told.report("--verify", path) == 1
    assert "la retención quitó reportes de antes de 2026-11-09T08:00" in capsys.readouterr().out


@FORMATS
def test_a_period_without_data_is_said_clearly(past: Past, form: Format) -> None:
    path = make(past, form)
    if form is Format.HTML:
        assert "No hay datos" in path.read_text()
    elif form is Format.CSV:
        assert list(tables(path)) == ["informe"]
    assert past.report("--verify", path) == 0


def test_page_is_well_formed_and_groups_what_always_complied(told: Past) -> None:
    page = make(told, Format.HTML).read_text()
    Balanced().check(page)
    assert "Cumplió todo el tiempo: ftp, telnet." in page
    assert "No le aplican: telnet." in page
    assert "96,87\N{NO-BREAK SPACE}%" in page  # 186 of 192 hours, not rounded up
    assert "SHA-256" in page


class Balanced(HTMLParser):
    """Fails where tags are not closed in their order."""

    def check(self, page: str) -> None:
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_whole_day_counts_and_the_future_does_not(told: Past) -> None:
    path = told.path.parent / "a.csv"
    assert told.report("--from", "2026-11-01", "--to", "2999-01-01", "--output", path) == 0
    [stamp] = tables(path)["informe"]
    assert stamp["hasta"] == stamp["hecho"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--from", "2026-11-10", "--to", "2026-11-09", "--output", "a.csv"),
            "de 2026-11-10T00:00:00.000+00:00 a antes de 2026-11-10T00:00:00.000+00:00",
        ),
        (("--from", "2026-11-01", "--output", "a.csv"), "diga --from, --to y --output"),
        ((*PERIOD, "--output", "a.doc"), "no termina en .html, .csv, .xlsx"),
        ((*PERIOD, "--output", "a.csv", "--server", "web-9"), "no hay ningún servidor 'web-9'"),
        ((*PERIOD, "--output", "a.csv", "--policy", "no-hay"), "ninguna política 'no-hay'"),
        ((*PERIOD, "--output", "a.csv", "--label", "x" * 201), "más de 200 letras"),
    ],
)
def test_what_cannot_be_told_is_refused(
    told: Past, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    given = [tmp_path / each if each.startswith("a.") else each for each in arguments]
    with pytest.raises(SettingsError, match=re.escape(said)):
        told.report(*given)
    assert not list(tmp_path.glob("a.*"))


def test_no_file_is_overwritten_and_none_is_left_in_part(told: Past) -> None:
    path = make(told, Format.CSV)
    before = path.read_bytes()
    with pytest.raises(DatabaseUnusableError, match="ya existe"):
        told.report(*PERIOD, "--output", path)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*parcial*"))
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"<!doctype html><title>otro</title>", b"PK\x03\x04no", b"a,b\n1,2\n", b"\xff\xfe"],
)
def test_what_is_no_report_is_refused(told: Past, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "otro.html"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="no es un informe de cumplimiento"):
        told.report("--verify", path)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\uff1d1"])
def test_cells_that_would_run_are_neutralised(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert original(f"'{text}") == text
    for separator in (";", "\t", "\n", "x\r\n"):
        within = f"a{separator}{text}"
        assert original(harmless(within)) == within
        assert harmless(f"a{separator}=1") == f"a{separator}'=1"
    assert harmless("a=1") == "a=1"
    assert harmless("") == original("") == ""
