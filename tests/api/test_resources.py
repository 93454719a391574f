"""The resources: every one in every format; filters, order, pages, columns."""

import csv
import io
import json
import re
import uuid
import zipfile
from typing import Any

import pytest
import requests

from API.app.exports.cells import FORMULA
from API.app.exports.formats import Format
from API.app.queries.catalogue import RESOURCES
from API.app.queries.resource import Kind
from tests.api.people import as_administrator
from tests.conftest import (
    LAYOUTS,
    CollectorProcess,
    NewCollector,
    make_report,
    wait_until,
)

HOSTILE = "=cmd|' /C calc'!A1"
NAMES = ("web-1", "web-2", "db-1", "db-2", "db-3")


@pytest.fixture(scope="module")
def fleet(new_shared_collector: NewCollector) -> CollectorProcess:
    """Five servers; two reports of each, the later one with a process more."""
    collector = new_shared_collector().start()
    for hour, names in ((9, ["nginx", HOSTILE]), (10, ["nginx", HOSTILE, "sshd"])):
        for number, hostname in enumerate(NAMES):
            report = make_report(
                hostname=hostname,
                id_agente=str(uuid.uuid5(uuid.NAMESPACE_DNS, hostname)),
                fecha_hora=f"2026-11-20T{hour:02}:00:00Z",
                ipaddress=f"10.0.0.{number}",
                distribucion=None if number == 2 else f"linux-{number % 2}",
                procesos=[{"pid": pid, "name": name, "username": "root" if pid else None}
                          for pid, name in enumerate(names)],
                usuarios_activos=[{"pid": 9, "name": f"user-{number}"}],
                errores={} if number else {"ipaddress": "no"},
            )  # fmt: skip
            assert collector.post(report).status_code == 201
    wait_until(lambda: collector.get("/cumplimiento").json()["atraso"]["reportes"] == 0, "judged")
    return collector


@pytest.fixture(scope="module")
def ask(fleet: CollectorProcess) -> Any:
    """Ask as somebody who may read everything."""
    headers = as_administrator(fleet)

    def get(path: str, **more: str) -> requests.Response:
        return fleet.get(path, headers={**headers, **more})

    return get


def rows_of(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    name = re.sub(r".*/(\w+).*", r"\1", answer.request.path_url.partition("?")[0])
    rows: list[dict[str, Any]] = answer.json()[name]
    return rows


def pages_of(ask: Any, path: str) -> list[dict[str, Any]]:
    found = []
    while path:
        answer = ask(path)
        found += rows_of(answer)
        path = answer.links.get("next", {}).get("url", "")
    return found


@pytest.mark.parametrize("name", RESOURCES)
def test_every_format_says_the_same(ask: Any, name: str) -> None:
    resource = RESOURCES[name]
    names = [column.name for column in resource.columns]
    whole = rows_of(ask(f"/{name}?limite=1000"))
    assert whole or name == "excepciones"
    for row in whole:
        assert list(row) == names
    lines = [json.loads(line) for line in ask(f"/{name}.ndjson").text.splitlines()]
    assert lines == whole
    table = list(csv.reader(io.StringIO(ask(f"/{name}.csv").text, newline="")))
    assert table[0] == names
    assert len(table) == len(whole) + 1
    assert ask(f"/{name}.json?limite=1000").json()[name] == whole


@pytest.mark.parametrize("name", RESOURCES)
def test_values_are_of_the_kind_that_is_declared(ask: Any, name: str) -> None:
    python: dict[Kind, Any] = {
        Kind.TEXT: str, Kind.INTEGER: int, Kind.NUMBER: (int, float), Kind.BOOLEAN: bool,
        Kind.MOMENT: str, Kind.JSON: (dict, list),
    }  # fmt: skip
    for row in rows_of(ask(f"/{name}?limite=50")):
        for column in RESOURCES[name].columns:
            value = row[column.name]
            assert value is None or isinstance(value, python[column.kind]), column
            if value is not None and column.kind is Kind.MOMENT:
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3,6}\+00:00", value), column


