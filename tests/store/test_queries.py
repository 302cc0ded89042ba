"""Every named query works on both databases, and every one is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mission_control
from mission_control.store.dialect import POSTGRES, SQLITE, Dialect
from mission_control.store.queries import _FOLDER, Queries, parse
from mission_control.store.store import Store

SOURCES = [path.read_text() for path in Path(mission_control.__file__).parent.rglob("*.py")]


def names(dialect: Dialect) -> set[str]:
    """All queries that this database has."""
    found = set()
    for path in Path(_FOLDER).glob("*.sql"):
        group, _, special = path.stem.partition(".")
        if special in ("", dialect.name):
            found |= {f"{group}.{name}" for name in parse(path.read_text())}
    return found


def asked_for() -> set[str]:
    """All queries that the code names; where it puts a name together, all that begin as it does."""
    whole = re.compile(r'\.(?:rows?|changes)\(\s*"([a-z]+\.[a-z_]+)"')
    begun = re.compile(r'\.(?:rows?|changes)\(\s*f"([a-z]+\.[a-z_]*)\{')
    literal = {name for text in SOURCES for name in whole.findall(text)}
    beginnings = tuple(start for text in SOURCES for start in begun.findall(text))
    return literal | {name for name in names(SQLITE) if name.startswith(beginnings)}


def test_both_databases_have_every_query() -> None:
    assert names(SQLITE) == names(POSTGRES)


def test_every_query_is_used_and_every_used_one_is_there() -> None:
    assert names(SQLITE) == asked_for()


@pytest.mark.parametrize("name", sorted(names(SQLITE)))
def test_a_query_is_understood(store: Store, name: str) -> None:
    if name.startswith("migration."):
        return  # each opening of a database has just asked them
    text = Queries(store.dialect)[name]
    pattern = r"(?<!:):([a-z_]+)" if store.dialect is SQLITE else r"%\(([a-z_]+)\)s"
    parameters = dict.fromkeys(re.findall(pattern, text))
    store._connection.execute(f"EXPLAIN {text}", parameters)


def test_no_query_is_written_twice() -> None:
    written = [
        f"{path.stem.partition('.')[0]}.{name}"
        for path in Path(_FOLDER).glob("*.sql")
        if not path.stem.endswith(".postgres")
        for name in parse(path.read_text())
    ]
    assert len(written) == len(set(written))
