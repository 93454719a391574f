"""The collector's settings, where each came from; without secrets, and only to be read."""

from itertools import groupby

from flask import Response

from API.app.accounts.roles import Role
from API.app.collector import the_collector
from API.app.controllers.consola.pages import page, require_person
from API.app.settings import SETTINGS


def show_settings() -> Response:
    """Show them all, by the section of config.ini in which they stand."""
    who = require_person(Role.ADMINISTRADOR)
    rows = sorted(SETTINGS, key=lambda row: row.section)
    return page(
        "settings.html",
        section="settings",
        who=who,
        settings=the_collector().settings,
        groups=[(name, list(each)) for name, each in groupby(rows, key=lambda row: row.section)],
    )
