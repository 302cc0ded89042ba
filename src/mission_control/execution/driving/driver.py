"""One turn of an agent, told in order: who and what, where, the prompt, the program, its verdict.

Everything is a process: the executor starts us like any command, in the attempt's workspace, and reads report.json when
our tree has ended. We end with 0 only for a success.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mission_control.clock import Clock, SystemClock
from mission_control.config import Config, process_environment
from mission_control.domain.attempt import Attempt
from mission_control.errors import MissionControlError
from mission_control.execution import prompting, runners
from mission_control.execution.driving.holding import hold
from mission_control.execution.driving.place import Place, settle
from mission_control.execution.driving.program import About, Conversation, Turn, about, conversation
from mission_control.execution.environment import SETTINGS
from mission_control.execution.prompting import Material
from mission_control.execution.report import Judgement, Report
from mission_control.folder import Folder, write_private
from mission_control.store.schema import open_store
from mission_control.views import TaskView, Views

WRITE_SECONDS = 0.5  # at least so long between two reports while it works


def main() -> int:
    """Drive the agent of the attempt that the environment names; the exit status."""
    environment = process_environment()
    config = Config.from_bytes(environment[SETTINGS].encode())
    clock = SystemClock()
    task_id, _, number = environment["MISSIONCTL_ATTEMPT"].removeprefix("T-").partition("/")
    folder = Folder(config.home).attempt(int(task_id), int(number))
    try:
        driver = _Driver(_look(config, clock, int(task_id), int(number)), config, clock, environment)
    except MissionControlError as fault:
        return _end(Report(verdict=Judgement.FAILED, error=f"the mission cannot be read: {fault}"), folder)
    except OSError as fault:
        return _end(Report(verdict=Judgement.FAILED, error=f"its place cannot be made: {fault}"), folder)
    return driver.drive()


@dataclass(frozen=True)
class _Subject:
    """What the board says of our attempt."""

    material: Material
    runner: str
    model: str | None

    @property
    def view(self) -> TaskView:
        return self.material.view

    @property
    def attempt(self) -> Attempt:
        return self.material.attempt


def _look(config: Config, clock: Clock, task_id: int, number: int) -> _Subject:
    store = open_store(config.database_address)
    try:
        views = Views(store, clock, config)
        view = views.task(task_id)
        own = next(attempt for attempt in view.attempts if attempt.number == number)
        agent = views.agent(own.agent).agent
        material = prompting.gather(store, Folder(config.home), view, own, agent)
    finally:
        store.close()  # an agent may think for an hour
    return _Subject(material, agent.runner, agent.model)


class _Driver:
    def __init__(self, subject: _Subject, config: Config, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock = clock
        self._folder = Folder(config.home).attempt(subject.attempt.task_id, subject.attempt.number)
        self._settings = config.runners.get(subject.runner, {})
        runner = runners.find(subject.runner, config.runners)
        assert runner is not None and runner.module is not None  # or the executor had not started us
        self._about: About = about(runner.module, self._settings)
        place = settle(
            subject.attempt,
            subject.view.attempts,
            runner=subject.runner,
            about=self._about,
            folder=Folder(config.home),
            user=Path(environment.get("HOME", "/")),
        )
        self._environment = environment_of(environment, place, self._settings)
        self._turn = Turn(
            task=subject.view.task,
            attempt=subject.attempt.name,
            agent=subject.attempt.agent,
            prompt_file=prompting.write(subject.material, config, clock.now(), going_on_from=place.going_on_from),
            state=place.state,
            workspace=place.workspace,
            model=subject.model or self._settings.get("model"),
            session=None if place.going_on_from is None else place.going_on_from.session,
            timeout_seconds=subject.view.task.timeout_seconds,
            settings=self._settings,
            environment=self._environment,
        )
        self._conversation: Conversation = conversation(runner.module, self._turn)
        self._written_at = 0.0

    def drive(self) -> int:
        """The whole turn; the exit status."""
        held = hold(self._conversation, self._turn, about=self._about, clock=self._clock, say=_say, keep=self._keep)
        if held.is_told_to_stop and held.report.verdict is not Judgement.SUCCEEDED:
            held.report.write(self._folder)
            _end_by_sigterm()  # the executor, which told us, knows why
        if held.report.answer and not self._about.capabilities.stream:
            _say(held.report.answer)
        return _end(held.report, self._folder)

    def _keep(self, report: Report, stop: Callable[[], None]) -> None:  # noqa: ARG002  the executor tells us when
        """Write the report now and then, so that whoever kills us finds what is known."""
        if time.monotonic() - self._written_at > WRITE_SECONDS:
            self._written_at = time.monotonic()
            with suppress(OSError):  # a full disk must not end the agent
                report.write(self._folder)


def environment_of(ours: Mapping[str, str], place: Place, settings: Mapping[str, object]) -> dict[str, str]:
    """What an agent's program finds: what its attempt has, but a HOME of its own and not our settings.

    At the end of its PATH is `missionctl`, wherever that is installed.
    """
    own = {name: value for name, value in ours.items() if name != SETTINGS}
    own["PATH"] = os.pathsep.join([*filter(None, [own.get("PATH")]), os.path.dirname(sys.executable)])
    also = settings.get("environment", {})
    assert isinstance(also, Mapping)
    return {**own, "HOME": str(place.state), "PWD": str(place.workspace), **also}


def _say(text: str) -> None:
    """One line, or several, in the attempt's log."""
    content = f"{text}\n".encode("utf-8", "replace")
    with suppress(OSError):  # a full disk must not end the agent
        while content:
            content = content[os.write(1, content) :]


def _end(report: Report, folder: Path) -> int:
    """Report and say how it ended; the exit status of the driver."""
    if report.answer:
        write_private(folder / "answer.md", report.answer.encode("utf-8", "replace"))
    report.write(folder)
    if report.error:
        _say(report.error)
    return 0 if report.verdict is Judgement.SUCCEEDED else report.exit_code or 1


def _end_by_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
