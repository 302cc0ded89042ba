"""How things look on a terminal: calm columns, quiet headers, colour only where it says something."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Cell, Column
from mission_control.interfaces.cli.text import without_controls

QUIET = "bright_black"


def console(session: Session) -> Console:
    """Nothing in a text is ever taken for markup, an emoji name or something to highlight."""
    # None leaves the decision to rich, which looks at the terminal.
    return Console(no_color=session.no_color or None, markup=False, emoji=False, highlight=False)


def print_table(session: Session, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Columns without lines; the growing one is folded, no other is cut."""
    shown = [number for number, column in enumerate(columns) if column.on_terminal]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=QUIET, pad_edge=False)
    for number in shown:
        column = columns[number]
        table.add_column(
            column.name.replace("_", " ").upper(),
            justify="right" if column.right else "left",
            no_wrap=not column.grows,
            overflow="fold" if column.grows else "ellipsis",
            ratio=1 if column.grows else None,
        )
    for row in rows:
        table.add_row(*(render(row[number]) for number in shown))
    console(session).print(table)


def print_fields(session: Session, fields: Sequence[tuple[str, Cell]]) -> None:
    """Quiet names on the left, values on the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style=QUIET)
    table.add_column(overflow="fold", ratio=1)
    for name, cell in fields:
        table.add_row(name.replace("_", " "), render(cell))
    console(session).print(table)


def print_heading(session: Session, left: str, right: Cell | None = None) -> None:
    """A title in bold, with its state beside it."""
    text = Text(without_controls(left), style="bold")
    if right is not None:
        text = Text.assemble(text, "   ", render(right))
    console(session).print(text)


def print_section(session: Session, title: str) -> None:
    """A quiet line above what follows."""
    output = console(session)
    output.print()
    output.print(Text(title, style=QUIET))


def print_block(session: Session, text: str) -> None:
    """Text of several lines, indented."""
    console(session).print(Padding(Text(without_controls(text).strip("\n")), (0, 0, 0, 2)))


def print_entry(session: Session, byline: str, text: str) -> None:
    """One entry of a thread."""
    console(session).print(Text(without_controls(byline), style="bold"))
    print_block(session, text)


def render(cell: Cell) -> Text:
    """A cell with its quiet second line."""
    text = Text(cell.on_terminal, style=cell.style)
    if cell.below:
        text = Text.assemble(text, ("\n" + without_controls(cell.below), QUIET))
    return text
