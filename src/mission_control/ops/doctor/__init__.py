"""Whether a mission is in order, and mending what can be mended without harm. Looks at what cannot be opened, too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mission_control import config as settings
from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import DATABASE_FILE, SETTINGS_FILE, Config
from mission_control.domain.attempt import Attempt
from mission_control.errors import ConfigInvalid, MissionControlError, SchemaMismatch, StoreDamaged
from mission_control.execution import recovery, runners
from mission_control.execution.environment import DEFAULT_PATH
from mission_control.folder import Folder
from mission_control.ops.backup import checking, shelf
from mission_control.ops.doctor import backups, confinement, cron, folders, heartbeats, logs, machine, notifications
from mission_control.ops.doctor import board as on_board
from mission_control.ops.doctor.finding import Finding, Level, fault, ok, warning
from mission_control.store import agents, attempts, health, schema
from mission_control.store.sqlite import SqliteConnection
from mission_control.store.store import Store

MOST_PAGES = 5
LARGE_LOG_BYTES = 100_000_000


def examine(
    home: Path, environment: Mapping[str, str], clock: Clock, *, deep: bool = False, resident: int | None = None
) -> list[Finding]:
    """All findings, good ones too. Changes nothing. What cannot be looked at is a fault, never an error.

    `deep` also reads every byte of the newest backup and opens it. `resident` is the resident process of this machine.
    """
    findings = [*machine.examine_programs()]
    config = _load(home, environment)
    findings += _examine_settings(home, environment)
    findings += _guarded("folder", folders.examine_folders(home, _file_of(config)))
    findings += _guarded("disk", _examine_place(home, _file_of(config)))
    if config is None:
        return [*findings, warning("database", "not looked at", "Mend the settings first")]
    search_path = environment.get("PATH", DEFAULT_PATH)
    findings += _guarded("isolation", confinement.examine_confinement(config, search_path))
    findings += _guarded("restore", backups.examine_restore(Folder(home)))
    findings += _guarded("logs", logs.examine_logs(config))
    findings += _guarded(
        "database", _examine_database(config, environment, clock, resident), if_damaged=_restoring(home)
    )
    return [*findings, *_guarded("backup", _examine_backups(config, clock, deep=deep))]


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Warnings leave a mission healthy."""
    return not any(finding.level is Level.FAULT for finding in findings)


def mend(home: Path, environment: Mapping[str, str], clock: Clock) -> list[str]:
    """Do what is safe: permissions, missing folders, large logs, pending migrations after a backup, lost attempts and
    what is left of them. Tells what was done; what cannot be done is left to `examine`.
    """
    config = _load(home, environment)
    done = _as_far_as_possible(folders.mend_folders(home, _file_of(config)))
    if config is not None:
        done += _as_far_as_possible(logs.mend_logs(config))
        done += _as_far_as_possible(_migrate(config, clock))
        done += _as_far_as_possible(_recover(config, clock))
    return done


def _load(home: Path, environment: Mapping[str, str]) -> Config | None:
    try:
        return settings.load(home, environment)
    except ConfigInvalid:
        return None


def _file_of(config: Config | None) -> Path | None:
    """Where a SQLite database lies; None for one on a server, or where the settings do not tell."""
    if config is None or config.database_address.startswith(("postgresql://", "postgres://")):
        return None
    return Path(config.database_address)


def _guarded(check: str, findings: Iterable[Finding], *, if_damaged: str = "") -> Iterator[Finding]:
    """The findings; a refusal while looking becomes the last of them."""
    try:
        yield from findings
    except MissionControlError as refused:
        yield fault(check, str(refused), if_damaged if isinstance(refused, StoreDamaged) else "Try again")
    except OSError as refused:
        yield fault(check, f"{refused.filename or ''}: {refused.strerror}".lstrip(": "), "Mend what the system says")


def _as_far_as_possible(done: Iterator[str]) -> list[str]:
    told: list[str] = []
    try:
        told.extend(done)
    except (MissionControlError, OSError) as refused:
        told.append(f"stopped: {refused}")
    return told


