"""The journal of a restore: written once everything is prepared, removed once everything is in its place.

While it is there the new mission has been decided and the old one is being moved out of the way: no command works on
either, and whoever comes next can carry on where the last one was killed. Without it nothing was changed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mission_control.errors import Unavailable
from mission_control.folder import Folder, make_private_directory, sync, write_private


@dataclass(frozen=True)
class Step:
    """What comes to one place. What was there is kept. `staged` null: nothing comes."""

    target: str
    kept: str
    staged: str | None

    def carry_out(self) -> None:
        """Also after it was begun, or done, by somebody who was killed."""
        if self.staged is not None and not os.path.lexists(self.staged):
            return  # it is in its place already
        if os.path.lexists(self.target) and not os.path.lexists(self.kept):
            self._keep()
        if self.staged is not None:
            if os.path.isdir(self.staged) and os.path.lexists(self.target):
                os.rename(self.target, f"{self.kept}.later")  # somebody made it anew after it was moved away
            os.rename(self.staged, self.target)
            sync(os.path.dirname(self.target))

    def _keep(self) -> None:
        """A file keeps its first name until another has it, so that nobody finds it missing."""
        make_private_directory(os.path.dirname(self.kept))
        if self.staged is None or os.path.isdir(self.target) or not _link(self.target, self.kept):
            os.rename(self.target, self.kept)
        sync(os.path.dirname(self.kept))


def _link(target: str, kept: str) -> bool:
    """False on a file system where a file has one name only."""
    try:
        os.link(target, kept, follow_symlinks=False)
    except OSError as fault:
        if fault.errno in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            return False
        raise
    return True


@dataclass(frozen=True)
class Journal:
    """`backup` is put back, `database` with it; what it replaces goes to `kept`, `staging` is removed in the end."""

    backup: str
    database: str
    kept: str
    staging: str
    kept_is_usable: bool  # its database
    steps: Sequence[Step]

    def write(self, folder: Folder) -> None:
        """The moment from which on the new mission is decided."""
        make_private_directory(folder.restore_journal.parent)
        write_private(folder.restore_journal, json.dumps(asdict(self)).encode())

    def carry_out(self, folder: Folder) -> None:
        """All steps in order, then the journal goes. Safe to do again after a kill at any point."""
        for step in self.steps:
            step.carry_out()
        shutil.rmtree(self.staging, ignore_errors=True)
        folder.restore_journal.unlink()
        sync(folder.restore_journal.parent)


def read(folder: Folder) -> Journal | None:
    """Of the restore that is under way or was interrupted; None when there is none."""
    try:
        content = json.loads(folder.restore_journal.read_bytes())
        steps = tuple(Step(**step) for step in content.pop("steps"))
        return Journal(**content, steps=steps)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise Unavailable(
            f"{folder.restore_journal} cannot be understood ({fault}). What was replaced is in {folder.backups}."
        ) from None
