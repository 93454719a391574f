"""Reports of every kind, for tests that say something of all of them."""

import uuid
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
) | st.sampled_from(
    [
        "../../etc/passwd",
        "'; DROP TABLE servers; --",
        "<script>alert(1)</script>",
        "dos\nlíneas\r\ny más",
        '"comillas" y \\barras\\',
        "=cmd|' /C calc'!A0",
        "\u202eal revés",
        "\u2028\u2029\x7f\x1b[31m",
        "😀 ñandú",
        "x" * 4096,
        "%s %(a)s {0} ${HOME} `id`",
        "NULL",
        "",
    ]
)
EARLIEST, LATEST = datetime(1970, 1, 2), datetime(9998, 12, 30)  # noqa: DTZ001 - offset is added
PID = st.integers(0, 2**31 - 1)
UUID = st.uuids(allow_nil=False).map(str)
OFFSET = st.sampled_from(["", "Z", "+00:00", "-05:00", "+05:45"])


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def moments(draw: st.DrawFn, offsets: st.SearchStrategy[str] = OFFSET) -> str:
    moment = draw(st.datetimes(min_value=EARLIEST, max_value=LATEST))
    return moment.isoformat(draw(st.sampled_from("T "))) + draw(offsets)


PROCESS = st.fixed_dictionaries(
    {"pid": PID, "name": TEXT},
    optional={
        "username": optional(TEXT),
        "inicio": optional(moments(st.sampled_from(["Z", "+02:00"]))),
    },
)
SESSION = st.fixed_dictionaries({"name": TEXT}, optional={"pid": optional(PID)})
UNKNOWN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip

REPORTS = st.fixed_dictionaries(
    {
        "arquitectura_proc": TEXT,
        "marca_proc": TEXT,
        "nombre_so": TEXT,
        "version_so": TEXT,
        "ipaddress": TEXT,
        "fecha_hora": moments(),
        "procesos": st.lists(PROCESS, max_size=8),
        "usuarios_activos": st.lists(SESSION, max_size=4),
        "id_agente": UUID,
        "id_reporte": st.builds(lambda: str(uuid.uuid4())),
    },
    optional={
        "hostname": optional(TEXT),
        "distribucion": optional(TEXT),
        "version_distribucion": optional(TEXT),
        "nucleo": optional(TEXT),
        "id_arranque": optional(TEXT),
        "arranque": optional(moments(st.just("Z"))),
        "intervalo": optional(st.floats(0.001, 366 * 86_400) | st.integers(1, 86_400)),
        "version_agente": optional(TEXT),
        "pid_agente": optional(PID),
        "descartados": optional(st.integers(0, 2**53 - 1)),
        "errores": optional(st.dictionaries(TEXT, TEXT, max_size=3)),
        "campo_nuevo": UNKNOWN,
    },
)

SEED_FIELDS = (
    "arquitectura_proc",
    "marca_proc",
    "nombre_so",
    "version_so",
    "ipaddress",
    "fecha_hora",
    "procesos",
    "usuarios_activos",
)
WRONG_PROCESSES: tuple[Any, ...] = (
    {},
    {"pid": 1},
    {"name": "x"},
    {"pid": -1, "name": "x"},
    {"pid": 2**31, "name": "x"},
    {"pid": 1.5, "name": "x"},
    {"pid": "1", "name": "x"},
    {"pid": 1, "name": None},
    {"pid": 1, "name": "x", "username": 0},
    {"pid": 1, "name": "x", "inicio": "2026-01-01T00:00:00"},
    None,
    "x",
)


@st.composite
def wrong_reports(draw: st.DrawFn) -> dict[str, Any]:
    """Reports with one thing that the contract does not allow."""
    report: dict[str, Any] = draw(REPORTS)
    field = draw(st.sampled_from(SEED_FIELDS))
    spoil = draw(st.sampled_from(["remove", "type", "process", "session", "text"]))
    if spoil == "remove":
        del report[field]
    elif spoil == "type":
        report[field] = draw(st.sampled_from([None, 7, True, {}, 1.5]))
    elif spoil == "process":
        report["procesos"].append(draw(st.sampled_from(WRONG_PROCESSES)))
    elif spoil == "session":
        report["usuarios_activos"].append(draw(st.sampled_from([{}, {"name": 1}, None, []])))
    else:
        report["hostname"] = draw(st.sampled_from(["a\0", "\ud800", "y" * 4097, ["x"]]))
    return report
