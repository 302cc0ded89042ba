"""Check of the logs: that none has grown beyond what the settings want."""

from __future__ import annotations

from collections.abc import Iterator

from mission_control.config import Config
from mission_control.folder import Folder
from mission_control.ops.doctor.finding import Finding, ok, warning
from mission_control.ops.doctor.folders import FIX
from mission_control.rotation import rotate_logs

PATIENCE = 2  # a log may grow to so many times its limit between two heartbeats


def examine_logs(config: Config) -> Iterator[Finding]:
    """Sizes, with what was put aside."""
    folder = Folder(config.home).logs
    sizes = {path: path.lstat().st_size for path in sorted(folder.glob("*.log*"))}
    large = [path for path in sizes if path.suffix == ".log" and sizes[path] > config.log_max_bytes * PATIENCE]
    for path in large:
        fact = f"{path.name} has {sizes[path] / 1e6:,.1f} MB; log_max_bytes is {config.log_max_bytes / 1e6:,.1f} MB"
        yield warning("logs", fact, f"{FIX}; heartbeats do it, so look at: missionctl status")
    if not large:
        yield ok("logs", f"{sum(sizes.values()) / 1e6:,.1f} MB in {len(sizes)} files")


def mend_logs(config: Config) -> Iterator[str]:
    """Put aside what is too large; tells each."""
    rotated = rotate_logs(Folder(config.home).logs, max_bytes=config.log_max_bytes, keep=config.log_keep)
    yield from (f"put {name} aside as {name}.1" for name in rotated)
