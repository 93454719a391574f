"""A policy's file: what is wrong with it is named, with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from API.app.compliance.library import Library, Problem, Rule, load
from API.app.compliance.policy import Policy
from API.app.documents import DocumentError, read

GOOD = """\
id: sin-telnet
titulo: No atiende Telnet
severidad: alta
descripcion: Nadie atiende Telnet.
por_que: No cifra nada.
remedio: Desinstálelo.
requiere: [procesos]
consulta: |
  SELECT pid FROM procesos WHERE id_serv = :id_serv AND name = 'telnetd'
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_policy_is_read() -> None:
    policy = read(GOOD.encode(), Policy)
    assert (policy.id, policy.severidad, policy.requiere) == ("sin-telnet", "alta", ["procesos"])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        pytest.param("", 1, "está vacío", id="empty"),
        pytest.param(changed("id: sin-telnet\n", ""), 1, "falta 'id'", id="missing"),
        pytest.param(changed("titulo", "título"), 2, "campo desconocido 'título'", id="unknown"),
        pytest.param(changed("alta", "grave"), 3, "'severidad': 'grave' no es", id="enum"),
        pytest.param(changed("[procesos]", "procesos"), 7, "'requiere': se esperaba una lista, "
                     "hay texto", id="kind"),
        pytest.param(changed("[procesos]", "[]"), 7, "'requiere': no debe estar vacío", id="none"),
        pytest.param(changed("sin-telnet", "Sin telnet"), 1, "'id': debe ser de minúsculas",
                     id="name"),
        pytest.param(GOOD + "id: otra\n", 10, "'id' está dos veces", id="twice"),
        pytest.param(GOOD + "referencias: {CIS: 4}\n", 10, "se esperaba una lista", id="nested"),
        pytest.param(GOOD + "aplica: {hostame: [a]}\n", 10, "campo desconocido 'hostame'",
                     id="deep"),
        pytest.param(changed("[procesos]", "[procesos"), 8, "no es YAML", id="syntax"),
        pytest.param("a: &a [1]\nb: *a\n", 2, "no se admiten alias", id="alias"),
        pytest.param("!!python/object:os.system {}\n", 1, "could not determine", id="tag"),
        pytest.param("[" * 2000, 1, "demasiados niveles", id="nesting"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(text.encode(), Policy)
    assert error.value.line == line
    assert reason in error.value.reason


def test_bytes_that_are_no_text_are_named_with_their_line() -> None:
    with pytest.raises(DocumentError, match="línea 10: no es UTF-8"):
        read(GOOD.encode() + b"referencias: \xff\n", Policy)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


Put = Callable[[str, str], Path]


def test_words_of_yaml_stay_words(put: Put) -> None:
    path = put("a.yaml", GOOD + "ejemplos: {cumple: [{hostname: no, fecha_hora: 2026-11-20}]}\n")
    rule = load(path)
    assert isinstance(rule, Rule)
    assert rule.policy.ejemplos.cumple == [{"hostname": "no", "fecha_hora": "2026-11-20"}]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("telnetd'", "telnetd", "la consulta no vale: unrecognized token", id="syntax"),
        pytest.param("pid FROM", "puerto FROM", "no such column: puerto", id="column"),
        pytest.param("[procesos]", "[nucleo]", "mira 'procesos', que falta", id="undeclared"),
        pytest.param("[procesos]", "[paquetes]", "no hay 'paquetes'; hay", id="no fact"),
        pytest.param("'telnetd'", "'telnetd' AND ip_server < 'now'", "es :en", id="now"),
        pytest.param("'telnetd'", "'telnetd' AND ip_server < :en", "(:en), y 'agentes'", id="time"),
        pytest.param("FROM procesos", "FROM auditoria", "no such column: pid", id="table"),
        pytest.param("'telnetd'", "'telnetd'; SELECT 1", 'near ";"', id="second"),
    ],
)
def test_a_query_that_is_wrong_is_named_with_its_line(
    put: Put, old: str, new: str, reason: str
) -> None:
    problem = load(put("a.yaml", changed(old, new)))
    assert isinstance(problem, Problem)
    assert problem.line == 8
    assert reason in problem.reason


def test_a_bad_file_stops_no_other(put: Put, tmp_path: Path) -> None:
    put("a.yaml", "id: [")
    put("b.yaml", GOOD)
    put("c.yaml", GOOD)
    library = Library([tmp_path])
    assert list(library.rules) == ["sin-telnet"]
    assert [problem.path.name for problem in library.problems] == ["a.yaml", "c.yaml"]
    assert library.problems[1].reason == "su id, 'sin-telnet', es ya el de b.yaml"


def test_the_operators_own_policy_goes_before_the_shipped(put: Put, tmp_path: Path) -> None:
    put("shipped/a.yaml", GOOD)
    put("own/otro-nombre.yaml", changed("alta", "baja"))
    library = Library([tmp_path / "shipped", tmp_path / "own"])
    assert library.rules["sin-telnet"].policy.severidad == "baja"
    assert library.problems == []


def test_changes_of_files_are_noticed(put: Put, tmp_path: Path) -> None:
    library = Library([tmp_path])
    path = put("a.yaml", GOOD)
    assert library.refresh()
    first = library.rules["sin-telnet"].huella
    assert not library.refresh()
    path.write_text(changed("No cifra nada.", "No cifra nada de nada."))
    assert library.refresh()
    assert library.rules["sin-telnet"].huella != first
    path.unlink()
    assert library.refresh()
    assert library.rules == {}
