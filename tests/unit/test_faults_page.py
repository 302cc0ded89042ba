"""docs/faults.md promises tests; each must be there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| (\d+) \|[^|]*\|[^|]*\| ([^|]*) \| ([^|]*) \|")
ROWS = [match.groups() for match in map(ROW.fullmatch, (ROOT / "docs/faults.md").read_text().splitlines()) if match]


def test_every_fault_of_the_catalogue_has_its_row():
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 61))


def test_every_test_that_a_row_names_exists():
    named = [name for _, held, _ in ROWS for name in re.findall(r"`([^`]*)`", held)]
    assert named
    for name in named:
        path, _, function = name.partition("::")
        assert f"\ndef {function}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), name


def test_a_row_without_a_test_says_why():
    for number, held, remark in ROWS:
        assert "`" in held or remark.startswith("no test: "), number
