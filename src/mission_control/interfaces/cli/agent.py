"""`missionctl agent`: the squad."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import click

from mission_control.domain.agent import Agent
from mission_control.errors import InvalidInput
from mission_control.interfaces import shapes
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import TIMED_OUT, complain
from mission_control.interfaces.cli.looks import agent_status_cell, due_cell, instant_cell
from mission_control.interfaces.cli.output import Cell, Column, Row, print_done, print_fields, print_json, print_table
from mission_control.interfaces.cli.parameters import AGENT, DURATION
from mission_control.interfaces.cli.souls import write_soul
from mission_control.interfaces.cli.waiting import wait_until_ended
from mission_control.squad import NewAgent
from mission_control.views import AgentView

NO_SUCH = {3: "no such agent"}
_COLUMNS = (
    Column("name"),
    Column("status"),
    Column("role", grows=True),
    Column("runner"),
    Column("live", right=True, on_terminal=False),
    Column("slots", right=True),
    Column("schedule"),
    Column("next_heartbeat_at", "next"),
)


@command(
    "add",
    examples=(
        "missionctl agent add ada --role 'writes the tests'",
        "missionctl agent add bob --slots 1 --schedule '*/5 * * * *' --review",
    ),
    exits={4: "there is one of this name"},
)
@click.argument("name")
@click.option("--role", default="", metavar="TEXT", help="What the agent is for.")
@click.option("--runner", default="shell", show_default=True, help="Which program does its work.")
@click.option("--model", help="The model its runner uses.")
@click.option("--slots", type=int, metavar="N", help="How many tasks at once. Default: as in mission.toml.")
@click.option("--schedule", metavar="CRON", help="Its heartbeats. Default: every 15 minutes, staggered.")
@click.option("--host", help="The machine it lives on. Default: any.")
@click.option("--review", is_flag=True, help="Its successes need a person's approval.")
def add(session: Session, **given: Any) -> None:
    """Let an agent join the squad. One that was removed comes back with its history."""
    agent = session.mission.squad.add(NewAgent(**given), actor=session.actor)
    write_soul(session.mission.folder, agent.name, agent.role)
    _print_changed(session, [agent.name], lambda agent: f"{agent.name} has joined; heartbeats at {agent.schedule}")


@command("list", examples=("missionctl agent list", "missionctl agent list --json"))
def list_agents(session: Session) -> None:
    """Show the squad."""
    views = session.mission.views.agents()
    if session.as_json:
        print_json([shapes.agent_json(view) for view in views])
        return
    rows = [_row(session, view) for view in views]
    print_table(session, _COLUMNS, rows, when_empty="The squad is empty. Add somebody: missionctl agent add ada")


@command("show", examples=("missionctl agent show dexter", "missionctl agent show @dexter --json"), exits=NO_SUCH)
@click.argument("name", type=AGENT)
def show(session: Session, name: str) -> None:
    """Show one agent."""
    views = session.mission.views
    view = views.agent(views.resolve_agent(name))
    if session.as_json:
        print_json(shapes.agent_json(view))
    else:
        print_fields(session, _facts(session, view))


@command(
    "edit",
    examples=("missionctl agent edit dexter --slots 2", "missionctl agent edit dexter --schedule '0 9 * * 1-5'"),
    exits=NO_SUCH,
)
@click.argument("name", type=AGENT)
@click.option("--role", metavar="TEXT", help="What the agent is for.")
@click.option("--runner", help="Which program does its work.")
@click.option("--model", help="The model its runner uses.")
@click.option("--slots", type=int, metavar="N", help="How many tasks at once.")
@click.option("--schedule", metavar="CRON", help="Its heartbeats, e.g. '*/15 * * * *'.")
@click.option("--host", help="The machine it lives on; '' for any.")
@click.option("--review/--no-review", default=None, help="Whether its successes need a person's approval.")
def edit(session: Session, name: str, **given: Any) -> None:
    """Change an agent. What runs goes on as it was started."""
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise InvalidInput("There is nothing to change. Say what, e.g. --slots 2. See: missionctl agent edit --help")
    known = session.mission.views.resolve_agent(name)
    session.mission.squad.edit(known, changes, actor=session.actor)
    session.mission.ring()
    _print_changed(session, [known], lambda agent: f"{agent.name} changed: {', '.join(changes)}")


@command(
    "pause",
    examples=("missionctl agent pause dexter", "missionctl agent pause dexter --drain --timeout 10m"),
    exits={**NO_SUCH, 124: "--timeout passed; it is paused, and what runs goes on"},
)
@click.argument("names", type=AGENT, nargs=-1, required=True, metavar="NAME...")
@click.option("--drain", is_flag=True, help="Wait until what they have in work has ended.")
@click.option("--timeout", type=DURATION, help="Wait no longer than this, e.g. 10m.")
def pause(session: Session, names: tuple[str, ...], timeout: timedelta | None, *, drain: bool) -> int:
    """Let agents start nothing more; what runs goes on. Several: all or none."""
    if timeout is not None and not drain:
        raise InvalidInput("--timeout is for --drain.")
    paused = _change_all(session, names, session.mission.squad.pause)
    running = [attempt for name in paused for attempt in session.mission.views.agent(name).attempts] if drain else []
    left = wait_until_ended(session, running, None if timeout is None else timeout.total_seconds())
    _print_changed(
        session, paused, lambda agent: f"{agent.name} is paused. Go on: missionctl agent resume {agent.name}"
    )
    if left:
        complain(f"Not ended in time: {', '.join(attempt.name for attempt in left)}. See: missionctl status")
    return TIMED_OUT if left else 0


@command("resume", examples=("missionctl agent resume dexter",), exits=NO_SUCH)
@click.argument("names", type=AGENT, nargs=-1, required=True, metavar="NAME...")
def resume(session: Session, names: tuple[str, ...]) -> None:
    """Let paused agents take tasks again. Several: all or none."""
    resumed = _change_all(session, names, session.mission.squad.resume)
    session.mission.ring()
    _print_changed(session, resumed, lambda agent: f"{agent.name} takes tasks again.")


@command("remove", examples=("missionctl agent remove dexter",), exits={**NO_SUCH, 4: "it has unfinished tasks"})
@click.argument("names", type=AGENT, nargs=-1, required=True, metavar="NAME...")
def remove(session: Session, names: tuple[str, ...]) -> None:
    """Take agents out of the squad; their history and files stay, and adding them again brings them back.

    Several: all or none.
    """
    removed = _change_all(session, names, session.mission.squad.remove)
    if session.as_json:
        print_json({"removed": removed})
    for name in () if session.as_json else removed:
        if session.is_terminal:
            print_done(session, f"{name} has left the squad. Back again: missionctl agent add {name}")
        else:
            click.echo(name)


def _change_all(session: Session, names: Sequence[str], change: Callable[..., Agent]) -> list[str]:
    """Change every agent named, all or none, and return their names."""
    known = list(dict.fromkeys(session.mission.views.resolve_agent(name) for name in names))
    with session.mission.board.together():
        for name in known:
            change(name, actor=session.actor)
    return known


def _print_changed(session: Session, names: Sequence[str], sentence: Callable[[Agent], str]) -> None:
    """The agents as they stand now; JSON is one object for one agent, a list for several."""
    views = [session.mission.views.agent(name) for name in names]
    if session.as_json:
        documents = [shapes.agent_json(view) for view in views]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for view in views:
        if session.is_terminal:
            print_done(session, sentence(view.agent))
        else:
            click.echo(view.agent.name)


def _row(session: Session, view: AgentView) -> Row:
    agent = view.agent
    return (
        agent.name,
        agent_status_cell(view.status),
        agent.role,
        agent.runner,
        str(view.live),
        Cell(str(agent.slots), f"{view.live}/{agent.slots}"),
        agent.schedule,
        due_cell(agent.next_heartbeat_at, session.now),
    )


def _facts(session: Session, view: AgentView) -> Iterator[tuple[str, Cell | str]]:
    agent, now = view.agent, session.now
    yield "name", agent.name
    yield "status", agent_status_cell(view.status)
    yield "role", agent.role
    yield "runner", agent.runner
    yield "model", agent.model or ""
    yield "slots", Cell(str(agent.slots), f"{view.live} of {agent.slots} in use")
    yield "live", Cell(",".join(attempt.name for attempt in view.attempts))
    yield "schedule", agent.schedule
    yield "next_heartbeat_at", due_cell(agent.next_heartbeat_at, now)
    yield "last_heartbeat_at", instant_cell(agent.last_heartbeat_at, now)
    yield "host", agent.host or ""
    yield "review", Cell("true" if agent.review else "false", "successes need approval" if agent.review else "")
    yield "soul", str(session.mission.folder.soul(agent.name))
