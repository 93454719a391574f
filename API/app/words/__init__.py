"""What people are told on the console's pages, in both languages; commands speak the first.

Each page has a module with its own words, a key once in all of them together.
"""

from typing import Any

from API.app.words import (
    account,
    agents,
    alerts,
    api,
    audit,
    changes,
    home,
    login,
    messages,
    policies,
    report,
    server,
    servers,
    settings,
    shell,
    things,
    who,
)

LANGUAGES = ("es", "en")

WORDS: dict[str, tuple[str, str]] = {
    key: texts
    for page in (
        account,
        agents,
        alerts,
        api,
        audit,
        changes,
        home,
        login,
        messages,
        policies,
        report,
        server,
        servers,
        settings,
        shell,
        things,
        who,
    )
    for key, texts in page.WORDS.items()
}


def say(key: str, language: str, **values: Any) -> str:
    """Give the words for `key` in a language."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)


def count(key: str, number: int, language: str) -> str:
    """Give the words for so many of something: those of `key`, or of `key_one` for a single one."""
    return say(f"{key}_one" if number == 1 else key, language, n=number_text(number, language))


def number_text(number: int, language: str) -> str:
    """Write a whole number with its thousands apart, as the language does."""
    text = f"{number:,}"
    if language == "en":
        return text
    return text.replace(",", "" if abs(number) < 10_000 else "\N{NARROW NO-BREAK SPACE}")


def share_text(share: float | None, language: str) -> str:
    """Write a share as a percentage; it is 100 % only where nothing is missing."""
    if share is None:
        return "—"
    tenths = 1000 if share >= 1 else min(int(share * 1000), 999)
    text = f"{tenths / 10:.1f}".removesuffix(".0")
    return f"{text}%" if language == "en" else f"{text.replace('.', ',')}\N{NO-BREAK SPACE}%"


class SpokenError(Exception):
    """Something that a person is told, in their language; as text, in the first."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(say(key, LANGUAGES[0], **values))
        self.key = key
        self.values = values

    def in_language(self, language: str) -> str:
        """Give what to tell them."""
        return say(self.key, language, **self.values)
