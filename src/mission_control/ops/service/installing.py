"""Looking at the service of a mission, installing it, removing it. Safe to do twice, and to be killed in between."""

from __future__ import annotations

import difflib
import os
import pwd
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mission_control.errors import Conflict, NotFound, Unavailable
from mission_control.folder import PRIVATE_FILE
from mission_control.ops.service import files
from mission_control.ops.service.launchd import Launchd
from mission_control.ops.service.seal import Standing, read_seal, standing_of
from mission_control.ops.service.supervisor import Said, State, Supervisor, Words, ask, ask_all
from mission_control.ops.service.systemd import Systemd
from mission_control.ops.service.wanted import Service, checked_name, default_name


@dataclass(frozen=True)
class Site:
    """Where services are installed, and how its supervisor is asked."""

    supervisor: Supervisor
    environment: Mapping[str, str]
    answer_seconds: float = 10  # for a question
    work_seconds: float = 150  # for a start, which may first bring a database up to date

    def path_of(self, name: str) -> Path:
        return self.supervisor.folder / f"{name}{self.supervisor.suffix}"


@dataclass(frozen=True)
class Look:
    """What is installed, and what would be."""

    service: Service
    path: Path
    wanted: str
    installed: str | None
    standing: Standing

    @property
    def diff(self) -> list[str]:
        """From what is installed to what is wanted; empty when they are the same."""
        before = (self.installed or "").splitlines()
        origin = os.devnull if self.installed is None else str(self.path)
        return list(difflib.unified_diff(before, self.wanted.splitlines(), origin, str(self.path), lineterm=""))

    @property
    def removal_diff(self) -> list[str]:
        """From what is installed to nothing."""
        before = (self.installed or "").splitlines()
        return list(difflib.unified_diff(before, [], str(self.path), os.devnull, lineterm=""))


@dataclass(frozen=True)
class Deed:
    """What was done with the file, and what the supervisor said."""

    changed: bool = False
    kept: Path | None = None  # where the text of a person was put that we have replaced or removed
    said: tuple[Said, ...] = ()
    next_steps: tuple[str, ...] = ()  # what is left to a person
    state: State | None = None  # null: nobody was asked, or nobody answered

    @property
    def has_failed(self) -> bool:
        """The supervisor was there, and the service does not run."""
        return self.state is not None and not self.state.is_running


