"""The reference pages, written from the code: every command from the table of commands, every setting from Config.

`bin/reference` writes them anew; a test compares. What stands on them is changed where it is said: in the help of a
command, in the comment beside a setting.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from pathlib import Path

import click

from mission_control.config import ENVIRONMENT_PREFIX, Config
from mission_control.interfaces.cli.command import Command, LazyGroup
from mission_control.interfaces.cli.main import COMMANDS, PROGRAM, root
from mission_control.settings_checks import RANGES, Isolation
from support.every_command import every_command

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_ABOVE = re.compile(r"    # (.*)")
_BEHIND = re.compile(r"    (\w+)(?:: | = ).*?(?:  # (.*))?")
_WRITTEN = "<!-- written by bin/reference from the code; change it there -->"


def pages() -> Mapping[Path, str]:
    """The text of each page."""
    return {FOLDER / "cli.md": _commands(), FOLDER / "configuration.md": _settings()}


# Commands


def _commands() -> str:
    shortcuts = _shortcuts()
    of_groups = [(path, found) for path, found in every_command() if len(path) > 1 or path[0] not in shortcuts]
    sections = [_command(path, found, shortcuts) for path, found in of_groups]
    index = [f"| [`{' '.join(path)}`](#{_anchor(path)}) | {_summary(path)} |" for path, _ in of_groups]
    return "\n".join(
        [
            _WRITTEN,
            "# Commands",
            "",
            "Noun, then verb; what is done all day also goes without its noun. `--help` says the same.",
            "",
            "| everywhere | |",
            "|---|---|",
            *_rows(root),
            "",
            "| command | does |",
            "|---|---|",
            *index,
            "",
            *sections,
        ]
    )


def _shortcuts() -> Mapping[str, str]:
    """Commands of the first level that are also those of a noun: `ls` is `task list`."""
    places = {
        entry.place: f"{noun} {verb}"
        for noun in COMMANDS
        if isinstance(group := root.get_command(click.Context(root), noun), LazyGroup)
        for verb, entry in group.table.items()
    }
    return {name: places[entry.place] for name, entry in COMMANDS.items() if entry.place in places}


def _command(path: tuple[str, ...], command: Command, shortcuts: Mapping[str, str]) -> str:
    name = " ".join(path)
    context = click.Context(command, info_name=f"{PROGRAM} {name}")
    short = [shortcut for shortcut, meant in shortcuts.items() if meant == name]
    also = f" Also `{PROGRAM} {short[0]}`." if short else ""
    everywhere = {option for option, _ in _records(root)}
    options = [row for row in _records(command) if row[0] not in everywhere and row[0].startswith("-")]
    table = ["", "| option | |", "|---|---|", *map(_row, options)] if options else []
    exits = " · ".join(f"{code} {meaning}" for code, meaning in command.exits.items())
    return "\n".join(
        [
            f"## {name}",
            "",
            inspect.cleandoc(command.help or "") + also,
            "",
            "```",
            f"{PROGRAM} {name} {' '.join(command.collect_usage_pieces(context))}",
            "",
            *command.examples,
            "```",
            *table,
            "",
            f"Exit codes: {exits}",
            "",
        ]
    )


def _summary(path: tuple[str, ...]) -> str:
    group: LazyGroup = root
    for noun in path[:-1]:
        found = group.get_command(click.Context(group), noun)
        assert isinstance(found, LazyGroup)
        group = found
    return group.table[path[-1]].summary


def _records(command: click.Command) -> list[tuple[str, str]]:
    """Each option with what it does, as the help says it."""
    context = click.Context(command)
    return [record for option in command.get_params(context) if (record := option.get_help_record(context))]


def _rows(command: click.Command) -> list[str]:
    return [_row(record) for record in _records(command)]


def _row(record: tuple[str, str]) -> str:
    option, meaning = (text.replace("|", "\\|") for text in record)
    return f"| `{option}` | {meaning.strip()} |"


def _anchor(path: tuple[str, ...]) -> str:
    return "-".join(path)


# Settings


@dataclass(frozen=True)
class _Said:
    """What the comments beside a setting say."""

    section: str
    meaning: str


_INTRODUCTION = f"""\
{_WRITTEN}
# Settings

Each may stand in `mission.toml`, in the mission's folder, and in the environment: `lease_seconds` is
`{ENVIRONMENT_PREFIX}LEASE_SECONDS` there. Lists are separated by commas, `runner_slots` is `shell=4,claude=2`. A flag
of a command is stronger than the environment, that than the file, that than the default. Durations are in seconds,
fractions allowed; sizes in bytes. All faults are told at once, each with where it stands, by every command.
"""
_OTHERS = f"""\
## Other variables

| variable | |
|---|---|
| `{ENVIRONMENT_PREFIX}HOME` | the mission's folder, where no `--home` is said |
| `NO_COLOR` | no colours |
| `XDG_CONFIG_HOME` | where units of systemd are written, in place of `~/.config` |
"""


def _settings() -> str:
    said = _comments(Config)
    lines = [_INTRODUCTION]
    section = None
    for setting in fields(Config):
        if setting.name == "home":
            continue
        if said[setting.name].section != section:
            section = said[setting.name].section
            lines += ["", *([section, ""] if section else []), "| setting | default | may be | |", "|---|---|---|---|"]
        lines.append(
            f"| `{setting.name}` | {_default(setting)} | {_range(setting)} | {_shown(said[setting.name].meaning)} |"
        )
    levels = [f"| `{level}` | {_shown(said.meaning)} |" for level, said in _levels()]
    return "\n".join([*lines, "", "| isolation | |", "|---|---|", *levels, "", _OTHERS])


def _comments(described: type) -> Mapping[str, _Said]:
    """What stands behind each name of a class, or else on the line above it.

    A line above a name that has its own word is the title of a section, which lasts to the next title.
    """
    found: dict[str, _Said] = {}
    section = above = ""
    for line in inspect.getsource(described).splitlines():
        if match := _ABOVE.fullmatch(line):
            above = match[1]
        elif match := _BEHIND.fullmatch(line):
            section = above if above and match[2] else section
            found[match[1]] = _Said(section, match[2] or above)
            above = ""
    return found


def _levels() -> Iterator[tuple[str, _Said]]:
    said = _comments(Isolation)
    return ((level.value, said[level.name]) for level in Isolation)


def _default(setting: Field[object]) -> str:
    value = setting.default_factory() if setting.default_factory is not MISSING else setting.default
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return "`[]`"
    if isinstance(value, dict):
        return "`{ }`"
    return f"`{value}`"


def _range(setting: Field[object]) -> str:
    if setting.name in RANGES:
        least, most = RANGES[setting.name]
        return f"{least:,} to {most:,}"
    if isinstance(setting.default, bool):
        return "`true`, `false`"
    if isinstance(setting.default, StrEnum):
        return ", ".join(f"`{choice}`" for choice in type(setting.default))
    if setting.default == ():
        return "a list of texts"
    if setting.default_factory is not MISSING:
        return "names with numbers" if "int" in str(setting.type) else "tables"
    return "a text"


def _shown(meaning: str) -> str:
    return meaning.replace("|", "\\|")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
