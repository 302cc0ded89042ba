"""Everything that can be refused or go wrong, as one tree.

MissionControlError
├── InvalidInput            exit 2   what was given breaks a rule; nothing changed
│   └── ConfigInvalid               settings with faults; every fault is listed
├── NotFound                exit 3   no such task, agent, attempt
├── Conflict                exit 4   refused in this state
│   ├── IllegalMove                 the transition table has no such move
│   ├── LeaseLost                   this token's claim is over
│   └── DependencyCycle             a task would wait for itself
├── NotPermitted            exit 6   not for whoever asks, e.g. an agent at work
└── Unavailable             exit 5   cannot be served now
    ├── NoMission                   no mission.toml found
    ├── StoreBusy                   another writer holds the database
    ├── CommitUnknown               a fault in mid-commit: whether the change was kept is not known
    ├── StoreDamaged                the database file is not readable as ours
    └── SchemaMismatch              the database is newer than this program

An agent that fails is an Outcome, not an exception. Interfaces map the branch, once, to an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence


class MissionControlError(Exception):
    """Base of all: the message says what happened, the fact, and the next step."""


class InvalidInput(MissionControlError):
    """Something given from outside breaks a stated rule. Nothing was changed."""


class ConfigInvalid(InvalidInput):
    """Settings with faults; `faults` lists each with its source."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("The settings have faults:\n  " + "\n  ".join(self.faults))


class NotFound(MissionControlError):
    """No such task, agent or attempt."""


class Conflict(MissionControlError):
    """Legal in general, refused in the present state. Nothing was changed."""


class IllegalMove(Conflict):
    """The transition table has no such move."""


class LeaseLost(Conflict):
    """The claim with this token is over; another may hold the task. Stop and write nothing more."""


class DependencyCycle(Conflict):
    """The new dependency would make a task wait for itself."""


class NotPermitted(MissionControlError):
    """Legal, but not for whoever asks: a key that is not valid (any more), or a deed beyond what it is for."""


class Unavailable(MissionControlError):
    """Cannot be served now: no mission, database busy, newer schema, disk full."""


class NoMission(Unavailable):
    """No folder with a mission.toml was found or named."""


class StoreBusy(Unavailable):
    """Another writer held the database longer than we wait."""


class CommitUnknown(Unavailable):
    """The disk or the connection failed in mid-commit. All of it was kept or nothing; look before repeating."""


class StoreDamaged(Unavailable):
    """The database cannot be read as a mission's. It is left untouched as evidence."""


class SchemaMismatch(Unavailable):
    """The database was written by a newer program than this one."""


def describe(fault: Exception) -> str:
    """What went wrong, for a log; of a fault that nobody foresaw also where."""
    if isinstance(fault, MissionControlError):
        return str(fault)
    import traceback

    frames = traceback.extract_tb(fault.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(fault).__name__}: {fault}{where}"
