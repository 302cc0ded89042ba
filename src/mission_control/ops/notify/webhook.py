"""Webhooks as Standard Webhooks describes them: signed, so that the receiver knows who speaks and that it is fresh."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import NamedTuple

from mission_control import __version__

SILENCE_SECONDS = 10.0  # of the receiver, while we connect or wait for its answer
GONE = 410  # the receiver wants no more of this


class Receipt(NamedTuple):
    """How a delivery went; `is_final`: it never will go better. `error` holds nothing of the address."""

    error: str | None
    is_final: bool = False


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`; `secret` is `whsec_` and base64.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def post(url: str, secret: str, message_id: str, timestamp: int, body: bytes) -> Receipt:
    """Send it. Any answer but a 2xx is a failure, also one that points elsewhere: nobody signed for that place."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"missionctl/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  http(s) only, see addresses.py
        with urllib.request.build_opener(_StayHere).open(request, timeout=SILENCE_SECONDS):
            return Receipt(None)
    except urllib.error.HTTPError as answer:
        answer.close()
        return Receipt(f"it answered {answer.code}", is_final=answer.code == GONE)
    except urllib.error.URLError as fault:
        return Receipt(_words(fault.reason))
    except (OSError, HTTPException, ValueError) as fault:
        return Receipt(_words(fault))


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _words(fault: object) -> str:
    """What went wrong, without anything that was part of the address."""
    if isinstance(fault, TimeoutError):
        return f"it did not answer within {SILENCE_SECONDS:g} s"
    if isinstance(fault, OSError) and fault.strerror:
        return f"it cannot be reached: {fault.strerror}"
    return f"it cannot be reached ({type(fault).__name__})"
