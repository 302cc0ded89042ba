"""The service as a unit of systemd. Sources: systemd.unit(5), .service(5), .exec(5), .kill(5), systemd.syntax(7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mission_control.errors import InvalidInput
from mission_control.folder import PRIVATE_FILE
from mission_control.ops.service.seal import sealed
from mission_control.ops.service.supervisor import Said, State, Words
from mission_control.ops.service.wanted import Service

# Of the dispatcher, below what it executes; nothing of a user may go below the 100 of their systemd.
OOM_SCORE_OF_USER = 100
OOM_SCORE_OF_SYSTEM = -100
_PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,FragmentPath"
_NOT_IN_A_PROGRAM = set("\"'\\")
_RUNNING = ("active", "reloading", "activating")

_UNIT = """\
# What you want otherwise, add with: {edit}

[Unit]
Description=Mission Control: dispatcher of {home} (missionctl)
# It never gives up: a disk or a database that is away now may come back.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
# Where programs of agents are found.
Environment={search_path}
# Keys that agents need, one NAME=VALUE a line; the file may be missing.
EnvironmentFile=-{variables}
{user}UMask=0077
# Only the dispatcher is ended: executors live through its restart and record their own outcomes.
KillMode=process
TimeoutStartSec=120
TimeoutStopSec=30
Restart=on-failure
RestartSec=10
# Wrong settings do not mend themselves.
RestartPreventExitStatus=2
WatchdogSec=60
# Nothing is lost by it, and it leaves no core file, which could hold keys.
WatchdogSignal=SIGKILL
# A task that takes all memory is ended alone, and sooner than the dispatcher.
OOMPolicy=continue
OOMScoreAdjust={oom_score}

[Install]
WantedBy={target}
"""


class Systemd:
    """The systemd of one user, or of the machine."""

    kind = "systemd"
    suffix = ".service"

    def __init__(self, environment: Mapping[str, str], user_home: Path, *, system: bool) -> None:
        self._system = system
        self._ctl = ("systemctl", "--system" if system else "--user")
        settings = environment.get("XDG_CONFIG_HOME", "")
        of_user = (Path(settings) if settings.startswith("/") else user_home / ".config") / "systemd" / "user"
        self.folder = Path("/etc/systemd/system") if system else of_user
        self.file_mode = 0o644 if system else PRIVATE_FILE
        self._target = "multi-user.target" if system else "default.target"
        self.question: Words = (*self._ctl, "show", "--property=Version", "--value")

    def text_of(self, service: Service) -> str:
        """The unit file. Raises InvalidInput for a program that systemd would not start."""
        if set(str(service.program)) & _NOT_IN_A_PROGRAM:
            raise InvalidInput(
                f"systemd starts no program with a quote or a backslash in its path: {service.program}. "
                "Install it elsewhere."
            )
        text = _UNIT.format(
            edit=" ".join((*self._ctl, "edit", service.name)),
            home=literal(str(service.home)),
            command=command_line(service.command),
            search_path=word(f"PATH={service.search_path}"),
            variables=_file_pattern(str(service.variables)),
            user=f"User={service.user}\n" if service.user else "",
            oom_score=OOM_SCORE_OF_SYSTEM if self._system else OOM_SCORE_OF_USER,
            target=self._target,
        )
        return sealed(text, service.home, above=0, opening="#")

    def state_question(self, name: str) -> Words:
        return (*self._ctl, "show", f"--property={_PROPERTIES}", f"{name}{self.suffix}")

    def state(self, said: Said) -> State:
        """Not running when it cannot be understood: a program that says nothing proves nothing."""
        facts = dict(line.split("=", 1) for line in said.text.splitlines() if "=" in line)
        if not said.is_good or "ActiveState" not in facts:
            return State(is_loaded=False, is_running=False, words=said.text or "nothing that can be understood")
        words = f"{facts['ActiveState']} ({facts.get('SubState', '?')}), {facts.get('UnitFileState') or 'not enabled'}"
        return State(
            is_loaded=facts.get("LoadState") == "loaded",
            is_running=facts["ActiveState"] in _RUNNING,
            words=words,
        )

    def starting(self, path: Path, state: State | None, *, replaced: bool) -> list[Words]:  # noqa: ARG002  launchd asks for it
        reload = (*self._ctl, "daemon-reload")
        if replaced:
            return [reload, (*self._ctl, "enable", path.name), (*self._ctl, "restart", path.name)]
        return [reload, (*self._ctl, "enable", "--now", path.name)]

    def stopping(self, name: str, state: State) -> list[Words]:  # noqa: ARG002  launchd asks for it
        return [(*self._ctl, "disable", "--now", f"{name}{self.suffix}")]

    def forgetting(self, name: str, *, was_stopped: bool) -> list[Words]:
        stop = [] if was_stopped else [(*self._ctl, "stop", f"{name}{self.suffix}")]
        return [*stop, (*self._ctl, "daemon-reload")]

    def links(self, name: str) -> list[Path]:
        return [self.folder / f"{self._target}.wants" / f"{name}{self.suffix}"]


def command_line(words: Words) -> str:
    """The value of ExecStart=. In arguments variables are expanded and `$$` is a dollar; in the program neither."""
    program, *arguments = words
    return " ".join([word(program), *map(argument, arguments)])


def argument(text: str) -> str:
    """One word of a command line behind its program."""
    return word(text).replace("$", "$$")


def word(text: str) -> str:
    r"""One word of a value that is unquoted. `%` is a specifier wherever it stands.

    >>> print(word('/a "b" 50%'))
    "/a \"b\" 50%%"
    """
    return '"' + literal(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def literal(text: str) -> str:
    """Text of a value that is not unquoted."""
    return text.replace("%", "%%")


def _file_pattern(path: str) -> str:
    """A path where a glob pattern is read."""
    return literal(re.sub(r"([*?\[\\])", r"\\\1", path))
