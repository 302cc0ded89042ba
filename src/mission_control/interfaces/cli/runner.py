"""`missionctl runner list|show|test`: what drives the programs of agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from mission_control.domain.runner import RunnerFacts, TrialStep
from mission_control.errors import NotFound
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Cell, Column, Row, print_fields, print_json, print_lines, print_table
from mission_control.interfaces.shapes import Json

MOST_SECONDS = 3600
WORK_FAILED = 1
_GOOD, _BAD = Cell("ok", "✓", "green"), Cell("failed", "✗", "red")
_COLUMNS = (
    Column("runner"),
    Column("found"),
    Column("agents", right=True),
    Column("can", grows=True, wraps=True),
    Column("what", grows=True),
)


@command("list", examples=("missionctl runner list", "missionctl runner list --json"))
def list_runners(session: Session) -> None:
    """Show the runners of this mission: those of the program, and those of mission.toml.

    Nothing is started; whether an agent is signed in is found out by: missionctl runner test NAME
    """
    known = session.mission.runners.facts()
    if session.as_json:
        print_json([_json(facts, _agents(session, facts.name)) for facts in known])
        return
    rows = [_row(facts, len(_agents(session, facts.name))) for facts in known]
    print_table(session, _COLUMNS, rows, when_empty="There are no runners.")


@command("show", examples=("missionctl runner show claude",), exits={3: "no such runner"})
@click.argument("name")
def show(session: Session, name: str) -> None:
    """Show what a runner can do, where its program is, and which variables its attempts get."""
    facts = _find(session, name)
    agents = _agents(session, name)
    if session.as_json:
        print_json(_json(facts, agents))
    else:
        print_fields(session, _fields(facts, agents))


@command(
    "test",
    examples=("missionctl runner test claude", "missionctl runner test codex --model gpt-6-mini --timeout 30"),
    exits={1: "it does not work", 3: "no such runner"},
)
@click.argument("name")
@click.option("--model", help="The model to ask. Default: that of the settings, else the program's own.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(1, MOST_SECONDS),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take to answer.",
)
def test(session: Session, name: str, *, model: str | None, seconds: float) -> int:
    """Try a runner out as an attempt would use it: is its program there, which version, does it answer.

    Asks the model one short question, which costs what that costs.
    """
    _find(session, name)
    steps = []
    for step in session.mission.runners.try_out(name, model, seconds):
        steps.append(step)
        if not session.as_json:
            print_lines(session, [_step(step)], widths=(1, 8))
    works = all(step.is_good for step in steps)
    if session.as_json:
        tried = [{"step": step.name, "ok": step.is_good, "text": step.text} for step in steps]
        print_json({"runner": name, "ok": works, "steps": tried})
    return 0 if works else WORK_FAILED


def _find(session: Session, name: str) -> RunnerFacts:
    for facts in session.mission.runners.facts():
        if facts.name == name:
            return facts
    raise NotFound(f"There is no runner {name}. See: missionctl runner list")


def _agents(session: Session, runner: str) -> list[str]:
    return [view.agent.name for view in session.mission.views.agents() if view.agent.runner == runner]


def _json(facts: RunnerFacts, agents: Sequence[str]) -> Json:
    return {
        "name": facts.name,
        "what": facts.what,
        "found": facts.is_there,
        "program": facts.program,
        "path": facts.path,
        "capabilities": dict(facts.capabilities.items()),
        "passes": list(facts.passes),
        "agents": list(agents),
    }


def _row(facts: RunnerFacts, agents: int) -> Row:
    found = Cell("yes", "✓", "green") if facts.is_there else Cell("no", "✗", "bright_black")
    return (facts.name, found, Cell(str(agents), str(agents or "")), _abilities(facts), Cell(facts.what))


def _abilities(facts: RunnerFacts) -> str:
    return " ".join(name for name, has in facts.capabilities.items() if has)


def _fields(facts: RunnerFacts, agents: Sequence[str]) -> Iterator[tuple[str, Cell | str]]:
    yield "name", facts.name
    yield "what", facts.what
    yield "program", facts.path or facts.program or ""
    yield "found", Cell("yes" if facts.is_there else "no", None, "green" if facts.is_there else "red")
    yield "install", "" if facts.is_there else facts.install
    yield "sign in", facts.sign_in
    yield "can", _abilities(facts)
    yield "passes", " ".join(facts.passes)
    yield "agents", " ".join(agents)


def _step(step: TrialStep) -> Sequence[Cell]:
    return (_GOOD if step.is_good else _BAD, Cell(step.name), Cell(step.text))
