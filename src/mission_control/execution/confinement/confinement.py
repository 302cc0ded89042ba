"""The confinement of one attempt: made before it starts, asked while it runs, read when it has ended."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

from mission_control.config import Config
from mission_control.domain.attempt import Ending
from mission_control.execution.confinement import limits
from mission_control.execution.confinement.cgroup import Group, make_group, parent_for
from mission_control.execution.confinement.isolation import Places, bubblewrapped, confine_by_landlock, why_not
from mission_control.execution.confinement.spawning import NotConfined, spawn_prepared
from mission_control.execution.confinement.usage import Watch
from mission_control.folder import make_private_directory
from mission_control.settings_checks import Isolation

_TOLD_BYTES = 300  # of what bubblewrap says when it cannot start the runner


def is_confined(config: Config) -> bool:
    """Whether attempts need a Confinement. One that does nothing would cost each executor 100 kB of copied pages."""
    return (
        config.isolation is not Isolation.PROCESS
        or config.max_memory_bytes is not None
        or config.max_cpu_seconds is not None
        or config.max_processes is not None
        or config.max_open_files is not None
        or config.max_file_bytes is not None
    )


class Confinement:
    """Limits and isolation of one attempt. Made in the launcher process, before the fork; used by one executor."""

    def __init__(self, config: Config, *, attempt_folder: str, workspace: str, output_path: str) -> None:
        self._limits = limits.of(config)
        self._named_group = config.cgroup
        self._level = config.isolation
        self._places = Places(
            workspace=workspace,
            temporary=os.path.join(attempt_folder, "tmp"),
            output=output_path,
            readable=config.readable_paths,
            writable=config.writable_paths,
        )
        self.pause = math.inf  # seconds until `reached` should be asked; endless when nothing must be watched
        self._watch: Watch | None = None
        self._group: Group | None = None
        self._reports: int | None = None  # what bubblewrap says about itself can be read here

    def spawn(self, argv: Sequence[str], environment: Mapping[str, str], output: int) -> int:
        """Start the runner within its bounds; its pid. Raises OSError, or NotConfined when a bound cannot be had."""
        if self._limits.of_tree:
            self._group = self._make_group()
            self._watch = Watch(self._limits.without_those_of_a_group() if self._group else self._limits)
            self.pause = self._watch.pause
        match self._level:
            case Isolation.PROCESS:
                return spawn_prepared(argv, environment, output, self._bind)
            case Isolation.LANDLOCK:
                make_private_directory(self._places.temporary)
                own = {**environment, "TMPDIR": self._places.temporary}
                return spawn_prepared(argv, own, output, self._confine_by_landlock)
            case Isolation.BUBBLEWRAP:
                make_private_directory(self._places.temporary)
                return self._spawn_in_bubblewrap(argv, {**environment, "TMPDIR": "/tmp"}, output)  # noqa: S108  its own

    def _confine_by_landlock(self) -> None:
        if self._group is not None:
            self._group.enter()  # while its files may be touched
        confine_by_landlock(self._places)
        self._limits.apply()

    def _bind(self) -> None:
        if self._group is not None:
            self._group.enter()
        self._limits.apply()

    def _make_group(self) -> Group | None:
        """None where nobody lets us have one: then the watch does what it can. One that was asked for must be had."""
        try:
            parent = parent_for(self._named_group, self._limits)
            return None if parent is None else make_group(parent, self._limits)
        except OSError as fault:
            if self._named_group is None:
                return None
            raise NotConfined(f"no group for it can be made, as the setting cgroup asks for: {fault}") from fault

    def _spawn_in_bubblewrap(self, argv: Sequence[str], environment: Mapping[str, str], output: int) -> int:
        if reason := why_not(Isolation.BUBBLEWRAP, environment.get("PATH", os.defpath)):
            raise NotConfined(reason)
        self._places.check()
        self._reports, writer = os.pipe()
        os.set_blocking(self._reports, False)

        def prepare() -> None:
            os.set_inheritable(writer, True)  # noqa: FBT003  its only form
            self._bind()

        try:
            return spawn_prepared(bubblewrapped(argv, self._places, writer), environment, output, prepare)
        finally:
            os.close(writer)

    def reached(self) -> str | None:
        """The limit that the attempt has reached and must be ended for, in words, or None."""
        if self._watch is None:
            return None
        cause = self._watch.reached()
        self.pause = self._watch.pause
        if self._group is not None:
            cause = cause or self._group.reached()
            if cause:
                self._group.kill()
        return cause

    def explained(self, ending: Ending) -> Ending:
        """How the runner ended by itself, with the bound that is behind it named where that is known."""
        return limits.with_cause(ending, self._why_not_started(ending) or self._limit_behind(ending))

    def _limit_behind(self, ending: Ending) -> str | None:
        by_group = None if self._group is None else self._group.reached()
        return by_group or self._limits.cause_of(ending)

    def _why_not_started(self, ending: Ending) -> str | None:
        """Bubblewrap reports the exit code of what it has started; without a report the fault was its own."""
        if self._reports is None or ending.exit_code is None:
            return None
        try:
            if b'"exit-code"' in os.read(self._reports, 65536):
                return None
        except BlockingIOError:
            pass
        with open(self._places.output, "rb") as log:  # nothing but bubblewrap has written there
            return f"bubblewrap cannot start it: {log.read(_TOLD_BYTES).decode(errors='replace').strip()}"

    def end(self) -> None:
        """Let go of what was held for the attempt, once nothing of it lives."""
        if self._group is not None:
            self._group.end()
            self._group = None
        if self._reports is not None:
            os.close(self._reports)
            self._reports = None
