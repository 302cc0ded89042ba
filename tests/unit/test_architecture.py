"""The house plan, held by more than good intentions."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mission_control
from mission_control import domain
from support.command import SCRIPTS
from support.diagram import PAGE, draw, drawn_into

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "mission_control"
MODULES = sorted(SOURCE.rglob("*.py"))
DOMAIN = [f"{domain.__name__}.{module.name}" for module in pkgutil.iter_modules(domain.__path__)]

# Who may ask: everybody else is told.
ASKS = {
    r"\bos\.environ\b|\bgetenv\b": {"config.py"},
    r"\bdatetime\.now\(|\butcnow\b|\btime\.time\(": {"clock.py"},
}
LONGER = {"board.py"}  # the life of a task in one piece
HEAVY = ["asyncio", "click", "cronsim", "psycopg", "rich", "sqlalchemy", "tomllib"]


def modules_matching(pattern):
    return {str(path.relative_to(SOURCE)) for path in MODULES if re.search(pattern, path.read_text())}


def test_imports_go_one_way(tmp_path):
    told = subprocess.run(
        [SCRIPTS / "lint-imports", "--no-logo", "--cache-dir", tmp_path],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("pattern", ASKS)
def test_only_one_module_asks_for_the_time_or_the_environment(pattern):
    assert modules_matching(pattern) <= ASKS[pattern]


@pytest.mark.parametrize("name", DOMAIN)
def test_the_rules_are_pure(name):
    """No clock, no chance, no files, no processes: what they need is handed to them."""
    tree = ast.parse(Path(importlib.import_module(name).__file__ or "").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"os", "io", "pathlib", "random", "secrets", "socket", "subprocess", "time"}


@pytest.mark.parametrize("name", DOMAIN)
def test_the_examples_in_the_rules_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_core_starts_without_what_only_interfaces_need():
    """Every command and every executor pays for what these import."""
    script = (
        f"import sys, mission_control.board, mission_control.views; print([m for m in {HEAVY} if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_of_a_size_that_can_be_read(path):
    assert len(path.read_text().splitlines()) <= 400 or path.name in LONGER, "which two things is it?"


def test_no_folder_collects_what_has_no_name():
    assert not [path for path in MODULES if re.search("util|helper|manager|common|misc", path.stem)]


def test_the_picture_of_a_tasks_life_is_the_table():
    page = PAGE.read_text(encoding="utf-8")
    assert draw() in page, "run bin/diagram"
    assert drawn_into(page) == page


def test_the_version_is_known():
    assert re.fullmatch(r"\d+\.\d+\.\d+", mission_control.__version__)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_exact_versions_and_no_place_to_get_them_from(name):
    condition = r"[a-z_]+ ([=!<>]=|<|>) '[a-zA-Z0-9.]+'"
    for line in (ROOT / name).read_text().splitlines():
        assert re.fullmatch(rf"[a-z0-9-]+==[0-9][0-9a-z.]*( ; {condition}( (and|or) {condition})*)?", line), line


def test_the_small_lock_is_part_of_the_large_one():
    small, large = (
        set((ROOT / name).read_text().splitlines()) for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert small <= large
