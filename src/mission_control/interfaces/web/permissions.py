"""What a request needs: one table. A route that nobody wrote down here needs `read` to look and `admin` to change."""

from __future__ import annotations

import re

from mission_control.domain.access import Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Without any key. Nothing of the mission may show here.
_OPEN = (
    ("GET", r"/healthz"),
    ("GET", r"/login"),
    ("POST", r"/login"),
    ("GET", r"/static/.*"),
)
_OTHERWISE = (
    ("POST", r"/api/v1/tasks", Scope.AGENT),
    ("POST", r"/api/v1/tasks/[^/]+/comments", Scope.AGENT),
    ("POST", r"/logout", Scope.READ),
    ("GET", r"/api/v1/tokens", Scope.ADMIN),
)


def is_open(method: str, path: str, *, open_metrics: bool) -> bool:
    """Whether anybody may ask this."""
    method = "GET" if method == "HEAD" else method
    if open_metrics and (method, path) == ("GET", "/metrics"):
        return True
    return any(method == known and re.fullmatch(pattern, path) for known, pattern in _OPEN)


def asks_for_attempts_key(path: str) -> bool:
    """Whether agents at work come here: the tools themselves ask for the key of a live attempt, and take no other."""
    return path.startswith("/mcp/")


def needed_scope(method: str, path: str) -> Scope:
    """The least scope with which this may be asked."""
    method = "GET" if method == "HEAD" else method
    for known, pattern, scope in _OTHERWISE:
        if method == known and re.fullmatch(pattern, path):
            return scope
    return Scope.READ if method in SAFE_METHODS else Scope.ADMIN
