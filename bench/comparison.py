"""Ways of doing the same thing, measured side by side: taken in turns, compared round by round, told as a table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

RESULTS = Path(os.environ.get("MISSION_BENCH_RESULTS") or Path(__file__).parent / "results")

Measure = Callable[[], float]


@dataclass(frozen=True)
class Rounds:
    """What each way came to in each round, and how busy the machine was."""

    values: Mapping[str, list[float]]
    loads: list[float] = field(default_factory=list)  # load average of the last minute, before each round

    def median(self, way: str) -> float:
        return statistics.median(self.values[way])

    def ratio(self, way: str, baseline: str) -> float:
        """Median of the ratios of each round: both sides of one were measured seconds apart."""
        pairs = zip(self.values[way], self.values[baseline], strict=True)
        return statistics.median(value / base for value, base in pairs)


def take_turns(ways: Mapping[str, Measure], rounds: int) -> Rounds:
    """Measure every way once a round; each round starts with another, so that none always follows the same."""
    values: dict[str, list[float]] = {name: [] for name in ways}
    loads = []
    names = list(ways)
    for number in range(rounds):
        loads.append(os.getloadavg()[0])
        start = number % len(names)
        for name in names[start:] + names[:start]:
            say(f"round {number + 1} of {rounds}: {name}")
            values[name].append(ways[name]())
    return Rounds(values, loads)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0-1) of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1, 0)]


def arguments(story: str | None, *flags: str, **defaults: float) -> argparse.Namespace:
    """The options of a script: `--flag` for each of `flags`, a number for each keyword.

    A whole default takes whole numbers of at least 1, one with a fraction takes any above 0.
    """
    parser = argparse.ArgumentParser(description=story, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in flags:
        parser.add_argument(f"--{flag}", action="store_true")
    for name, default in defaults.items():
        kind = _at_least_one if isinstance(default, int) else _above_zero
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"default: {default:g}")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table in Markdown, numbers already as they should be read."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(f"\n{title}\n", *lines, sep="\n", flush=True)


def times(ratio: float) -> str:
    """`0.25 x`, with as many digits as mean something."""
    return f"{ratio:.2f} x" if ratio < 10 else f"{ratio:.0f} x"


def save(name: str, **findings: Any) -> Path:
    """Keep the raw figures with the machine they belong to in RESULTS/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": _machine(), **findings}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def _machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
    }


def say(text: str) -> None:
    """Tell on stderr what is going on; the tables alone go to stdout."""
    print(text, file=sys.stderr, flush=True)