def site_here(environment: Mapping[str, str], *, system: bool) -> Site:
    """The supervisor of this machine, or of its user."""
    home = Path(environment.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    supervisor: Supervisor
    if sys.platform == "darwin":
        supervisor = Launchd(home, os.getuid(), system=system)
    else:
        supervisor = Systemd(environment, home, system=system)
    return Site(supervisor, environment)


def choose_name(site: Site, home: Path, given: str | None) -> str:
    """The name of the mission's service: the given one, that of its only installed one, else after its folder."""
    if given is not None:
        return checked_name(given.removesuffix(site.supervisor.suffix))
    own = _names_of(site, home)
    return own[0] if len(own) == 1 else default_name(home)


def look(site: Site, service: Service) -> Look:
    """How the installed file stands to the wanted one."""
    path, wanted = site.path_of(service.name), site.supervisor.text_of(service)
    installed = files.read(path)
    return Look(service, path, wanted, installed, standing_of(installed, wanted, service.home))


def state_of(site: Site, name: str) -> State | None:
    """What the supervisor knows of the service; None: it does not answer."""
    question = ask(site.supervisor.question, site.environment, patience_seconds=site.answer_seconds)
    if not (question.is_good and question.text):
        return None
    said = ask(site.supervisor.state_question(name), site.environment, patience_seconds=site.answer_seconds)
    return site.supervisor.state(said)


def check_installable(site: Site, seen: Look, *, force: bool) -> None:
    """Raises Conflict where the file is not ours to replace, or the mission has a service of another name."""
    others = [name for name in _names_of(site, seen.service.home) if name != seen.service.name]
    if others:
        raise Conflict(
            f"This mission has the service {others[0]} already, and needs no second dispatcher. "
            f"Remove it first with: missionctl service remove --name {others[0]}"
        )
    _check_ours(seen, force=force)


def check_removable(seen: Look, *, force: bool) -> None:
    """Raises NotFound where there is none, Conflict where the file is not ours to remove."""
    if seen.standing is Standing.MISSING:
        raise NotFound(f"There is no service {seen.service.name}: {seen.path} does not exist.")
    _check_ours(seen, force=force)


def install(site: Site, seen: Look, *, now: datetime, start: bool = True) -> Deed:
    """Write the file where it differs, and let the supervisor start the service; else say how a person does."""
    state = state_of(site, seen.service.name) if start else None
    kept = _keep(seen, now)
    changed = seen.standing is not Standing.SAME
    if changed:
        files.put(
            seen.path,
            seen.wanted,
            mode=site.supervisor.file_mode,
            replace=seen.standing is not Standing.MISSING,
        )
    replaced = changed and seen.standing is not Standing.MISSING
    commands = site.supervisor.starting(seen.path, state, replaced=replaced)
    if state is None:
        return Deed(changed, kept, next_steps=_spoken(commands))
    said = ask_all(commands, site.environment, patience_seconds=site.work_seconds)
    left = commands[len(said) - 1 :] if not said[-1].is_good else []
    return Deed(changed, kept, tuple(said), _spoken(left), state_of(site, seen.service.name))


def remove(site: Site, seen: Look, *, now: datetime) -> Deed:
    """End the service and delete its file. Raises Unavailable, the file still there, when it cannot be ended."""
    name, supervisor = seen.service.name, site.supervisor
    state = state_of(site, name)
    said: list[Said] = []
    if state is not None:
        said = ask_all(supervisor.stopping(name, state), site.environment, patience_seconds=site.work_seconds)
        if said and not said[-1].is_good:
            raise Unavailable(
                f"{name} could not be ended, so its file stays. {shlex.join(said[-1].words)} said: {said[-1].text}"
            )
    kept = _keep(seen, now)
    for link in supervisor.links(name):
        files.delete_link(link, seen.path)
    files.delete(seen.path)
    commands = supervisor.forgetting(name, was_stopped=state is not None)
    if state is None:
        return Deed(changed=True, kept=kept, next_steps=_spoken(commands))
    said += ask_all(commands, site.environment, patience_seconds=site.work_seconds)
    return Deed(changed=True, kept=kept, said=tuple(said))


def _names_of(site: Site, home: Path) -> list[str]:
    """The names of the services that are installed for this mission."""
    suffix = site.supervisor.suffix
    try:
        paths = sorted(site.supervisor.folder.glob(f"*{suffix}"))
    except OSError:
        return []
    seals = {path.name.removesuffix(suffix): read_seal(files.read(path) or "") for path in paths}
    return [name for name, seal in seals.items() if seal and seal.mission == str(home)]


def _check_ours(seen: Look, *, force: bool) -> None:
    match seen.standing:
        case Standing.FOREIGN:
            raise Conflict(
                f"{seen.path} is not of our making and stays as it is. Take another name with --name, "
                "or move the file away yourself."
            )
        case Standing.OTHER_MISSION:
            seal = read_seal(seen.installed or "")
            raise Conflict(
                f"{seen.path} is the service of the mission in {seal.mission if seal else '?'} and stays as it is. "
                "Take another name with --name."
            )
        case Standing.EDITED if not force:
            raise Conflict(
                f"{seen.path} was changed by a person. See what would be lost with: missionctl service show; "
                "then say --force. A copy is kept in the mission's backups."
            )


def _keep(seen: Look, now: datetime) -> Path | None:
    """A copy of what a person has written, before it goes."""
    if seen.standing is not Standing.EDITED:
        return None
    copy = seen.service.home / "backups" / f"{seen.path.name}.{now:%Y%m%dT%H%M%S%fZ}"
    files.put(copy, seen.installed or "", mode=PRIVATE_FILE, replace=False)
    return copy


def _spoken(commands: Sequence[Words]) -> tuple[str, ...]:
    return tuple(shlex.join(words) for words in commands)
