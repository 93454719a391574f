"""The policies: who fails them, what is excepted, and queries that are tried."""

import re

import pytest
from playwright.sync_api import Page, expect

from API.app.accounts.roles import Role
from tests.api.people import Browser, make_account
from tests.browser.conftest import Visitor, assert_accessible
from tests.conftest import CollectorProcess, make_report

MINER = {"pid": 7, "name": "xmrig", "username": "<b>nadie</b>"}


@pytest.fixture(scope="module", autouse=True)
def servers(shared_collector: CollectorProcess) -> None:
    """Three servers, of which two mine."""
    for number in range(3):
        processes = [MINER] if number < 2 else []
        shared_collector.post(make_report(hostname=f"web-{number}", procesos=processes))


@pytest.fixture
def page(visitor: Visitor) -> Page:
    return visitor.page(Role.OPERADOR)


def test_it_works(page: Page, visitor: Visitor) -> None:
    page.goto(f"{visitor.collector.url}/consola/politicas")
    expect(page.get_by_role("link", name="No cumple: 2")).to_have_count(1)
    assert_accessible(page)
    page.get_by_role("link", name="No mina criptomonedas").click()
    expect(page.locator("#said tbody tr")).to_have_count(2)
    expect(page.locator("#said tbody")).to_contain_text("<b>nadie</b>")
    expect(page.locator("#remedy")).to_contain_text("Aísle el servidor")
    assert_accessible(page)


def test_title_keeps_its_count_over_what_comes_in(page: Page, visitor: Visitor) -> None:
    page.goto(f"{visitor.collector.url}/consola/politicas/mineros")
    counted = re.compile(r"^\([0-9]+\) No mina ")
    expect(page).to_have_title(counted)
    title = page.evaluate("""() => new Promise((done) => {
        document.addEventListener("htmx:afterSettle", ({detail}) => {
            if (detail.requestConfig.elt.id === "said") setTimeout(() => done(document.title));
        });
        htmx.trigger("#said", "wake");
    })""")
    assert counted.match(title)


def test_exception_is_added_and_ended(page: Page, visitor: Visitor) -> None:
    page.goto(f"{visitor.collector.url}/consola/politicas/mineros")
    page.get_by_role("row", name="web-0").get_by_role("link", name="Exceptuar").click()
    expect(page.locator("input[name=quien]")).not_to_be_empty()
    page.get_by_label("Motivo").fill("Es un laboratorio <script>")
    page.get_by_role("button", name="Añadir una excepción").click()
    expect(page.get_by_role("status")).to_contain_text("está en vigor")
    expect(page.locator("#said tbody tr")).to_have_count(1)
    page.locator(".tabs").get_by_role("link", name="Exceptuado 1").click()
    expect(page.locator("#said tbody")).to_contain_text("Es un laboratorio <script>")
    assert_accessible(page)
    page.get_by_role("button", name="Terminar").click()
    expect(page.get_by_role("status")).to_contain_text("está terminada")
    expect(page.locator("#said tbody tr")).to_have_count(2)
    done = visitor.collector.rows("SELECT accion, quien FROM auditoria WHERE objeto = 'mineros'")
    assert [row["accion"] for row in done] == ["excepcion.conceder", "excepcion.terminar"]
    assert {row["quien"][:8] for row in done} == {"persona-"}


def test_wrong_exception_is_told_in_the_readers_language(visitor: Visitor) -> None:
    page = visitor.page(Role.OPERADOR, locale="en-GB")
    page.goto(f"{visitor.collector.url}/consola/politicas/mineros")
    page.locator("input[name=quien]").fill("nobody")
    page.get_by_label("Reason").fill("because")
    page.get_by_role("button", name="Add an exception").click()
    expect(page.get_by_role("status")).to_have_text("there is no server 'nobody'")
    expect(page.get_by_label("Reason")).to_have_value("because")


def test_reader_sees_and_changes_nothing(visitor: Visitor) -> None:
    page = visitor.page(Role.LECTOR)
    page.goto(f"{visitor.collector.url}/consola/politicas/mineros")
    expect(page.locator("#said tbody tr")).to_have_count(2)
    expect(page.get_by_role("button", name="Añadir una excepción")).to_have_count(0)
    page.goto(f"{visitor.collector.url}/consola/probar")
    expect(page.locator("h1")).to_have_text("Aquí no puede entrar")
    page.goto(f"{visitor.collector.url}/consola/politicas/nothing")
    expect(page.locator("h1")).to_have_text("Aquí no hay nada")
    expect(page.locator("small").last).to_have_text("404")
    assert_accessible(page)


def test_query_is_tried(page: Page, visitor: Visitor) -> None:
    page.goto(f"{visitor.collector.url}/consola/politicas/mineros")
    page.get_by_role("link", name="Probar una consulta").click()
    query = page.get_by_label("Consulta")
    expect(query).to_have_value(re.compile("xmrig"))
    page.get_by_role("button", name="Probar", exact=True).click()
    expect(page.locator("#trial")).to_contain_text("La violan 2 de 3 servidores")
    expect(page.locator("#trial tbody")).to_contain_text("<b>nadie</b>")
    assert_accessible(page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nombre, clave FROM cuentas", "hace lo que no debe"),
        ("DELETE FROM servers", "la consulta falla"),
        pytest.param(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n",
            "tardó más de 500 ms", marks=pytest.mark.sqlite),
        ("SELECT 1; SELECT 2", "la consulta"),
        ("SELECT 1 WHERE 0", "Ningún servidor la viola"),
    ],
)  # fmt: skip
def test_query_that_does_harm_is_refused(
    page: Page, visitor: Visitor, query: str, said: str
) -> None:
    page.goto(f"{visitor.collector.url}/consola/probar")
    page.get_by_label("Consulta").fill(query)
    page.get_by_role("button", name="Probar", exact=True).click()
    expect(page.locator("#trial")).to_contain_text(said)


@pytest.mark.parametrize("number", [999_999, 1 << 70])
def test_exception_that_is_not_there_is_told(
    shared_collector: CollectorProcess, number: int
) -> None:
    make_account(shared_collector, f"termina-{number}", Role.OPERADOR)
    somebody = Browser(shared_collector)
    somebody.log_in(f"termina-{number}")
    answer = somebody.post(f"/consola/politicas/mineros/excepciones/{number}/terminar")
    assert answer.status_code == 404
