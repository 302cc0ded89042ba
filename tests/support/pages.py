"""The pages of the project as a test reads them: their blocks of shell commands, and which of them are only shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_PIECE = re.compile(
    r"^#+ (?P<heading>[^\n]+)$"
    r"|(?:^<!-- shown only: (?P<reason>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block of shell commands."""

    heading: str  # below which it stands
    text: str
    shown_only: str | None  # why nobody can carry it out here; None: it works as it stands

    @property
    def commands(self) -> list[str]:
        """Each line that does something."""
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def shell_blocks(page: str) -> Iterator[Block]:
    """Every block that is fenced as `sh`, in order.

    >>> list(shell_blocks("# Do\\n<!-- shown only: why -->\\n```sh\\nls\\n```\\n"))
    [Block(heading='Do', text='ls\\n', shown_only='why')]
    """
    heading = ""
    for piece in _PIECE.finditer(page):
        if piece["heading"] is not None:
            heading = piece["heading"]
        elif piece["language"] == "sh":
            yield Block(heading, piece["text"], piece["reason"])
