"""`missionctl completion`: what a shell needs to complete commands, options, task ids and agent names."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from mission_control.interfaces.cli.command import command
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.main import COMPLETION_VARIABLE, PROGRAM, root
from mission_control.interfaces.cli.output import print_json

SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    examples=(
        'eval "$(missionctl completion bash)"                   # in ~/.bashrc',
        'eval "$(missionctl completion zsh)"                    # in ~/.zshrc, after compinit',
        "missionctl completion fish > ~/.config/fish/completions/missionctl.fish",
    ),
    needs_mission=False,
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(session: Session, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    assert found is not None
    # Not the class's own `source`: for bash it starts a bash only to ask for its version.
    script = ShellComplete.source(found(root, {}, PROGRAM, COMPLETION_VARIABLE))
    if session.as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script, nl=False)
