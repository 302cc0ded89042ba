"""Trying a runner out: whether its program is there, its version, and its answer to a question without tools."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import rmtree, which
from tempfile import mkdtemp

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.runner import Capabilities, RunnerFacts, TrialStep
from mission_control.domain.task import Kind, Priority, Status, Task
from mission_control.errors import NotFound
from mission_control.execution import runners
from mission_control.execution.driving.driver import environment_of
from mission_control.execution.driving.events import on_one_line
from mission_control.execution.driving.holding import hold
from mission_control.execution.driving.place import STATE, WORKSPACE, Place, furnish
from mission_control.execution.driving.program import About, Turn, about, conversation
from mission_control.execution.environment import inheritable
from mission_control.execution.report import Judgement, Report
from mission_control.execution.runners import Runner

VERSION_SECONDS = 30
QUESTION = "This is a test of your connection. Use no tools. Answer with the one word: ready"
_SHELL = About(what="runs the command of a task with /bin/sh", capabilities=Capabilities(), program="/bin/sh")


class Trials:
    """The runners of one mission, as they would be driven from here."""

    def __init__(self, config: Config, clock: Clock, environment: Mapping[str, str]) -> None:
        self._config = config
        self._clock = clock
        self._environment = environment

    def facts(self) -> list[RunnerFacts]:
        """All runners of this mission, in the order of the registry."""
        known = self._config.runners
        return [self._facts_of(runner) for name in runners.names(known) if (runner := runners.find(name, known))]

    def _facts_of(self, runner: Runner) -> RunnerFacts:
        settings = self._config.runners.get(runner.name, {})
        said = _SHELL if runner.module is None else about(runner.module, settings)
        program = settings.get("program") or next(iter(settings.get("command", ())), None) or said.program
        if "url" in settings:
            program = None  # a service does it
        search_path = settings.get("environment", {}).get("PATH") or self._environment.get("PATH")
        return RunnerFacts(
            name=runner.name,
            what=said.what,
            capabilities=said.capabilities,
            program=program,
            path=which(program, path=search_path) if program else None,
            install=said.install,
            sign_in=said.sign_in,
            passes=runner.passes,
        )

    def try_out(self, name: str, model: str | None, seconds: float) -> Iterator[TrialStep]:
        """Each thing as it has been tried; ends with the first that is not good. Raises NotFound."""
        runner = runners.find(name, self._config.runners)
        if runner is None:
            raise NotFound(f"There is no runner {name}. See: missionctl runner list")
        known = self._facts_of(runner)
        if not known.is_there:
            step = f". Install it with: {known.install}" if known.install else ""
            yield TrialStep("found", is_good=False, text=f"there is no {known.program} on PATH{step}")
            return
        yield TrialStep("found", is_good=True, text=known.path or "it is part of this program")
        if runner.module is not None:
            yield from self._ask(runner, runner.module, known.path, model, seconds)

    def _ask(
        self, runner: Runner, module: str, path: str | None, model: str | None, seconds: float
    ) -> Iterator[TrialStep]:
        said = about(module, self._config.runners.get(runner.name, {}))
        # Not in /tmp: there is a program that does not want its home to be temporary.
        folder = Path(mkdtemp(prefix="trial-", dir=self._config.home / "runs"))
        try:
            turn = self._turn(runner, said, folder, model, seconds)
            if said.program is not None and path is not None:
                yield _version(path, said, turn)
            yield _no_op_turn(module, turn, said, self._clock, seconds)
        finally:
            rmtree(folder, ignore_errors=True)

    def _turn(self, runner: Runner, said: About, folder: Path, model: str | None, seconds: float) -> Turn:
        place = Place(folder / STATE, folder / WORKSPACE)
        for directory in (place.state, place.workspace):
            directory.mkdir(mode=0o700)
        furnish(place.state, said, Path(self._environment.get("HOME", "/")))
        prompt = folder / "prompt.md"
        prompt.write_text(QUESTION, encoding="utf-8")
        settings = self._config.runners.get(runner.name, {})
        passed = inheritable(self._environment, (*self._config.pass_environment, *runner.passes))
        return Turn(
            task=_question(self._clock, seconds),
            attempt="trial",
            agent="trial",
            prompt_file=prompt,
            state=place.state,
            workspace=place.workspace,
            model=model or settings.get("model"),
            timeout_seconds=seconds,
            settings=settings,
            environment=environment_of(passed, place, settings),
        )


def _question(clock: Clock, seconds: float) -> Task:
    """A task that stands on no board."""
    now = clock.now()
    return Task(
        id=0,
        title="A trial",
        description=QUESTION,
        status=Status.IN_PROGRESS,
        priority=Priority.NORMAL,
        kind=Kind.TASK,
        command=None,
        max_attempts=1,
        timeout_seconds=seconds,
        review=False,
        not_before=None,
        retry_at=None,
        failures=0,
        token=0,
        unmet=0,
        rank=0,
        reason=None,
        key=None,
        legacy_id=None,
        cancel_requested_at=None,
        created_at=now,
        updated_at=now,
    )


def _version(path: str, said: About, turn: Turn) -> TrialStep:
    try:
        done = subprocess.run(
            [path, *said.version],
            stdin=subprocess.DEVNULL,
            env=dict(turn.environment),
            cwd=turn.workspace,
            capture_output=True,
            check=False,
            timeout=VERSION_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return TrialStep("version", is_good=False, text=str(fault))
    words = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    return TrialStep("version", is_good=done.returncode == 0, text=on_one_line(words.partition("\n")[0]))


def _no_op_turn(module: str, turn: Turn, said: About, clock: Clock, seconds: float) -> TrialStep:
    started = time.monotonic()
    deadline = [started + seconds]

    def keep(report: Report, stop: Callable[[], None]) -> None:  # noqa: ARG001  only the time is looked at
        if time.monotonic() > deadline[0]:
            deadline[0] += 5.0  # then by force
            stop()

    held = hold(conversation(module, turn), turn, about=said, clock=clock, say=lambda _: None, keep=keep)
    report, took = held.report, f"{time.monotonic() - started:.1f} s"
    if held.is_told_to_stop:
        last = f"; its last complaint: {on_one_line(report.error)}" if report.error else ""
        return TrialStep("turn", is_good=False, text=f"no answer within {seconds:g} s{last}")
    if report.verdict is not Judgement.SUCCEEDED:
        return TrialStep("turn", is_good=False, text=report.error or report.question or "it failed without a word")
    tokens = [count for count in (report.tokens_in, report.tokens_out) if count is not None]
    used = f", {sum(tokens):,} tokens" if tokens else ""
    return TrialStep("turn", is_good=True, text=f"answered {on_one_line(report.answer or '', 60)!r} in {took}{used}")