def _examine_settings(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    try:
        settings.load(home, environment)
    except ConfigInvalid as invalid:
        for line in invalid.faults:
            yield fault("settings", line, f"Change {home / SETTINGS_FILE} or the environment")
        return
    yield ok("settings", f"{home / SETTINGS_FILE} is understood")


def _examine_place(home: Path, database: Path | None) -> Iterator[Finding]:
    if database is not None:
        yield machine.examine_file_system(database.parent)
    yield machine.examine_disk(home)


# The database


def _examine_database(
    config: Config, environment: Mapping[str, str], clock: Clock, resident: int | None
) -> Iterator[Finding]:
    address = config.database_address
    store = schema.connect(address)
    try:
        try:
            schema.check_schema(store, address)
        except SchemaMismatch as mismatch:
            yield fault("database", str(mismatch), _step_for(store))
            return
        pages = health.damaged_pages(store, MOST_PAGES)
        for problem in pages:
            yield fault("database", f"{schema.shown_address(address)}: {problem}", _restoring(config.home))
        if not pages:
            yield ok("database", f"{schema.shown_address(address)} is sound, schema {schema.SCHEMA_NUMBER}")
        if file := _file_of(config):
            yield _examine_log(file)
        yield from on_board.examine_board(store, config, clock)
        yield from machine.examine_server_clock(health.server_clock(store), clock.now())
        yield from cron.examine_cron(agents.listed(store), config, environment, clock.now())
        yield from heartbeats.examine_heartbeats(store, config, clock.now(), resident=resident)
        yield from notifications.examine_notifications(store, clock.now())
    finally:
        store.close()


def _examine_backups(config: Config, clock: Clock, *, deep: bool) -> Iterator[Finding]:
    try:
        store = schema.open_store(config.database_address)
    except MissionControlError:  # a finding of its own
        yield from backups.examine_backups(config, None, clock.now(), deep=deep)
        return
    try:
        yield from backups.examine_backups(config, store, clock.now(), deep=deep)
    finally:
        store.close()


def _restoring(home: Path) -> str:
    """What to do about a damaged or missing database: name the newest backup or copy, if there is one."""
    if whole := [path for path in shelf.finished(home / "backups") if checking.why_unfit(path, deep=False) is None]:
        return f"missionctl restore {whole[-1].name}"
    copies = sorted((home / "backups").glob(f"*{DATABASE_FILE}"), key=os.path.getmtime)
    if copies:
        return f"Keep what is left, and put {copies[-1]} into its place"
    return "Keep what is left, and put a backup of yours into its place; without one, start anew: missionctl init DIR"


def _step_for(store: Store) -> str:
    newer = schema.schema_number(store) > schema.SCHEMA_NUMBER
    return "Update missionctl, or restore a backup of its time" if newer else folders.FIX


def _examine_log(database: Path) -> Finding:
    """SQLite's write-ahead log grows while somebody reads for long."""
    log = database.with_name(f"{database.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > LARGE_LOG_BYTES:
        fact = f"{log} has {size / 1e6:,.0f} MB: some program reads the database without an end"
        return warning("write-ahead log", fact, f"End it; it shows in: fuser {database}")
    return ok("write-ahead log", f"{size / 1e6:.1f} MB")


# Mending


def _migrate(config: Config, clock: Clock) -> Iterator[str]:
    address = config.database_address
    store = schema.connect(address)
    copies: list[Path] = []
    try:
        if 0 < schema.schema_number(store) < schema.SCHEMA_NUMBER:
            applied = schema.migrate(store, now=clock.now(), backup=_copier(config, clock, copies))
            yield from (f"copied the database to {copy}" for copy in copies)
            yield f"brought the database to schema {applied[-1] if applied else schema.SCHEMA_NUMBER}"
    finally:
        store.close()


def _copier(config: Config, clock: Clock, copies: list[Path]) -> Callable[[], None]:
    """Copies a SQLite file into backups before it is changed. A Postgres server has backups of its own."""

    def copy() -> None:
        if _file_of(config) is None:
            return
        target = config.home / "backups" / f"before-migration-{clock.now():%Y%m%dT%H%M%S.%fZ}-{DATABASE_FILE}"
        source = SqliteConnection(config.database_address)
        try:
            source.copy_to(target)
        finally:
            source.close()
        copies.append(target)

    return copy


def _recover(config: Config, clock: Clock) -> Iterator[str]:
    """Lost attempts through the board, as a heartbeat does it; then what outlived its attempt."""
    store = schema.open_store(config.database_address)
    try:
        board = Board(store, clock, config, refuses=runners.refusing(config.runners))
        for attempt in recovery.recover(board, config=config, clock=clock):
            yield f"recorded {attempt.name} as {attempt.outcome}"
        orphans = {orphan.attempt for orphan in on_board.find_orphans(store, config)}
        known = [found for name in sorted(orphans) if (found := _attempt(store, name))]
        still_there = recovery.end_leftovers(known, config=config) if known else set()
        yield from (f"ended what outlived {attempt.name}" for attempt in known if attempt.name not in still_there)
    finally:
        store.close()


def _attempt(store: Store, name: str) -> Attempt | None:
    """None when its task was deleted: then nothing proves that its processes are ours to end."""
    task, _, number = name.removeprefix("T-").partition("/")
    if not (task.isdigit() and number.isdigit()):
        return None
    return attempts.get(store, int(task), int(number))
