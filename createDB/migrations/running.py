"""Runs Alembic, wherever the program runs."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from createDB.state import MIGRATIONS


def alembic_config() -> Config:
    """Give the settings with which Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def run_migrations(connection: Connection) -> None:
    """Bring the tables to the revision that the code wants, in the caller's transaction."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