@pytest.mark.parametrize("name", [name for name, each in RESOURCES.items() if not each.pages])
def test_pages_in_any_order_give_every_row_once(ask: Any, name: str) -> None:
    whole = rows_of(ask(f"/{name}?limite=1000"))
    size = max(len(whole) // 3, 1)
    for column in RESOURCES[name].columns:
        for order in (column.name, f"-{column.name}"):
            found = pages_of(ask, f"/{name}?orden={order}&limite={size}")
            assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, whole)), order
            if column.name in ("severidad", "hasta", "excepcion") or column.kind is Kind.JSON:
                continue  # not by what is shown
            values = [(row[column.name] is not None, row[column.name] or 0) for row in found]
            assert values == sorted(values, reverse=order.startswith("-")), order


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/procesos?hostname=db-1", ["nginx", HOSTILE, "sshd"]),
        ("/procesos?hostname=db-1&name=SSH*", ["sshd"]),
        ("/procesos?hostname=db-1&username=root", [HOSTILE, "sshd"]),
        ("/procesos?hostname=db-1&pid=0", ["nginx"]),
        ("/procesos?hostname=db-1&en=2026-11-20T09:30:00Z", ["nginx", HOSTILE]),
        ("/procesos?hostname=db-1&en=2026-11-20T08:30:00Z", []),
        ("/procesos?reporte=1", ["nginx", HOSTILE]),
        ("/procesos?reporte=999999", []),
        ("/procesos?name=nadie", []),
    ],
)
def test_processes_are_those_of_the_report_that_is_meant(
    ask: Any, path: str, names: list[str]
) -> None:
    assert [row["name"] for row in rows_of(ask(path))] == names


def test_servers_of_another_moment(ask: Any) -> None:
    then = rows_of(ask("/servers?en=2026-11-20T09:30:00Z&campos=hostname,fecha_hora"))
    assert {row["hostname"] for row in then} == set(NAMES)
    assert {row["fecha_hora"] for row in then} == {"2026-11-20T09:00:00.000000+00:00"}


def test_agents_are_narrowed_by_how_they_stand(ask: Any) -> None:
    assert len(rows_of(ask("/agentes?situacion=nuevo"))) == len(NAMES)
    assert rows_of(ask("/agentes?situacion=callado")) == []
    [one] = rows_of(ask("/agentes?hostname=web-1&tiene_token=no"))
    assert (one["situacion"], one["tiene_token"], one["etiquetas"]) == ("nuevo", False, None)


def test_columns_are_those_that_are_asked_for(ask: Any) -> None:
    for row in rows_of(ask("/servers?campos=hostname,id_serv,hostname")):
        assert list(row) == ["hostname", "id_serv"]
    assert ask("/servers.csv?campos=hostname").text.split() == ["hostname", *sorted_by_agent()]


def sorted_by_agent() -> list[str]:
    return sorted(NAMES, key=lambda name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))


@pytest.mark.parametrize(
    "query",
    ["campos=", "campos=x", "campos=hostname,x", "orden=x", "orden=", "orden=--hostname",
     "en=ayer", "agente=web-07", "reporte=x", "reporte=1e3", "limite=0", "hots=a", "etiqueta"],
)  # fmt: skip
@pytest.mark.parametrize("extension", ["", ".csv", ".xlsx"])
def test_a_wrong_parameter_is_named(ask: Any, query: str, extension: str) -> None:
    answer = ask(f"/servers{extension}?{query}")
    if query == "etiqueta":
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/cambios", "/cambios.csv", "/auditoria", "/auditoria.xlsx"])
def test_a_period_that_ends_before_it_begins_is_refused(ask: Any, path: str) -> None:
    answer = ask(f"{path}?desde=2026-11-20T10:00:00Z&hasta=2026-11-20T10:59:59%2B01:00")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "desde must not be later than hasta"
    ends_as_it_begins = "desde=2026-11-20T10:00:00Z&hasta=2026-11-20T11:00:00%2B01:00"
    assert ask(f"{path}?{ends_as_it_begins}").status_code == 200


@pytest.mark.parametrize("place", ["x", "!", "W10", "WzFd", "W251bGwsMV0", "é", "9" * 5000])
@pytest.mark.parametrize("path", ["/procesos?", "/cambios?", "/procesos?orden=pid&",
                                  "/politicas?", "/cumplimiento?"])  # fmt: skip
def test_a_place_that_no_page_gave_is_refused(ask: Any, path: str, place: str) -> None:
    answer = ask(f"{path}despues={place}")
    assert answer.status_code == 400 or (path == "/politicas?" and place == "WzFd"), answer.text


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0.5, text/csv", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/html", "application/json"),
        (Format.XLSX.content_type, Format.XLSX.content_type),
    ],
)
def test_accept_names_the_format(ask: Any, accept: str, content_type: str) -> None:
    answer = ask("/servers", Accept=accept)
    assert answer.headers["Content-Type"] == content_type
    assert ask("/servers.ndjson", Accept=accept).headers["Content-Type"] == "application/x-ndjson"


