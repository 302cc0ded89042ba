"""Whether people are told what they want to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mission_control.domain.notice import Channel, ChannelKind
from mission_control.ops.doctor.finding import Finding, fault, ok, warning
from mission_control.ops.notify.addresses import EXTRA, is_installed
from mission_control.store import notices
from mission_control.store.store import Store

HICCUP = timedelta(hours=1)


def examine_notifications(store: Store, now: datetime) -> Iterator[Finding]:
    """Channels that fail, and those that nobody here can speak to. Sends nothing."""
    channels = notices.channels(store)
    findings = [finding for channel in channels for finding in _examine(channel, now)]
    yield from findings
    if not findings:
        counted = f"{len(channels)} channel{'' if len(channels) == 1 else 's'}, none failing"
        yield ok("notifications", counted if channels else "none wanted: missionctl notify add URL")


def _examine(channel: Channel, now: datetime) -> Iterator[Finding]:
    if channel.kind is ChannelKind.APPRISE and not is_installed():
        fact = f"{channel.name} needs the library apprise, which is not installed for this Python"
        yield fault("notifications", fact, f"{EXTRA}, or missionctl notify remove {channel.name}")
    elif channel.failing_since is not None:
        level = fault if now - channel.failing_since > HICCUP else warning
        since = f"since {channel.failing_since:%Y-%m-%d %H:%M} UTC, {channel.waiting} waiting"
        fact = f"{channel.name} fails: {channel.last_error} ({since})"
        yield level("notifications", fact, f"missionctl notify test {channel.name}")
