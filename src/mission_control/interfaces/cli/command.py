"""How every command looks: global options in any place, an example, its exit codes; groups import late."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mission_control.errors import NotPermitted
from mission_control.interfaces.cli.context import Session

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem  # a shell that completes loads it; nobody else needs it

ALWAYS = {0: "done", 2: "wrong usage or bad input"}
OF_A_MISSION = {5: "no mission, or it cannot be used now"}
INSIDE = {6: "not permitted: the attempt whose key you have has ended, or may not do this"}
INSIDE_ONLY = {6: "not permitted: you are no agent at work, or your attempt has ended"}


class Entry(NamedTuple):
    """Where a command lives and what it does, so that help needs no import of it."""

    place: str  # module:attribute
    summary: str


def _remember_home(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Session).home = value


def _remember_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's signature
    if value:
        context.ensure_object(Session).as_json = True


def _remember_no_color(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's signature
    if value:
        context.ensure_object(Session).no_color = True


def _global_options() -> list[click.Parameter]:
    """Accepted by every group and every command, so that their place does not matter."""
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            type=click.Path(file_okay=False),
            expose_value=False,
            callback=_remember_home,
            help="The mission's folder. Default: MISSIONCTL_HOME, else the nearest parent with a mission.toml.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_remember_json,
            help="Print one JSON document and nothing else.",
        ),
        click.Option(
            ["--no-color"],
            is_flag=True,
            expose_value=False,
            callback=_remember_no_color,
            help="No colours, as NO_COLOR does.",
        ),
    ]


class Command(click.Command):
    """A command with the global options, examples and exit codes."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        exits: Mapping[int, str] | None = None,
        needs_mission: bool = True,
        inside: bool = False,
        **attributes: Any,
    ) -> None:
        """`exits` adds to what every command can end with, or words it better; `inside`: agents at work may call it."""
        super().__init__(*args, **attributes)
        self.params.extend(_global_options())
        self.examples = tuple(examples)
        of_a_mission = {**OF_A_MISSION, **(INSIDE if inside else {})} if needs_mission else {}
        self.exits = dict(sorted({**ALWAYS, **of_a_mission, **(exits or {})}.items()))
        self.needs_mission = needs_mission
        self.inside = inside

    def invoke(self, ctx: click.Context) -> Any:
        session = ctx.ensure_object(Session)
        if session.is_inside:
            self._check_key(session)
        return super().invoke(ctx)

    def _check_key(self, session: Session) -> None:
        """Agents at work may call some commands, as long as they are at work."""
        if not self.inside:
            raise NotPermitted(
                f"An agent at work may not call {self.name}. It may: task show, task list, task add, task comment, "
                "progress, ask, hand-off, attach, remember. For anything else ask a person: missionctl ask TEXT"
            )
        if self.needs_mission:
            _ = session.speaker

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        with formatter.section("Exit codes"):
            formatter.write_text(" · ".join(f"{code} {meaning}" for code, meaning in self.exits.items()))


def command(
    name: str,
    *,
    examples: Sequence[str],
    exits: Mapping[int, str] | None = None,
    needs_mission: bool = True,
    inside: bool = False,
    cls: type[Command] = Command,
) -> Callable[[Callable[..., Any]], Command]:
    """Make a function `(session, …) -> exit code or None` a command; its docstring becomes the help."""

    def decorate(function: Callable[..., Any]) -> Command:
        decorated = click.command(
            name, cls=cls, examples=examples, exits=exits, needs_mission=needs_mission, inside=inside
        )
        return decorated(click.pass_obj(function))

    return decorate


class LazyGroup(click.Group):
    """A group that knows its commands from a table and imports one when it is called."""

    def __init__(self, *args: Any, table: Mapping[str, Entry], default: str | None = None, **attributes: Any) -> None:
        """`default` is the command that is meant where none is named."""
        super().__init__(*args, **attributes)
        self.table = table
        self.default = default
        self.params.extend(_global_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.default is not None and not self.names_a_command(args):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def names_a_command(self, args: Sequence[str]) -> bool:
        """Whether the first word that is no option is a command; --help before it asks for the group's own."""
        words = iter(args)
        for word in words:
            if word == "--home":
                next(words, None)
            elif word == "--help" or not word.startswith("-"):
                return word == "--help" or word in self.table
        return False

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, but suggestions come from the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.table, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        names = [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.table.items()
            if name.startswith(incomplete)
        ]
        return [*names, *options]
