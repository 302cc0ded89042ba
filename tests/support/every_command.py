"""The table of all commands, walked."""

from __future__ import annotations

from collections.abc import Iterator

import click

from mission_control.interfaces.cli.command import Command, LazyGroup
from mission_control.interfaces.cli.main import root


def every_command(group: LazyGroup = root, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command with the words that call it."""
    for name in group.table:
        found = group.get_command(click.Context(group), name)
        if isinstance(found, LazyGroup):
            yield from every_command(found, (*path, name))
        else:
            assert isinstance(found, Command), name
            yield (*path, name), found
