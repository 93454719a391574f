"""Every answer tells browsers and caches what not to do with it, whoever makes it."""

import re

import pytest
import requests

from API.app.application import create_app
from API.app.door.headers import DATA_POLICY, PAGE_POLICY, with_security
from API.app.ingest.channel import new_address
from API.app.settings import load_settings
from createDB.build import build
from tests.conftest import DEADLINE_S, CollectorProcess


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Every method and path that there is, with something in place of each variable."""
    folder = tmp_path_factory.mktemp("routes")
    settings = load_settings(["--storage", str(folder), "--database", str(folder / "x.sqlite")], {})
    build(settings.database)
    rules = create_app(settings, new_address()).url_map.iter_rules()
    return [(method, filled(rule.rule)) for rule in rules for method in rule.methods or ()]


def filled(rule: str) -> str:
    rule = re.sub(r"<uuid:\w+>", "3f1c9a52-6b1e-4c0d-9f3a-0d4f2f6f8a11", rule)
    return re.sub(r"<[^>]+>", "1", rule)


def assert_protected(answer: requests.Response) -> None:
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "no-store" in headers["Cache-Control"] or "/static/" in answer.url
    assert "Strict-Transport-Security" not in headers  # RFC 6797, 7.2: not over plain HTTP


def test_every_answer_has_the_headers(
    shared_collector: CollectorProcess, routes: list[tuple[str, str]]
) -> None:
    errors = [("GET", "/nothing"), ("DELETE", "/servers"), ("GET", "/servers/99")]
    for method, path in [*routes, *errors]:
        answer = requests.request(
            method, shared_collector.url + path, timeout=DEADLINE_S, allow_redirects=False
        )
        assert_protected(answer)


def test_what_the_door_refuses_has_the_headers(shared_collector: CollectorProcess) -> None:
    chunked = requests.post(shared_collector.url + "/servers", iter([b"x"]), timeout=DEADLINE_S,
                            headers={"Content-Type": "application/json"})  # fmt: skip
    forwarded = shared_collector.post({}, **{"X-Forwarded-For": "192.0.2.1"})
    for answer, status in ((chunked, 411), (forwarded, 403)):
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert_protected(answer)


def test_pages_run_files_of_ours_alone() -> None:
    page = dict(with_security([("Content-Type", "text/html; charset=utf-8")], secure=True))
    data = dict(with_security([("Content-Type", "application/json")], secure=True))
    assert page["Content-Security-Policy"] == PAGE_POLICY
    assert data["Content-Security-Policy"] == DATA_POLICY
    assert page["Strict-Transport-Security"].startswith("max-age=")


def test_a_view_may_say_otherwise_of_the_cache() -> None:
    headers = with_security([("cache-control", "max-age=60")], secure=False)
    assert [value for name, value in headers if name.lower() == "cache-control"] == ["max-age=60"]


def test_header_with_an_underscore_is_not_one_with_a_dash(
    shared_collector: CollectorProcess,
) -> None:
    """X_Forwarded_For would pass for X-Forwarded-For, and Content_Length for another length."""
    access = shared_collector.local_access | {"X_Forwarded_For": "1.2.3.4"}
    assert shared_collector.get("/servers", headers=access).ok
    proxied = shared_collector.get("/servers", headers={"X-Forwarded-For": "1.2.3.4"})
    assert proxied.status_code == 403
