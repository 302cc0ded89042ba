"""Named queries: read from queries/*.sql, a file at its first use."""

from __future__ import annotations

import os
import re

from mission_control.store.dialect import Dialect

_FOLDER = os.path.join(os.path.dirname(__file__), "queries")
_BLOCK = re.compile(r"^-- name: ([a-z_]+)\n", re.MULTILINE)
_LET = re.compile(r"^-- let ([a-z_]+) =\n((?:--   .*\n)+)", re.MULTILINE)


class Queries:
    """The text of `file.name` queries, adapted to one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[str, str] = {}
        self._loaded: set[str] = set()

    def __getitem__(self, name: str) -> str:
        """The SQL of e.g. `task.get`; KeyError when no file has it."""
        if name not in self._texts:
            self._load(name.partition(".")[0])
        return self._texts[name]

    def _load(self, group: str) -> None:
        if group in self._loaded:
            return
        self._loaded.add(group)
        for file_name in (f"{group}.sql", f"{group}.{self._dialect.name}.sql"):
            path = os.path.join(_FOLDER, file_name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    for name, text in parse(file.read()).items():
                        self._texts[f"{group}.{name}"] = self._dialect.adapt_query(text)


def parse(text: str) -> dict[str, str]:
    """The queries of one file, by name.

    A block starts with `-- name: NAME` and lasts until the next. `-- let WORD =` with the lines below it,
    each starting with `--   `, is text that stands wherever the file says `{WORD}`.
    """
    words = {word: re.sub(r"^--   ", "", body, flags=re.MULTILINE).strip() for word, body in _LET.findall(text)}
    parts = _BLOCK.split(text)
    queries = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        full = re.sub(r"\{([a-z_]+)\}", lambda found: words[found[1]], body)
        queries[name] = full.strip().rstrip(";")
    return queries
