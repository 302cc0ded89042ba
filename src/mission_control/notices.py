"""What may be done with channels, through which people are told outside of the mission; and what is told by hand."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Sequence
from datetime import timedelta

from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain.history import Activity
from mission_control.domain.notice import (
    AGENT_SILENT,
    Channel,
    ChannelKind,
    Topic,
    shown_url,
)
from mission_control.domain.silence import silent_since
from mission_control.errors import Conflict, InvalidInput, NotFound
from mission_control.moves import SYSTEM
from mission_control.store import agents, history, notices, settings
from mission_control.store.store import Store

CHANNELS = "channels"  # held by whoever adds one
URL_CHARACTERS = 2_000
SECRET_PREFIX = "whsec_"  # noqa: S105  as Standard Webhooks writes them
SECRET_BYTES = range(24, 65)  # the same
# A machine that wakes up finds everybody silent; whoever has a heartbeat within this time was not.
SETTLING = timedelta(minutes=2)

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,63}\Z")


class Notices:
    """Every change to channels. Raises InvalidInput, NotFound or Conflict and then has changed nothing."""

    def __init__(self, store: Store, clock: Clock, config: Config) -> None:
        self._store = store
        self._clock = clock
        self._config = config

    def channels(self) -> list[Channel]:
        """All, by name."""
        return notices.channels(self._store)

    def channel(self, name: str) -> Channel:
        """The one of this name; NotFound when there is none."""
        for channel in self.channels():
            if channel.name == name:
                return channel
        raise NotFound(f"There is no channel {name!r}. See: missionctl notify list")

    def add(
        self,
        url: str,
        kind: ChannelKind,
        topics: Sequence[Topic],
        *,
        actor: str,
        name: str | None = None,
        secret: str | None = None,
    ) -> Channel:
        """Tell it there from now on. A webhook gets a secret of its own unless one is given.

        Whether `url` can be reached by `kind` is for whoever delivers to say.
        """
        if not topics:
            raise InvalidInput(f"Say what about: --on {','.join(Topic)}")
        now = self._clock.now()
        with self._store.transaction():
            self._store.hold(CHANNELS)
            channel = Channel(
                id=0,
                name=self._free_name(name, kind, _checked_url(url)),
                kind=kind,
                topics=tuple(topic for topic in Topic if topic in topics),
                created_at=now,
                url=url,
                secret=_checked_secret(kind, secret),
            )
            self._note("channel_added", channel, actor, f"on {', '.join(channel.topics)}")
            return notices.add_channel(self._store, channel)

    def remove(self, name: str, *, actor: str) -> None:
        """Tell nothing there any more, not even what still waits."""
        with self._store.transaction():
            channel = self.channel(name)
            notices.remove_channel(self._store, name)
            self._note("channel_removed", channel, actor, f"{channel.waiting} undelivered" if channel.waiting else "")

    def _free_name(self, wanted: str | None, kind: ChannelKind, url: str) -> str:
        taken = {channel.name for channel in self.channels()}
        if wanted is not None:
            if not _NAME.match(wanted):
                raise InvalidInput(f"{wanted[:60]!r} is no name of a channel. Use 1 to 64 of a-z, 0-9, _, . and -.")
            if wanted in taken:
                raise Conflict(f"There is a channel {wanted} already. See: missionctl notify list")
            return wanted
        base = _name_from(kind, url)
        return next(name for n in range(1, len(taken) + 2) if (name := base if n == 1 else f"{base}-{n}") not in taken)

    def _note(self, kind: str, channel: Channel, actor: str, message: str) -> None:
        where = f"{channel.name} {shown_url(channel.kind, channel.url)} {message}".rstrip()
        history.append(self._store, Activity(at=self._clock.now(), kind=kind, actor=actor, message=where))

    # Silence

    def tell_silences(self) -> list[str]:
        """Whom this call found silent and told: agents without a heartbeat for three intervals of their schedule.

        Once for each silence, however many look; not for whoever is paused.
        """
        if settings.pause(self._store):
            return []
        now, zone = self._clock.now(), self._config.zone
        silent = [a.name for a in agents.listed(self._store) if not a.paused and silent_since(a, now, zone)]
        return [name for name in silent if self._tell(name)]

    def _tell(self, name: str) -> bool:
        now = self._clock.now()
        with self._store.transaction():
            agent = agents.lock(self._store, name)  # who is just having a heartbeat is not silent
            since = None if agent is None else silent_since(agent, now, self._config.zone)
            if agent is None or since is None:
                return False
            if notices.note_silence(self._store, name, since, now):
                return False
            if not notices.tell_silence(self._store, name, since, seen_before=now - SETTLING):
                return False
            message = f"no heartbeat since {since:%Y-%m-%d %H:%M:%S} UTC; its schedule is {agent.schedule}"
            history.append(self._store, Activity(at=now, kind=AGENT_SILENT, actor=SYSTEM, agent=name, message=message))
        return True


def _checked_url(url: str) -> str:
    """The message never repeats the address: it may hold a token."""
    if len(url) > URL_CHARACTERS:
        raise InvalidInput(f"The address has {len(url):,} characters; {URL_CHARACTERS:,} are allowed.")
    if not url.isprintable() or " " in url or not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S", url):
        raise InvalidInput("The address is none. Write e.g. https://example.com/hook or mailto://user:password@host.")
    return url


def _name_from(kind: ChannelKind, url: str) -> str:
    scheme, _, rest = shown_url(kind, url).partition("://")
    host = rest.partition("/")[0].rpartition(":")[0] or rest.partition("/")[0]
    name = re.sub(r"[^a-z0-9_.-]", "-", (scheme if kind is ChannelKind.APPRISE else host).lower())
    return name.lstrip(".-")[:50] or "webhook"


def _checked_secret(kind: ChannelKind, secret: str | None) -> str | None:
    if kind is not ChannelKind.WEBHOOK:
        if secret is not None:
            raise InvalidInput("Only a webhook has a secret; the addresses of other services hold their own.")
        return None
    if secret is None:
        return SECRET_PREFIX + base64.b64encode(os.urandom(32)).decode()
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        least, most = SECRET_BYTES[0], SECRET_BYTES[-1]
        raise InvalidInput(
            f"The secret is none: it starts with {SECRET_PREFIX}, then {least} to {most} bytes as base64."
        )
    return secret
