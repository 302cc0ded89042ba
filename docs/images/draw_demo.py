"""Draws docs/images/demo.svg: `missionctl demo` as it happened on a real terminal, played once.

From the checkout, after bin/demo has set it up:  .venv/bin/python docs/images/draw_demo.py
The picture needs no script and no font from elsewhere, and stands still for readers who ask for less motion.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

TARGET = Path(__file__).with_name("demo.svg")
COLUMNS, ROWS = 96, 60
CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN, TITLE_BAR = 8.4, 19, 14, 22, 30  # FONT_SIZE stands in STYLE too
STEP_SECONDS = 0.1  # the picture changes at most this often, which keeps it small
# How rich's Live goes back to the top of what it drew.
REDRAW = re.compile(r"\r?\x1b\[2K(?:\x1b\[1A\x1b\[2K)*")
CURSOR = re.compile(r"\x1b\[\?25[lh]")
# Background, foreground, eight colours, their bright forms.
THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (201, 209, 217),
    ],
    [
        (125, 133, 144),
        (255, 150, 141),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (255, 255, 255),
    ],
)
STYLE = """
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}
.b{font-weight:bold}.l{opacity:0}
@keyframes on{to{opacity:1}}
@keyframes off{to{opacity:0}}
@media (prefers-reduced-motion:reduce){.l{animation:none!important}.e{opacity:1}}
"""


@dataclass(frozen=True)
class Shown:
    """One line of the terminal, from when until when; `until` null: to the end."""

    row: int
    text: Text
    since: float
    until: float | None


def record() -> list[tuple[float, str]]:
    """What the demo wrote to a terminal, each piece with the seconds since the first."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [Path(sys.executable).with_name("missionctl"), "demo"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as demo:
        os.close(theirs)
        pieces = list(_read(ours))
    if demo.returncode != 0:
        sys.exit(f"The demo ended {demo.returncode}; nothing was drawn.")
    return [(at - pieces[0][0], text) for at, text in pieces]


def _read(descriptor: int) -> Iterator[tuple[float, str]]:
    """Pieces as they come. The system ends the stream of a terminal with an error."""
    rest = b""
    while True:
        try:
            piece = os.read(descriptor, 1 << 20)
        except OSError:
            return
        if not piece:
            return
        text = (rest + piece).decode(errors="ignore")
        rest = b"" if (rest + piece).endswith(text.encode()[-1:]) else (rest + piece)[-3:]
        yield time.monotonic(), text


def frames(pieces: Sequence[tuple[float, str]]) -> list[tuple[float, list[str]]]:
    """The terminal's lines after each redraw, at most one frame a step; the last one is whole."""
    found: list[tuple[float, list[str]]] = []
    screen = ""
    for at, piece in pieces:
        screen = REDRAW.split(screen + CURSOR.sub("", piece))[-1]
        lines = screen.replace("\r", "").rstrip("\n").split("\n")
        if found and at - found[-1][0] < STEP_SECONDS:
            found[-1] = (found[-1][0], lines)
        else:
            found.append((at, lines))
    return found


def lines_in_time(found: Sequence[tuple[float, list[str]]]) -> Iterator[Shown]:
    """Each row's texts with the times in which they stand there."""
    for row in range(max(len(lines) for _, lines in found)):
        since, text = 0.0, ""
        for at, lines in found:
            now = lines[row] if row < len(lines) else ""
            if now != text:
                if text:
                    yield Shown(row, Text.from_ansi(text), since, at)
                since, text = at, now
        if text:
            yield Shown(row, Text.from_ansi(text), since, None)


def draw(shown: Sequence[Shown]) -> str:
    """The picture as SVG."""
    rows = 1 + max(line.row for line in shown)
    width, height = COLUMNS * CELL_WIDTH + 2 * MARGIN, TITLE_BAR + rows * LINE_HEIGHT + 2 * MARGIN
    back = THEME.background_color.hex
    dots = "".join(
        f'<circle cx="{MARGIN + 18 * number}" cy="22" r="6" fill="{fill}"/>'
        for number, fill in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    box, fore = f"0 0 {width:.0f} {height:.0f}", THEME.foreground_color.hex
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img" fill="{fore}">',
            "<title>missionctl demo: five agents execute eleven tasks</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="100%" height="100%" rx="10" fill="{back}"/>{dots}',
            *(_line(line) for line in shown),
            "</svg>\n",
        ]
    )


def _line(line: Shown) -> str:
    since, until = f"on 0s {line.since:.1f}s forwards", line.until
    animation = since if until is None else f"{since},off 0s {until:.1f}s forwards"
    y = TITLE_BAR + MARGIN + line.row * LINE_HEIGHT + FONT_SIZE
    kind = "l e" if until is None else "l"
    return f'<g class="{kind}" style="animation:{animation}">{"".join(_spans(line.text, y))}</g>'


def _spans(text: Text, y: int) -> Iterator[str]:
    """One <text> for each piece of one style, at its own column, so that no font's widths add up to an error."""
    column = 0
    console = Console(width=COLUMNS, color_system="truecolor", force_terminal=True)
    for segment in text.render(console):
        width = cell_len(segment.text)
        if segment.text.strip():
            bold = ' class="b"' if segment.style and segment.style.bold else ""
            x, length = MARGIN + column * CELL_WIDTH, width * CELL_WIDTH
            yield (
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}"{_fill(segment.style)}{bold}>'
                f"{escape(segment.text)}</text>"
            )
        column += width


def _fill(style: Style | None) -> str:
    color: Color | None = style.color if style else None
    return f' fill="{color.get_truecolor(THEME).hex}"' if color else ""


if __name__ == "__main__":
    TARGET.write_text(draw(list(lines_in_time(frames(record())))), encoding="utf-8")
