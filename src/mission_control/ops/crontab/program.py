"""Talking to the program `crontab`: the text is replaced as a whole, and nothing believed that was not read back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mission_control.errors import Conflict, Unavailable

NO_CRONTAB = b"no crontab for"  # of Debian, cronie, macOS, in the C locale
ESCAPED = {b"\r": rb"\r", b"\b": rb"\b"}  # by `crontab -l` of Debian 12 and later
MOST_OF_A_COMPLAINT = 300
LOCK_PAUSE_SECONDS = 0.05
LOCK_TIMEOUT_SECONDS = 60  # longer than a crontab that hangs at every call keeps one of us busy


class CrontabFailed(Unavailable):
    """The program `crontab` is missing, failed, hung, or did something else than it was told."""


@dataclass(frozen=True)
class Crontab:
    """The crontab of this user."""

    program: str
    environment: Mapping[str, str]
    timeout_seconds: float = 10

    def read(self) -> bytes:
        """The whole text; empty where the user has none. Raises CrontabFailed."""
        code, out, complaint = self._run(["-l"], b"")
        if code == 0:
            return self._unescaped(out) if any(shown in out for shown in ESCAPED.values()) else out
        if NO_CRONTAB in complaint and not out:
            return b""
        raise CrontabFailed(f"The crontab cannot be read: {self.program} -l {_told(code, complaint)}.")

    def _unescaped(self, listed: bytes) -> bytes:
        """What really stands there: Debian's -l shows two control characters as escapes, which must not be written.

        An editor sees the bytes themselves, and one that changes nothing has no other effect.
        """
        code, out, complaint = self._run(["-e"], b"", VISUAL="cat", EDITOR="cat")
        escaped = out
        for raw, shown in ESCAPED.items():
            escaped = escaped.replace(raw, shown)
        if code == 0 and listed in (out, escaped):
            return out
        raise CrontabFailed(
            f"{self.program} -l may show control characters in the crontab as something else, and -e, which would show "
            f"the truth, {_told(code, complaint)}. Nothing was changed. Take \\r and \\b out with: crontab -e"
        )

    def write(self, text: bytes) -> None:
        """Let the program put this text in the place of the whole crontab. Raises CrontabFailed."""
        code, _, complaint = self._run(["-"], text)
        if code != 0:
            raise CrontabFailed(f"{self.program} did not take the new crontab: it {_told(code, complaint)}.")

    def _run(self, words: list[str], given: bytes, **variables: str) -> tuple[int, bytes, bytes]:
        try:
            # A session of its own, so that whatever it starts ends with it.
            process = subprocess.Popen(
                [self.program, *words],
                env={**self.environment, "LC_ALL": "C", **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as refused:
            raise CrontabFailed(f"{self.program} cannot be started: {refused.strerror}.") from refused
        with process:
            try:
                out, complaint = process.communicate(given, self.timeout_seconds)
            except subprocess.TimeoutExpired:
                spoken = " ".join([self.program, *words])
                raise CrontabFailed(
                    f"{spoken} gave no answer within {self.timeout_seconds:g} s and was ended."
                ) from None
            finally:
                _end(process)
            return process.returncode, out, complaint


def find_crontab(environment: Mapping[str, str]) -> Crontab:
    """The crontab of this user. Raises CrontabFailed where the system has no such command."""
    program = shutil.which("crontab", path=environment.get("PATH", os.defpath))
    if program is None:
        raise CrontabFailed(
            "There is no command crontab on the PATH. Install cron (on Debian: apt-get install cron), "
            "or let systemd give the heartbeats: missionctl cron install --systemd"
        )
    return Crontab(program, environment)


def replace(crontab: Crontab, before: bytes, after: bytes, *, keep: Callable[[bytes], Path]) -> Path:
    """Put `after` in the place of `before`, of which `keep` makes a copy first; returns where that is.

    Raises Conflict when the crontab is no longer `before`. Raises CrontabFailed when what stands there afterwards is
    not exactly `after`; then `before` was put back, or the message says that even this was not possible.
    """
    with alone():
        if crontab.read() != before:
            raise Conflict("Somebody changed the crontab meanwhile. Nothing was changed; try again.")
        copy = keep(before)
        try:
            crontab.write(after)
            found = crontab.read()
            if found == after:
                return copy
            fault = f"{crontab.program} reported success, but the crontab is not what it was given."
        except CrontabFailed as failed:
            fault = str(failed)
        raise CrontabFailed(f"{fault} {_put_back(crontab, before, copy)}")


def _put_back(crontab: Crontab, before: bytes, copy: Path) -> str:
    """Make sure that `before` stands there again, and say so; or say that it does not."""
    if _stands(crontab, before):
        return "The crontab is as it was before."
    try:
        crontab.write(before)
    except CrontabFailed:
        pass  # it may have done it all the same; what stands there decides
    if _stands(crontab, before):
        return "The crontab was put back as it was before."
    return f"THE CRONTAB COULD NOT BE PUT BACK. Look at it with: crontab -l. It was copied before, to {copy}"


def _stands(crontab: Crontab, text: bytes) -> bool:
    try:
        return crontab.read() == text
    except CrontabFailed:
        return False


@contextlib.contextmanager
def alone(timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
    """Keeps other calls of ours, of whatever mission of this user, from replacing the crontab at the same time."""
    try:
        # The user's home is what they have in common; a lock on the folder itself leaves no file behind.
        descriptor = os.open(pwd.getpwuid(os.getuid()).pw_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (KeyError, OSError):
        yield  # a user without a home: the comparison before and after must do
        return
    try:
        _lock(descriptor, timeout_seconds)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, timeout_seconds: float) -> None:
    end = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise CrontabFailed(
                    "The crontab is being changed by another call of missionctl. Nothing was changed; try again."
                ) from None
        time.sleep(LOCK_PAUSE_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what did not answer, with whatever it started; one that did has nothing left to end."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _told(code: int, complaint: bytes) -> str:
    """`ended with 1 and said: …`, without a full stop."""
    said = " ".join(complaint.decode(errors="replace").split())[:MOST_OF_A_COMPLAINT].removesuffix(".")
    ended = f"ended with {code}" if code >= 0 else f"was ended by signal {-code}"
    return f"{ended} and said: {said}" if said else ended
