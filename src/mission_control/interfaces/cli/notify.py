"""`missionctl notify`: through which channels people are told outside of the mission, and about what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

import click

from mission_control.domain.notice import Channel, Topic, shown_url
from mission_control.errors import InvalidInput
from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.errors import WORK_FAILED
from mission_control.interfaces.cli.looks import instant_cell
from mission_control.interfaces.cli.output import (
    Cell,
    Column,
    Row,
    print_done,
    print_fields,
    print_json,
    print_table,
    tell,
)
from mission_control.interfaces.shapes import Json, instant_text
from mission_control.ops.notify.webhook import Receipt

NO_SUCH = {3: "no such channel"}
_COLUMNS = (
    Column("name"),
    Column("state"),
    Column("on", grows=True, wraps=True),
    Column("url", "where"),
    Column("waiting", right=True),
    Column("last_delivered_at", "last delivered"),
)


class _Topics(click.ParamType[tuple[Topic, ...]]):
    """Topics, separated by commas."""

    name = "topics"

    def convert(
        self, value: str | tuple[Topic, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Topic, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip().lower() for word in value.split(",") if word.strip()]
        if unknown := sorted(set(words) - set(Topic)):
            self.fail(f"{', '.join(unknown)} is no topic. There are: {', '.join(Topic)}.", param, ctx)
        return tuple(Topic(word) for word in words)


@command(
    "add",
    examples=(
        "missionctl notify add https://example.com/hooks/squad",
        "missionctl notify add tgram://TOKEN/CHAT --on blocked,question --name phone",
        "missionctl notify add - --on review < address.txt",
    ),
    exits={4: "there is one of this name"},
)
@click.argument("url")
@click.option(
    "--on", "topics", type=_Topics(), default=tuple(Topic), metavar="TOPICS", help=f"Default: {','.join(Topic)}."
)
@click.option("--name", metavar="NAME", help="What the channel is called here. Default: from the address.")
@click.option(
    "--secret-file",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="Holds the secret that signs a webhook, whsec_…. Default: a new one, shown once.",
)
def add(session: Session, url: str, *, topics: tuple[Topic, ...], name: str | None, secret_file: TextIO | None) -> None:
    """Tell people through this address from now on: a webhook, or any service that apprise knows.

    An address may hold a token: as `-` it is read from standard input, and stands in no list of processes. It is
    stored in the mission's database and shown to nobody.
    """
    # Imported here: it looks for apprise.
    from mission_control.ops.notify.addresses import kind_of

    address = sys.stdin.readline().strip() if url == "-" else url
    secret = None if secret_file is None else secret_file.read().strip()
    notices = session.mission.notices
    channel = notices.add(address, kind_of(address), topics, actor=session.actor, name=name, secret=secret)
    if session.as_json:
        print_json({**_channel_json(channel), "secret": channel.secret})
        return
    if session.is_terminal:
        print_done(session, f"{channel.name} is told about: {', '.join(channel.topics)}")
    fields = (("name", channel.name), ("secret", channel.secret or ""))
    print_fields(session, [(name, text) for name, text in fields if text])
    if channel.secret is not None and secret is None:
        tell("The secret signs what is sent. The receiver needs it; it is not shown again.")
    tell(f"Try it with: missionctl notify test {channel.name}")


@command("list", examples=("missionctl notify list", "missionctl notify list --json"))
def list_channels(session: Session) -> None:
    """Show the channels, what waits for each, and how the last delivery went. Addresses are shown in part."""
    channels = session.mission.notices.channels()
    if session.as_json:
        print_json([_channel_json(channel) for channel in channels])
        return
    rows = [_row(session, channel) for channel in channels]
    print_table(session, _COLUMNS, rows, when_empty="Nobody is told anything. Add a channel: missionctl notify add URL")


@command("remove", examples=("missionctl notify remove phone",), exits=NO_SUCH)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def remove(session: Session, names: Sequence[str]) -> None:
    """Tell nothing through these channels any more, not even what still waits."""
    for name in dict.fromkeys(names):
        session.mission.notices.remove(name, actor=session.actor)
        if session.is_terminal:
            print_done(session, f"{name} is told nothing any more")
        elif not session.as_json:
            click.echo(name)
    if session.as_json:
        print_json({"removed": list(dict.fromkeys(names))})


@command(
    "test",
    examples=("missionctl notify test", "missionctl notify test phone"),
    exits={**NO_SUCH, 1: "a channel did not take it"},
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
def test(session: Session, names: Sequence[str]) -> int:
    """Send a test through these channels now, or through all, and say how it went."""
    # Imported here: it starts the process that delivers.
    from mission_control.ops.notify.delivering import send_test

    mission = session.mission
    wanted = list(dict.fromkeys(names)) or [channel.name for channel in mission.notices.channels()]
    if not wanted:
        raise InvalidInput("There is no channel yet. Add one with: missionctl notify add URL")
    for name in wanted:
        mission.notices.channel(name)  # none is told before all are known
    receipts = {}
    for name in wanted:
        receipts[name] = send_test(mission.store, mission.config, mission.clock, name)
        if not session.as_json:
            _print_receipt(session, name, receipts[name])
    if session.as_json:
        print_json(
            [{"name": name, "ok": found.error is None, "error": found.error} for name, found in receipts.items()]
        )
    return WORK_FAILED if any(receipt.error for receipt in receipts.values()) else 0


def _print_receipt(session: Session, name: str, receipt: Receipt) -> None:
    if receipt.error is None:
        print_done(session, f"{name} took it")
    else:
        tell(f"missionctl: {name} did not take it: {receipt.error}.")


def _row(session: Session, channel: Channel) -> Row:
    is_failing = channel.failing_since is not None
    below = f"{channel.last_error}, since {instant_cell(channel.failing_since, session.now).on_terminal}"
    state = Cell("failing", "failing", "red") if is_failing else Cell("ok", "ok", "green")
    return (
        Cell(channel.name, style="bold"),
        state,
        Cell(",".join(channel.topics), ", ".join(channel.topics), below=below if is_failing else None),
        Cell(shown_url(channel.kind, channel.url)),
        Cell(str(channel.waiting), style="" if channel.waiting == 0 else "yellow"),
        instant_cell(channel.last_delivered_at, session.now),
    )


def _channel_json(channel: Channel) -> Json:
    return {
        "name": channel.name,
        "kind": channel.kind,
        "url": shown_url(channel.kind, channel.url),
        "topics": list(channel.topics),
        "waiting": channel.waiting,
        "created_at": instant_text(channel.created_at),
        "last_delivered_at": instant_text(channel.last_delivered_at),
        "failing_since": instant_text(channel.failing_since),
        "last_error": channel.last_error,
    }
