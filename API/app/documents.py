"""Reads YAML that operators write; whatever is wrong is named with its line, in Spanish."""

import re
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")

MAX_BYTES = 256 * 1024


class DocumentError(Exception):
    """A text is not what it should be.

    Args:
        line: where, from 1 on.
        reason: why, for the operator.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"línea {line}: {reason}")
        self.line = line
        self.reason = reason


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: `no` and dates are text, keys stand once, nothing repeats."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise DocumentError(_line(event), "no se admiten alias (*)")
        return super().compose_node(parent, index)


_PLAIN = ("null", "bool", "int", "float")
_Loader.yaml_implicit_resolvers = {
    first: [row for row in rows if row[0].rpartition(":")[2] in _PLAIN and row[0][-4:] != "bool"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def read(text: bytes, kind: type[T]) -> T:
    """Read what is described by a struct of msgspec.

    Raises:
        DocumentError: it isn't that.
    """
    if len(text) > MAX_BYTES:
        raise DocumentError(1, f"ocupa más de {MAX_BYTES >> 10} KiB")
    node = _compose(text)
    try:
        value = _Loader("").construct_document(node)
        return msgspec.convert(value, kind)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error) from None
    except msgspec.ValidationError as error:
        raise _located(node, str(error)) from None


def line_of(text: bytes, *path: str) -> int:
    """Tell at which line of a text the value begins that a path of fields and places leads to."""
    return _find(_compose(text), list(path), key=False)


def _compose(text: bytes) -> yaml.Node:
    try:
        node = yaml.compose(text.decode(), _Loader)
    except UnicodeDecodeError as error:
        raise DocumentError(1 + text.count(b"\n", 0, error.start), "no es UTF-8") from None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error) from None
    except yaml.YAMLError as error:
        raise DocumentError(1, f"no es YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DocumentError(1, "está anidado en demasiados niveles") from None
    if node is None:
        raise DocumentError(1, "está vacío")
    _refuse_repeated(node)
    return node


def _not_yaml(error: yaml.MarkedYAMLError) -> DocumentError:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    return DocumentError(line, f"no es YAML: {error.problem}")


def _refuse_repeated(node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated(item)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise DocumentError(_line(key), f"'{key.value}' está dos veces")
            seen.add(key.value)
            _refuse_repeated(value)


def _line(marked: Any) -> int:
    return int(marked.start_mark.line) + 1


def _located(node: yaml.Node, message: str) -> DocumentError:
    """Turn msgspec's 'Expected `str`, got `int` - at `$.titulo`' into a line and a reason."""
    what, _, where = message.partition(" - at `")
    path = re.findall(r"[^.\[\]$]+", where.rstrip("`"))
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown:
        return DocumentError(_find(node, [*path, unknown[1]]), f"campo desconocido '{unknown[1]}'")
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        return DocumentError(_find(node, path), f"falta '{missing[1]}'")
    subject = f"'{'.'.join(path)}': " if path else ""
    return DocumentError(_find(node, path), subject + _in_spanish(what))


_WORDS = (
    (r"Expected `array` of length >= 1", "no debe estar vacío"),
    (r"Expected `str` of length >= (\d+)", r"debe tener al menos \1 letras"),
    (r"Expected `str` of length <= (\d+)", r"debe tener a lo sumo \1 letras"),
    (r"Expected `str` matching regex .*", "debe ser de minúsculas, cifras y guiones"),
    (r"Invalid enum value (.*)", r"\1 no es uno de los valores que hay"),
    (r"Expected `(.*)`, got `(.*)`", r"se esperaba \1, hay \2"),
)
_KINDS = {
    "str": "texto", "array": "una lista", "object": "un grupo de campos", "int": "un número",
    "float": "un número", "null": "nada", "bool": "true o false",
}  # fmt: skip


def _in_spanish(what: str) -> str:
    for pattern, words in _WORDS:
        found = re.fullmatch(pattern, what)
        if found:
            text = found.expand(words)
            return re.sub(r"\b(str|array|object|int|float|null|bool)\b",
                          lambda kind: _KINDS[kind[0]], text).replace(" | ", " o ")  # fmt: skip
    return what


def _find(node: yaml.Node, path: list[str], *, key: bool = True) -> int:
    """Tell the line of what a path leads to, or of the last of it that there is."""
    line = _line(node)
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == step or step == "..."]
            if not found:
                break
            line, node = _line(found[0][0 if key else 1]), found[0][1]
        elif isinstance(node, yaml.SequenceNode) and step.isdigit():
            node = node.value[int(step)]
            line = _line(node)
    return line
