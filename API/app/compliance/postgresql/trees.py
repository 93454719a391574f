"""Reads how PostgreSQL itself understood a query: the tree of nodes that it keeps of a view.

`{OPEXPR :opno 98 :args ({VAR :varno 1} ...)}`: a node has fields, and those have nodes, lists and
words (src/backend/nodes/outfuncs.c). What a query names, such as an alias, stands there as a word,
with a backslash before what would end it; it may look like a field. So a field may stand here
twice, and no node can hide another.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\{(\w*)|(\})|[()]|((?:\\.|[^\s(){}\\])+)", re.DOTALL)


class Node:
    """A node of a query's tree."""

    def __init__(self, kind: str, parent: "Node | None", field: str) -> None:
        self.kind = kind
        self.parent = parent
        self.field = field
        """That of its parent in which it stands."""
        self.words: list[tuple[str, str]] = []
        """Words, each with the field that it stands in."""

    def numbers(self, field: str) -> list[int]:
        """Give the numbers in a field."""
        return [int(word) for name, word in self.words if name == field and word.isdecimal()]

    def above(self) -> Iterator["Node"]:
        """Give the nodes that it stands in, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent


def nodes_of(tree: str) -> list[Node]:
    """Give the nodes of a tree, each before those within it."""
    found: list[Node] = []
    fields: list[str] = [""]
    parent: Node | None = None
    for token in _TOKEN.finditer(tree):
        kind, end, word = token.groups()
        if kind is not None:
            parent = Node(kind, parent, fields[-1])
            found.append(parent)
            fields.append("")
        elif end and parent:
            parent = parent.parent
            fields.pop()
        elif word and word[0] == ":":
            fields[-1] = word[1:]
        elif word and parent:
            parent.words.append((fields[-1], word))
    return found
