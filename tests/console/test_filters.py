"""How values are written on pages."""

import json

import pytest

from API.app.controllers.consola.filters import visible, visible_json


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("web 1 de ñandú 中文", "web 1 de ñandú 中文"),
        (" ", r"\u0020"),
        ("sshd ", r"sshd\u0020"),
        (" sshd", r"\u0020sshd"),
        ("a  b", r"a \u0020b"),
        ("abc\u202egpj.exe", r"abc\u202egpj.exe"),
        ("ss\u200bhd\xa0\u3164\xad", r"ss\u200bhd\u00a0\u3164\u00ad"),
        ("a\nb\x7f", r"a\nb\u007f"),
        ("\U000e0041", r"\udb40\udc41"),
    ],
)
def test_what_is_not_seen_is_written_out(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_json_says_the_same_afterwards() -> None:
    said = {"name": "  a\u202e \xa0\U000e0041"}
    lines = json.dumps(said, indent=2, ensure_ascii=False).splitlines()
    shown = [visible_json(line) for line in lines]
    assert json.loads("\n".join(shown)) == said
    assert shown[1] == r'  "name": "  a\u202e \u00a0\udb40\udc41"'
