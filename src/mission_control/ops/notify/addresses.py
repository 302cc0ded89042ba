"""Which kind of channel an address is for."""

from __future__ import annotations

import importlib.util
from typing import Any
from urllib.parse import urlsplit

from mission_control.domain.notice import ChannelKind
from mission_control.errors import InvalidInput

EXTRA = "pip install 'mission-control-agents[notify]'"


def kind_of(url: str) -> ChannelKind:
    """A web address is a webhook of ours, unless it is that of a service apprise knows by its own form, e.g. Slack's.

    Raises InvalidInput for an address that nobody can deliver to, without repeating it: it may hold a token.
    """
    scheme, joint, _ = url.partition("://")
    scheme = scheme.lower()
    if not joint:
        raise InvalidInput("The address is none: it has no ://. Write e.g. https://example.com/hook.")
    if scheme in ("http", "https"):
        if is_installed() and _understood(url):
            return ChannelKind.APPRISE
        _check_web_address(url)
        return ChannelKind.WEBHOOK
    if not is_installed():
        raise InvalidInput(
            f"Addresses that begin with {scheme[:20]}:// need the library apprise, which is not installed. "
            f"Install it with: {EXTRA}. Webhooks, https://…, need nothing."
        )
    if _understood(url) is None:
        raise InvalidInput(
            f"apprise does not understand this address, which begins with {scheme[:20]}://. "
            "The forms of all services: https://appriseit.com/services/"
        )
    return ChannelKind.APPRISE


def is_installed() -> bool:
    """Whether apprise can be used here."""
    return importlib.util.find_spec("apprise") is not None


def _understood(url: str) -> Any:
    # Imported here: 240 ms, and an extra that may be missing.
    import logging

    import apprise

    logging.getLogger("apprise").addHandler(logging.NullHandler())  # it would print what it does not understand
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)


def _check_web_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise InvalidInput("The address of the webhook is not complete. Write e.g. https://example.com/hook.")
    if parts.username or parts.password:
        raise InvalidInput(
            "A webhook's address cannot hold a name and password: it is the signature that proves who speaks. "
            "Leave them out, or put a token into the path."
        )
