"""How things look on a terminal: calm columns, quiet headers, colour only where it says something."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.output import Cell, Column
from mission_control.interfaces.cli.text import without_controls

QUIET = "bright_black"
GAP = 2  # characters between columns
MOST_CHARACTERS = 24  # of a column that does not grow
LEAST_CHARACTERS = 12  # of one that does, however narrow the terminal


def console(session: Session) -> Console:
    """Nothing in a text is ever taken for markup, an emoji name or something to highlight."""
    # None leaves the decision to rich, which looks at the terminal.
    return Console(no_color=session.no_color or None, markup=False, emoji=False, highlight=False)


def print_table(session: Session, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Columns without lines, each entry on one line unless its column wraps; an empty one is left out."""
    output = console(session)
    output.print(table_of(columns, rows, room=output.width))


def table_of(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, room: int) -> Table:
    """The same to be printed by somebody else, in so many characters."""
    shown = [
        number
        for number, column in enumerate(columns)
        if column.on_terminal and any(row[number].on_terminal for row in rows)
    ]
    texts = [[render(row[number]) for number in shown] for row in rows]
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style=QUIET, pad_edge=False)
    for number, width in zip(shown, _widths([columns[number] for number in shown], texts, room), strict=True):
        column = columns[number]
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(
            _heading(column),
            justify=justify,
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
            width=width,
        )
    for line in texts:
        table.add_row(*line)
    return table


def _heading(column: Column) -> str:
    return (column.name if column.heading is None else column.heading).replace("_", " ").upper()


def _widths(columns: Sequence[Column], texts: Sequence[Sequence[Text]], room: int) -> list[int]:
    """What each column needs; the growing ones share what the others leave."""
    needs = [
        max(cell_len(_heading(column)), *(cell_len(line) for row in texts for line in row[number].plain.split("\n")))
        for number, column in enumerate(columns)
    ]
    growing = sum(column.grows for column in columns)
    widths = [need if column.grows else min(need, MOST_CHARACTERS) for column, need in zip(columns, needs, strict=True)]
    fixed = sum(width for column, width in zip(columns, widths, strict=True) if not column.grows)
    share = (room - fixed - GAP * (len(columns) - 1)) // max(growing, 1)
    return [
        min(width, max(share, LEAST_CHARACTERS)) if column.grows else width
        for column, width in zip(columns, widths, strict=True)
    ]


def print_fields(session: Session, fields: Sequence[tuple[str, Cell]]) -> None:
    """Quiet names on the left, values on the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style=QUIET)
    table.add_column(overflow="fold", ratio=1)
    for name, cell in fields:
        table.add_row(name.removesuffix("_at").replace("_", " "), render(cell))
    console(session).print(table)


def print_heading(session: Session, left: str, right: Cell | None = None) -> None:
    """A title in bold, with its state beside it."""
    text = Text(without_controls(left), style="bold")
    if right is not None:
        text = Text.assemble(text, "   ", render(right))
    console(session).print(text)


def print_title(session: Session, name: str, state: Cell, title: str) -> None:
    """What it is and how it stands, then its title in bold on a line of its own."""
    output = console(session)
    output.print(Text.assemble((name, QUIET), "  ", render(state)))
    output.print(Text(title, style="bold"))


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
