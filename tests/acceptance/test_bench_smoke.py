"""The benchmarks run and print their tables. What they find is not asked here: a busy machine says little."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
SMALLEST = {
    "throughput": ["--without-peers", "--tasks", "8", "--rounds", "1", "--slots", "2"],
    "latency": ["--samples", "1"],
    "startup": ["--rounds", "1"],
    "claim": ["--tasks", "2000", "--rounds", "2"],
    "memory": ["--executors", "2"],
    "idle": ["--seconds", "1", "--agents", "7"],
    "web": ["--tasks", "20", "--streams", "2", "--samples", "1"],
    "seed": ["--tasks", "8", "--imitated", "8"],
    "endurance": ["--tasks", "20", "--slots", "2"],
    "soak": ["--minutes", "0.1", "--chaos"],
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


@pytest.mark.parametrize(
    "name", [*(n for n in SMALLEST if n != "soak"), pytest.param("soak", marks=pytest.mark.thorough)]
)
def test_a_benchmark_prints_its_table_without_network_or_peers(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "MISSION_BENCH_RESULTS": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, BENCH / f"{name}.py", *SMALLEST[name]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    header, rule, *rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert set(rule) <= set("|-")
    assert rows and all(row.count("|") == header.count("|") for row in rows)
    assert list(tmp_path.glob(f"{name}*.json")), "the raw figures are kept"


def test_every_benchmark_is_tried_and_explained() -> None:
    scripts = {path.stem for path in BENCH.glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    assert scripts == set(SMALLEST)
    explained = (BENCH / "README.md").read_text()
    assert all(f"`{name}.py`" in explained for name in scripts)
