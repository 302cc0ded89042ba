"""Named queries: every file is well formed, in both dialects, and the code and the files agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mission_control.store.dialect import POSTGRES, SQLITE
from mission_control.store.queries import Queries, parse

STORE = Path(__file__).parents[2] / "src" / "mission_control" / "store"
FILES = sorted((STORE / "queries").glob("*.sql"))
QUERY = re.compile(r"""\.(?:rows?|changes)\(\s*f?["']([a-z_]+\.[a-z_{}]+)["']""")


def named(dialect):
    """Every query that one dialect has."""
    return {
        f"{path.name.partition('.')[0]}.{name}"
        for path in FILES
        if path.name.count(".") == 1 or f".{dialect.name}." in path.name
        for name in parse(path.read_text())
    }


def used():
    """Every query that the code asks for, as a pattern: the end of a name may be computed."""
    found = {name for path in STORE.glob("*.py") for name in QUERY.findall(path.read_text())}
    return {re.compile(re.sub(r"\{[a-z_]+\}", "[a-z_]+", name.replace(".", r"\."))) for name in found}


def test_a_block_lasts_until_the_next_and_loses_its_semicolon():
    found = parse("-- About.\n\n-- name: one\n-- Why.\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")
    assert found == {"one": "-- Why.\nSELECT 1", "two": "SELECT 2"}


def test_a_shared_text_stands_wherever_it_is_named():
    found = parse("-- let columns =\n--   a,\n--   b\n\n-- name: one\nSELECT {columns} FROM t;\n")
    assert found == {"one": "SELECT a,\nb FROM t"}


def test_a_file_without_blocks_has_no_queries():
    assert parse("-- nothing yet\n") == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_well_formed(path):
    text = path.read_text()
    names = re.findall("^-- name: (.*)$", text, re.MULTILINE)
    queries = parse(text)
    assert list(queries) == names, "a name that is not read, or twice"
    for query in queries.values():
        assert not re.search(r"\{[a-z_]+\}", query)
        assert ";" not in re.sub("--.*|'[^']*'", "", query), "one statement each"


def test_both_databases_have_the_same_queries():
    assert named(SQLITE) == named(POSTGRES)


def test_every_query_in_the_code_exists_and_none_is_left_over():
    files, code = named(SQLITE), used()
    assert not [pattern.pattern for pattern in code if not any(map(pattern.fullmatch, files))]
    assert not [name for name in sorted(files) if not any(pattern.fullmatch(name) for pattern in code)]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES], ids=lambda dialect: dialect.name)
def test_a_query_that_does_not_exist_is_a_fault(dialect):
    queries = Queries(dialect)
    assert "FROM task" in queries["task.get"]
    for name in ("task.nothing", "nothing.get"):
        with pytest.raises(KeyError):
            queries[name]


def test_parameters_and_locks_are_written_as_each_driver_wants_them():
    sql = "SELECT '5%' AS a, b::text FROM t WHERE c = :c_d /*FOR UPDATE OF t*/"
    assert SQLITE.adapt_query(sql) == sql
    assert POSTGRES.adapt_query(sql) == "SELECT '5%%' AS a, b::text FROM t WHERE c = %(c_d)s FOR UPDATE OF t"
