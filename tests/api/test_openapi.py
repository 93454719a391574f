"""/openapi.json says what there is, and what there is does as it says."""

import re
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.routing import Map

from API.app.application import create_app
from API.app.ingest.channel import new_address
from API.app.openapi.document import document
from API.app.settings import load_settings
from createDB.build import build
from tests.api.people import Browser, as_administrator, make_account
from tests.conftest import CollectorProcess, NewCollector, make_report

PAGES = re.compile(r"/$|/consola|/static")
EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Map:
    folder = tmp_path_factory.mktemp("routes")
    arguments = ["--storage", str(folder), "--database", str(folder / "servers.sqlite")]
    options = load_settings(arguments, {})
    build(options.database)
    return create_app(options, new_address()).url_map


def test_every_route_that_is_no_page_is_in_it(routes: Map) -> None:
    there_are = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in routes.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not PAGES.match(rule.rule)
    }
    said = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert said == there_are


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    for name in re.findall(r"'#/components/schemas/(\w+)'", repr(document())):
        assert name in schemas


def test_reports_are_described_as_the_wire_model_takes_them() -> None:
    components = document()["components"]
    schema = {**components["schemas"]["Report"], "components": components}
    text = re.compile("#/components")
    assert text.search(repr(schema))
    jsonschema.Draft202012Validator(schema).validate(make_report())


@pytest.fixture(scope="module")
def running(new_shared_collector: NewCollector) -> CollectorProcess:
    collector = new_shared_collector().start()
    for number in range(3):
        assert collector.post(make_report(hostname=f"web-{number}")).status_code == 201
    return collector


@pytest.fixture(scope="module")
def access(running: CollectorProcess) -> dict[str, str]:
    return as_administrator(running)


def test_the_document_is_served_to_who_may_read(
    running: CollectorProcess, access: dict[str, str]
) -> None:
    assert running.get("/openapi.json", headers=access).json() == document()
    assert running.get("/openapi.json", headers={}).status_code == 401


@pytest.fixture(scope="module")
def described(running: CollectorProcess) -> Any:
    schema = schemathesis.openapi.from_dict(document())
    schema.config.update(base_url=running.url)
    schema.config.generation.update(with_security_parameters=False)
    return schema


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path, methods in document()["paths"].items() for method in methods],
)
def test_every_answer_is_as_it_says(
    described: Any, access: dict[str, str], path: str, method: str
) -> None:
    headers = {} if method == "post" else access

    @given(case=described[path][method].as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        (case.query or {}).pop("despues", None)  # that is a Link's to say: test_resources.py
        if (case.path_parameters or {}).get("formato") != "xlsx":  # so is this
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

    check()


def test_people_can_look_through_it(running: CollectorProcess) -> None:
    make_account(running, "lectora")
    browser = Browser(running)
    browser.log_in("lectora")
    answer = browser.get("/consola/api")
    assert answer.status_code == 200
    for path in document()["paths"]:
        assert path in answer.text
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
