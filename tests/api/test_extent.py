"""How much a report may be: each limit at its edge, and what tries to slip past it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from API.app.extent import depth_of, longest_text
from tests.conftest import CollectorProcess, NewCollector, make_report

TEXT = 5_000
OPTIONS = (
    "--cuerpo-mib", "1", "--procesos-reporte", "7", "--sesiones-reporte", "5",
    "--anidamiento", "6", "--texto", str(TEXT),
)  # fmt: skip

Report = dict[str, Any]


@pytest.fixture(scope="module")
def narrow(new_shared_collector: NewCollector) -> CollectorProcess:
    return new_shared_collector(*OPTIONS).start()


def processes(count: int) -> Report:
    return make_report(procesos=[{"pid": pid, "name": "x"} for pid in range(count)])


def sessions(count: int) -> Report:
    return make_report(usuarios_activos=[{"name": "ana"}] * count)


def nested(levels: int) -> Report:
    """Make a report of so many levels, itself the first."""
    value: Any = {}
    for _ in range(levels - 2):
        value = [value]
    return make_report(futuro=value, otro=["[[[[[[[[", '"[{\\"[{'])


def text(length: int) -> Report:
    return make_report(futuro={"a": ["ñ" * length]}, otro="\n" * (length - 1))


@pytest.mark.parametrize(
    ("report", "most", "problem"),
    [
        (processes, 7, "$.procesos: expected array of length <= 7"),
        (sessions, 5, "$.usuarios_activos: expected array of length <= 5"),
        (nested, 6, "$.futuro: nested deeper than 6"),
        (text, TEXT, f"$.futuro: expected str of length <= {TEXT}"),
    ],
    ids=["processes", "sessions", "nesting", "text"],
)
def test_limit_ends_at_its_edge(
    narrow: CollectorProcess, report: Callable[[int], Report], most: int, problem: str
) -> None:
    assert narrow.post(report(most)).status_code == 201
    lines = len(narrow.journal())
    answer = narrow.post(report(most + 1))
    assert answer.status_code == 400
    assert answer.json()["errores"] == [problem]
    assert len(narrow.journal()) == lines


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_body_ends_at_its_limit(narrow: CollectorProcess, packed: bool) -> None:
    """The limit of the bytes that come is that of the bytes that they unpack to."""
    headers = {"Content-Encoding": "gzip"} if packed else {}
    for excess, status in ((0, 201), (1, 413)):
        body = json.dumps(make_report(procesos=[])).encode().ljust((1 << 20) + excess)
        body = gzip.compress(body) if packed else body
        assert narrow.post(body, **headers).status_code == status


@pytest.mark.parametrize(
    ("hidden", "problem"),
    [
        (b'{"a":' + b"[" * 9 + b"]" * 9 + b',"a":0}', "$.futuro: nested deeper than 6"),
        (b"[[[[[[]]]]]]" + b',"futuro":0', "$: nested deeper than 6"),
        (b'{"%b":0}' % (b"k" * (TEXT + 1)), f"$.futuro: expected str of length <= {TEXT}"),
        (b'0,"%b":0' % (b"k" * (TEXT + 1)), f"$: expected str of length <= {TEXT}"),
    ],
    ids=["replaced inside", "replaced", "name inside", "name"],
)
def test_what_hides_from_the_path_is_found_all_the_same(
    narrow: CollectorProcess, hidden: bytes, problem: str
) -> None:
    body = json.dumps(make_report(futuro="X")).encode().replace(b'"X"', hidden)
    assert narrow.post(body).json()["errores"] == [problem]


json_values = st.recursive(
    st.none() | st.integers() | st.text('a\\"[]{}ñ\u20ac\U0001f600\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"[{\\'), inner),
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *texts([*value.values()])]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@given(json_values)
def test_any_json_is_measured_as_it_is_read(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    assert depth_of(body) == depth(value)
    assert longest_text(body) == max(map(len, texts(value)), default=0)