def test_who_has_it_already_is_told_so(ask: Any) -> None:
    first = ask("/servers", **{"Accept-Encoding": "identity"})
    mark = first.headers["ETag"]
    for more in ({}, {"Accept-Encoding": "identity"}):
        again = ask("/servers", **{"If-None-Match": mark, **more})
        assert (again.status_code, again.content) == (304, b"")
    assert ask("/servers?limite=1", **{"If-None-Match": mark}).status_code == 200


@pytest.mark.parametrize("path", ["/servers", "/servers.csv", "/servers.ndjson"])
def test_gzip_is_for_who_takes_it(ask: Any, path: str) -> None:
    plain = ask(path, **{"Accept-Encoding": "identity"})
    packed = ask(path, **{"Accept-Encoding": "gzip"})
    refused = ask(path, **{"Accept-Encoding": "gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in {**plain.headers, **refused.headers}
    assert plain.content == packed.content == refused.content


def test_csv_runs_nothing(ask: Any) -> None:
    table = list(csv.reader(io.StringIO(ask("/procesos.csv").text, newline="")))
    cells = [cell for row in table for cell in row]
    assert f"'{HOSTILE}" in cells
    assert not [cell for cell in cells if cell[:1] in FORMULA]


def test_csv_runs_nothing_where_a_semicolon_separates(collector: CollectorProcess) -> None:
    names = (f"a;{HOSTILE};", f"b\n{HOSTILE}", "c;d;-1")
    processes = [{"pid": pid, "name": name} for pid, name in enumerate(names)]
    collector.post(make_report(procesos=processes, hostname=";@SUM(A1)"))
    for path in ("/procesos.csv?campos=pid,name,hostname", "/agentes.csv?campos=estado,hostname"):
        text = collector.get(path).text
        for separator in ",;\t":
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            assert not [cell for row in rows for cell in row if cell[:1] in FORMULA]
    lines = text.splitlines()
    assert lines[1] == "activo,;'@SUM(A1)"


def test_workbook_runs_nothing_and_counts(ask: Any) -> None:
    answer = ask("/procesos.xlsx?campos=name,pid,username")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="procesos.xlsx"'
    book = zipfile.ZipFile(io.BytesIO(answer.content))
    rows, summary = (book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2))
    assert "<f>" not in rows + summary
    quoted = re.findall(r'quotePrefix="1"', book.read("xl/styles.xml").decode())
    assert quoted
    texts = re.findall(r'<c r="A\d+" s="(\d+)" t="inlineStr"><is><t>(=[^<]+)', rows)
    assert {text for _, text in texts} == {HOSTILE}
    assert rows.count("inlineStr") > len(NAMES) * 3
    assert re.findall(r">(sshd|filas)<", summary)
    assert re.findall(r"<v>(\d+)</v>", summary) == ["5", "5", "5", "15"]


def test_export_has_as_many_rows_as_asked_for(ask: Any) -> None:
    assert len(ask("/procesos.ndjson?limite=7").text.splitlines()) == 7


def test_head_gives_the_headers_alone(fleet: CollectorProcess) -> None:
    for path in ("/servers", "/servers.csv"):
        answer = requests.head(f"{fleet.url}{path}", headers=fleet.local_access, timeout=20)
        assert (answer.status_code, answer.content) == (200, b"")


def test_an_export_in_batches_has_every_row_once(ask: Any, fleet: CollectorProcess) -> None:
    """Many more rows than a batch has: reports of 9,000 processes."""
    report = make_report(
        hostname="large",
        procesos=[{"pid": pid, "name": f"p{pid % 7}", "username": None} for pid in range(9_000)],
    )
    assert fleet.post(report).status_code == 201
    path = f"/procesos.ndjson?agente={report['id_agente']}"
    for order in ("", "&orden=name", "&orden=-username"):
        pids = [json.loads(line)["pid"] for line in ask(path + order).text.splitlines()]
        assert sorted(pids) == list(range(9_000)), order


def test_the_other_layout_lists_the_same(new_collector: NewCollector) -> None:
    reports = [make_report(hostname=name) for name in NAMES[:2]]
    listed = []
    for layout in LAYOUTS:
        collector = new_collector(layout=layout).start()
        for report in reports:
            assert collector.post(report).status_code == 201
        found = {}
        for name, number in (("procesos", "id_proc"), ("usuarios_activos", "id_usr")):
            lines = collector.get(f"/{name}.ndjson").text.splitlines()
            found[name] = sorted(json.dumps(json.loads(line) | {number: 0}) for line in lines)
        pages = [collector.get(f"/procesos?limite=2{more}") for more in ("", "&orden=name")]
        assert all("next" in page.links for page in pages)
        listed.append(found)
    assert listed[0] == listed[1]
    assert len(listed[0]["procesos"]) == 6
