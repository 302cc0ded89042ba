"""Putting a backup back: checked, prepared beside what is there, and then moved into place, all of it or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mission_control import config as settings
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.history import Activity
from mission_control.errors import ConfigInvalid, Conflict, InvalidInput, NotFound, Unavailable
from mission_control.folder import Folder, make_private_directory
from mission_control.ops.backup import checking, journal, manifest
from mission_control.ops.backup.copying import Copied, copy_file, copy_folder, sync_folders
from mission_control.ops.backup.journal import Journal, Step
from mission_control.ops.backup.making import describe_replaced
from mission_control.ops.backup.manifest import BackupDamaged, Manifest
from mission_control.ops.backup.quiet import held_quiet
from mission_control.store import copies
from mission_control.store.copies import Contents, Numbers
from mission_control.store.store import Store

STAGING = ".restoring"
TOKENS_SKIPPED = 1_000_000  # where nobody can tell any more how far the replaced database had come
RESTORED = "restored"  # the kind of the activity that says so


@dataclass(frozen=True)
class Restored:
    """What was put back, or would be. `kept` is where the replaced mission is; null when there was none."""

    backup: Path
    made: Manifest
    replaced: Contents | None
    kept: Path
    crontab: Path | None
    dry_run: bool
    is_of_another_mission: bool
    can_go_back: bool  # what was replaced can be put back in its turn


def restore(
    backup: Path, home: Path, environment: Mapping[str, str], clock: Clock, *, actor: str, dry_run: bool = False
) -> Restored:
    """Let the mission in `home` be what it was when `backup` was made. What it is now is kept in its backups.

    Raises BackupDamaged, SchemaMismatch, Conflict when something runs, InvalidInput where it is not clear which
    database is meant. Nothing was changed then. A dry run changes nothing either way.
    """
    folder = Folder(home)
    refuse_if_interrupted(folder)
    made = checking.check(backup)
    has_settings = manifest.SETTINGS in made.files
    config = _settings_then(backup if has_settings else home, home, environment, has_dump=made.has_dump)
    now = clock.now()
    with held_quiet(config, now) as store:
        restoring = _Restoring(backup, made, store, config=config, now=now, actor=actor)
        planned = None if dry_run else restoring.prepare()
        if planned is not None:
            planned.carry_out(folder)
    can_go_back = planned is not None and _describe(planned, now)
    return restoring.told(dry_run=dry_run, can_go_back=can_go_back)


def refuse_if_interrupted(folder: Folder) -> None:
    """Raises Unavailable while a restore that was decided is not carried out."""
    if folder.restore_journal.exists():
        raise Unavailable(interrupted_words(folder))


def interrupted_words(folder: Folder) -> str:
    return (
        f"A restore of {folder.home} was interrupted while it moved the new mission into place. "
        "Nothing is lost; finish it with: missionctl restore --finish"
    )


def finish(folder: Folder, config: Config | None, clock: Clock) -> Journal:
    """Carry out what is left of an interrupted restore. Raises NotFound when there is none."""
    begun = journal.read(folder)
    if begun is None:
        raise NotFound("No restore was interrupted: the mission is whole.")
    meant = replace(config or Config(home=folder.home), database=begun.database)
    with held_quiet(meant, clock.now()):
        begun.carry_out(folder)
    _describe(begun, clock.now())
    return begun


def _describe(done: Journal, now: datetime) -> bool:
    """Let what was replaced be a backup like any other, where it can be. Evidence of a fault is left as it is."""
    return done.kept_is_usable and describe_replaced(Path(done.kept), now)


def leftover(folder: Folder) -> Path | None:
    """What a restore prepared that was killed before it changed anything."""
    staging = folder.home / STAGING
    return staging if staging.exists() and not folder.restore_journal.exists() else None


def _settings_then(source: Path, home: Path, environment: Mapping[str, str], *, has_dump: bool) -> Config:
    """The settings as they will be. Raises InvalidInput unless it is clear which database they mean."""
    then = replace(settings.load(source, environment), home=home)
    if then.is_on_a_server is not has_dump:
        holds, meant = ("Postgres", "postgresql://…") if has_dump else ("SQLite", "mission.db")
        raise InvalidInput(
            f"The backup holds a {holds} database, and the settings of then name one of another kind. "
            f"Say where it goes: MISSIONCTL_DATABASE={meant} missionctl restore …"
        )
    if has_dump:
        return then  # it goes into an empty one only
    database = _real(then.database_address)
    try:
        now = _real(settings.load(home, environment).database_address)
    except ConfigInvalid:
        now = database  # what is broken names nothing
    is_new_and_inside = not now.exists() and database.is_relative_to(_real(home))
    if database != now and not is_new_and_inside:
        raise InvalidInput(
            f"The settings of the backup name the database {database}, those of now {now}. "
            f"Say which is meant: MISSIONCTL_DATABASE={now} missionctl restore …"
        )
    return then


def _real(path: Path | str) -> Path:
    return Path(os.path.realpath(path))


class _Restoring:
    """One restore, while the mission is held quiet."""

    def __init__(
        self, backup: Path, made: Manifest, store: Store | None, *, config: Config, now: datetime, actor: str
    ) -> None:
        """`store` is the database that is replaced; null where there is none that is usable."""
        self._backup = backup
        self._made = made
        self._home = config.home
        self._address = config.database_address
        self._database = self._home / manifest.DATABASE if made.has_dump else _real(config.database_address)
        self._now = now
        self._actor = actor
        self._store = store
        self._staging = self._home / STAGING
        self._replaced = copies.contents(store) if store else None
        self._attempts: set[tuple[int, int]] = set()  # that the restored database knows
        backups = Folder(self._home).backups
        self.kept = _free_place(backups if _device(backups) == _device(self._home) else self._home, now)

    def told(self, *, dry_run: bool, can_go_back: bool) -> Restored:
        has_crontab = manifest.CRONTAB in self._made.files
        return Restored(
            backup=self._backup,
            made=self._made,
            replaced=self._replaced,
            kept=self.kept,
            crontab=self._backup / manifest.CRONTAB if has_crontab else None,
            dry_run=dry_run,
            is_of_another_mission=self._replaced is not None
            and self._replaced.mission_id != self._made.contents.mission_id,
            can_go_back=can_go_back,
        )

    def prepare(self) -> Journal:
        """Everything beside what is there, on disk; the journal is written last."""
        folder = Folder(self._home)
        try:
            self._stage()
            steps = [*self._steps_of_database(), *self._steps_of_files(), *self._steps_of_runs()]
            self._refuse_other_disks(steps)
        except OSError as fault:
            self._forget()
            raise Unavailable(f"Nothing was changed: {fault.strerror} ({fault.filename}).") from fault
        except BaseException:
            self._forget()
            raise
        planned = Journal(
            backup=str(self._backup),
            database=self._address,
            kept=str(self.kept),
            staging=str(self._staging),
            kept_is_usable=self._store is not None,
            steps=steps,
        )
        planned.write(folder)
        return planned

    def _forget(self) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{self._staged_database}{ending}").unlink(missing_ok=True)

    @property
    def _staged_database(self) -> Path:
        """Beside the database, so that a rename puts it into its place."""
        return self._database.with_name(f"{self._database.name}.restoring")

    def _stage(self) -> None:
        self._forget()
        make_private_directory(self._staging)
        copied = Copied()
        if not self._made.has_dump:
            copy_file(self._backup / manifest.DATABASE, self._staged_database, manifest.DATABASE, copied)
        copy_file(self._backup / manifest.SETTINGS, self._staging / manifest.SETTINGS, manifest.SETTINGS, copied)
        for name in self._folders():
            copy_folder(self._backup, self._staging, name, copied)
            make_private_directory(self._staging / name)
        if any(self._made.files.get(path) != file for path, file in copied.files.items()):
            raise BackupDamaged(f"{self._backup} changed while it was read. Nothing was changed; try again.")
        sync_folders(self._staging)
        self._attempts = self._prepare_database()

    def _prepare_database(self) -> set[tuple[int, int]]:
        """Beside the one that is there; on a server in an empty one. Returns the attempts that it knows."""
        beyond, line = self._numbers(), self._line()
        if self._made.has_dump:
            from mission_control.store import dumps  # only where there is a server

            dump = self._backup / manifest.DUMP
            return dumps.load(dump, self._address, beyond=beyond, line=line, now=self._now)
        return copies.make_current(self._staged_database, beyond=beyond, line=line, now=self._now)

    def _folders(self) -> tuple[str, ...]:
        return (*manifest.MEMORY, *([manifest.RUNS] if self._made.has_runs else []))

    def _numbers(self) -> Numbers:
        """Beyond the restored and the replaced database; where that one is not usable, as far as can be told."""
        if self._replaced is not None:
            return self._replaced.numbers
        named = [name.removeprefix("T-") for name in _names(self._home / manifest.RUNS)]
        task = max((int(digits) for digits in named if digits.isdecimal()), default=0)
        return Numbers(task, self._made.contents.numbers.token + TOKENS_SKIPPED)

    def _line(self) -> Activity:
        message = f"{self._backup.name}, made {self._made.made_at:%Y-%m-%d %H:%M:%S} UTC"
        return Activity(at=self._now, kind=RESTORED, actor=self._actor, message=message)

    def _steps_of_database(self) -> Iterator[Step]:
        if self._made.has_dump:
            return
        kept = self.kept
        if _device(self._database.parent) != _device(kept.parent):
            kept = _free_place(self._database.parent, self._now)
        if self._store is None:  # its log was not written back; beside the new database it would be taken for its own
            for ending in ("-wal", "-shm"):
                yield Step(f"{self._database}{ending}", str(kept / f"{manifest.DATABASE}{ending}"), None)
        yield Step(str(self._database), str(kept / manifest.DATABASE), str(self._staged_database))

    def _steps_of_files(self) -> Iterator[Step]:
        names = [manifest.SETTINGS] if manifest.SETTINGS in self._made.files else []
        for name in (*names, *self._folders()):
            yield Step(str(self._home / name), str(self.kept / name), str(self._staging / name))

    def _steps_of_runs(self) -> Iterator[Step]:
        """What attempts left that the restored database does not know makes room for others of their numbers."""
        if self._made.has_runs:
            return
        runs = self._home / manifest.RUNS
        for task in sorted(_names(runs)):
            for number in sorted(_names(runs / task)):
                if _attempt(task, number) not in self._attempts:
                    yield Step(str(runs / task / number), f"{self.kept}-runs/{task}/{number}", None)

    def _refuse_other_disks(self, steps: list[Step]) -> None:
        """Only on one disk is a move one step."""
        for step in steps:
            place = Path(step.target)
            if place.is_symlink() or os.path.ismount(place):
                raise Conflict(
                    f"{place} is {'a link' if place.is_symlink() else 'a disk of its own'}, which a restore cannot "
                    "replace. Nothing was changed; put the folder itself there, and try again."
                )


def _free_place(shelf: Path, now: datetime) -> Path:
    """A name there for what is replaced."""
    first = shelf / f"replaced-{now:%Y%m%d-%H%M%S}"
    others = (first.with_name(f"{first.name}-{number}") for number in range(2, 1000))
    return next(place for place in (first, *others) if not os.path.lexists(place))


def _attempt(task: str, number: str) -> tuple[int, int]:
    digits = task.removeprefix("T-")
    return (int(digits), int(number)) if digits.isdecimal() and number.isdecimal() else (0, 0)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _device(path: Path) -> int:
    """The disk it is on, or will be on."""
    return path.stat().st_dev if path.exists() else _device(path.parent)
