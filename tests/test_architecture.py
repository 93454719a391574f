"""The borders between the parts, as a test: who may import whom."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

AGENT_LIBRARIES = {"psutil", "netifaces", "cpuinfo", "requests", "urllib3", "certifi"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module or ""


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


def test_agent_imports_its_neighbours_and_its_libraries_alone() -> None:
    neighbours = {path.stem for path in (ROOT / "agente").iterdir()}
    allowed = neighbours | AGENT_LIBRARIES | set(sys.stdlib_module_names)
    for path in modules("agente"):
        assert {name.split(".")[0] for name in imports_of(path)} <= allowed, path


def test_schema_and_engine_know_nothing_of_the_collector() -> None:
    for name in ("schema.py", "engine.py", "state.py", "tables.py", "build.py"):
        path = ROOT / "createDB" / name
        assert not [name for name in imports_of(path) if name.startswith("API")], path


def test_wire_model_does_no_io() -> None:
    forbidden = {"os", "io", "pathlib", "socket", "sqlalchemy", "flask", "requests", "subprocess"}
    names = {name.split(".")[0] for name in imports_of(ROOT / "API" / "app" / "report.py")}
    assert not names & forbidden


def test_routers_only_name_controllers() -> None:
    for path in modules("API/app/routers"):
        for name in imports_of(path):
            assert name in ("flask", "API.app.controllers", "API.app.controllers.consola"), path


@pytest.mark.parametrize("folder", ["API/app/controllers", "API/app/routers"])
def test_sql_lives_elsewhere(folder: str) -> None:
    for path in modules(folder):
        roots = {name.split(".")[0] for name in imports_of(path)}
        assert not roots & {"sqlalchemy", "sqlite3", "createDB"}, path


def test_queries_only_select() -> None:
    for path in modules("API/app/queries"):
        tree = ast.parse(path.read_text())
        called = {node.func.id for node in ast.walk(tree)
                  if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
        assert not called & {"insert", "update", "delete", "text"}, path


def test_only_settings_read_the_environment() -> None:
    for folder in ("API", "createDB", "agente"):
        for path in modules(folder):
            if path.name in ("settings.py", "start.py", "createDB.py"):
                continue
            assert not re.search(r"os\.environ(\.get|\[)|getenv", path.read_text()), path


def test_pandas_stays_out_of_the_running_collector() -> None:
    """It is imported by the program that makes workbooks, which nobody imports."""
    program = "API.app.exports.sheets"
    for path in modules("API"):
        names = set(imports_of(path))
        assert program not in names, path
        if path != ROOT / f"{program.replace('.', '/')}.py":
            assert "pandas" not in names, path


def test_only_the_writer_checkpoints() -> None:
    """Two that do so at a time can corrupt a database (https://sqlite.org/wal.html#walresetbug)."""
    writer = {"keeper.py", "housekeeping.py"}  # whose steps run between the writer's batches
    for path in modules("API"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "open_engine":
                told = {keyword.arg for keyword in call.keywords}
                assert path.name in writer or told & {"read_only", "checkpoints"}, path
    for name in ("API", "createDB", "bench/ingest.py"):
        for path in modules(name) if (ROOT / name).is_dir() else [ROOT / name]:
            assert "wal_checkpoint" not in path.read_text(), path
