"""Telling the service manager how we are: the protocol of sd_notify(3), one datagram a message.

The protocol is an interface that systemd promises to keep, and small enough not to need its library. Whoever is not
supervised calls the same functions; they do nothing.
"""

from __future__ import annotations

from mission_control.config import Supervision

STATUS_CHARACTERS = 200


class ServiceNotices:
    """The notices of one process. No trouble with them ever reaches the caller: each says whether it was sent."""

    def __init__(self, supervision: Supervision) -> None:
        self._supervision = supervision
        self._alive_at: float | None = None

    @property
    def longest_silence_seconds(self) -> float | None:
        """The longest that a watched loop may wait: half of the limit, see sd_watchdog_enabled(3); null: for ever."""
        limit = self._supervision.watchdog_seconds
        return None if limit is None else limit / 2

    def ready(self, status: str = "") -> bool:
        """Start-up is over. Until then `systemctl start` waits."""
        return self._send("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for people, shown by `systemctl status`."""
        return self._send(*_status(text))

    def alive(self, at: float) -> bool:
        """The watchdog's sign of life, at these monotonic seconds. Often called, it is seldom sent.

        Only the loop that does the work may give it, or it proves nothing.
        """
        limit = self._supervision.watchdog_seconds
        if limit is None or (self._alive_at is not None and at < self._alive_at + limit / 4):
            return False
        if not self._send("WATCHDOG=1"):
            return False
        self._alive_at = at
        return True

    def stopping(self, status: str = "") -> bool:
        """We are about to end because somebody asked."""
        return self._send("STOPPING=1", *_status(status))

    def _send(self, *lines: str) -> bool:
        if self._supervision.address is None or not lines:
            return False
        import socket  # only a supervised process pays for it

        address = self._supervision.address
        target = f"\0{address[1:]}" if address.startswith("@") else address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
                # Never wait for a manager that does not read: it may itself wait for us.
                notices.sendto("\n".join(lines).encode("utf-8", "replace"), socket.MSG_DONTWAIT, target)
        except (OSError, ValueError):  # gone, full, or an address of more characters than a socket can have
            return False
        return True


def _status(text: str) -> list[str]:
    """On one line, because a line feed would begin another message."""
    return [f"STATUS={' '.join(text.split())[:STATUS_CHARACTERS]}"] if text else []
