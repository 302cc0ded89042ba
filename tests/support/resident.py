"""`missionctl up` beside a test."""

from __future__ import annotations

import os
import signal
import subprocess

from mission_control.execution import process
from support.real_mission import RealMission

ENDS_WITHIN_SECONDS = 30


class Up:
    """The resident process of a mission, from the moment it holds the seat."""

    def __init__(self, mission: RealMission, *words: str, web: bool = False, **environment: str) -> None:
        """Without `web` it has no pages, whose start costs more than all else."""
        self._mission = mission
        pages = [] if web or "--no-web" in words else ["--no-web"]
        self._process: subprocess.Popen[str] = mission.command.start("up", *pages, *words, **environment)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.strip() == str(self.pid), self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def launcher(self) -> int | None:
        """The pid of its launcher process, once that runs its own program: whoever stops it earlier stops `up`, too."""
        children = [entry.pid for entry in process.table().values() if entry.parent == self.pid and not entry.is_zombie]
        words = {pid: process._output_of(["ps", "-o", "args=", "-p", str(pid)]) for pid in children}
        return next((pid for pid, told in words.items() if "launchers.forking" in told), None)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As kill -9 and a power cut do."""
        self._process.kill()
        self._process.communicate()

    def end(self) -> int:
        """Ctrl-C; the exit code."""
        if self.is_running:
            self._process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """The exit code, once it has ended because somebody told it to."""
        _, err = self._process.communicate(timeout=ENDS_WITHIN_SECONDS)
        assert err == ""
        return self._process.returncode

    def close(self) -> None:
        """End it unless it has ended; whatever happened to it, a signal must suffice."""
        if self.is_running:
            assert self.end() == 0
        else:
            self._process.communicate()
