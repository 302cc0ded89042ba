"""Printing results: a table for a terminal, tab-separated values for a pipe, one JSON document when asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.text import on_one_line, tsv_cell, without_controls

_CONTROLS_OF_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Cell:
    """One value: what a pipe gets, and what a terminal shows of it."""

    plain: str
    shown: str | None = None  # null: as for a pipe
    style: str = ""  # of rich, e.g. `bold red`
    below: str | None = None  # a quiet second line on a terminal

    @property
    def on_terminal(self) -> str:
        return on_one_line(self.plain if self.shown is None else self.shown)


@dataclass(frozen=True)
class Column:
    """One column; its name is the header."""

    name: str
    heading: str | None = None  # on a terminal; null: the name
    grows: bool = False  # gets the room that is left on a terminal
    wraps: bool = False  # goes on in the next line where the room is short, for what must be read in full
    right: bool = False
    on_terminal: bool = True  # False: for pipes only


Row = Sequence[Cell | str]


def print_json(value: Any) -> None:
    """One document on one line that cannot steer a terminal: JSON by itself lets DEL and C1 controls stand."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    click.echo(_CONTROLS_OF_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def print_table(session: Session, columns: Sequence[Column], rows: Iterable[Row], *, when_empty: str) -> None:
    """A list for whoever reads. `when_empty` is said to a person when there are no rows; a pipe gets the header."""
    cells = [[as_cell(value) for value in row] for row in rows]
    if not session.is_terminal:
        _print_tsv([column.name for column in columns], cells)
    elif cells:
        # Imported here: rich costs 50 ms that only a person should pay.
        from mission_control.interfaces.cli import terminal

        terminal.print_table(session, columns, cells)
    else:
        click.echo(when_empty)


def print_fields(session: Session, fields: Iterable[tuple[str, Cell | str]]) -> None:
    """The facts of one thing, a line each. Empty ones are left out on a terminal."""
    pairs = [(name, as_cell(value)) for name, value in fields]
    if not session.is_terminal:
        _print_tsv(["field", "value"], [[Cell(name), cell] for name, cell in pairs])
        return
    from mission_control.interfaces.cli import terminal

    terminal.print_fields(session, [(name, cell) for name, cell in pairs if cell.on_terminal])


def print_lines(session: Session, lines: Iterable[Sequence[Cell]], *, widths: Sequence[int]) -> None:
    """Reports as they come, a line each: padded and coloured on a terminal, tab-separated for a pipe.

    `widths` are those of the first columns on a terminal; styles are names of one colour, or `bold`.
    """
    for cells in lines:
        if not session.is_terminal:
            click.echo("\t".join(tsv_cell(cell.plain) for cell in cells))
            continue
        padded = [cell.on_terminal.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        texts = [*padded, *(cell.on_terminal for cell in cells[len(widths) :])]
        click.echo(
            "  ".join(_styled(text, cell.style, session) for text, cell in zip(texts, cells, strict=True)).rstrip()
        )


def _styled(text: str, style: str, session: Session) -> str:
    if session.no_color or not style:
        return text
    return click.style(text, bold=True) if style == "bold" else click.style(text, fg=style)


def print_done(session: Session, text: str) -> None:
    """A sentence for a person about what was done."""
    mark = "✓" if session.no_color else click.style("✓", fg="green")
    click.echo(f"{mark} {without_controls(text)}")


def tell(text: str) -> None:
    """A message beside the result: on standard error, so that pipes stay clean."""
    click.echo(without_controls(text), err=True)


def as_cell(value: Cell | str) -> Cell:
    return Cell(value) if isinstance(value, str) else value


def _print_tsv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    click.echo("\t".join(header))
    for row in rows:
        click.echo("\t".join(tsv_cell(cell.plain) for cell in row))
