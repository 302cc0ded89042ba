"""What may be seen: read-only answers shared by every interface."""

from __future__ import annotations


class Views:
    """Read-only answers about tasks, agents and attempts."""
