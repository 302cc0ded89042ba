"""As whom the server is reached: the only hosts it answers to, and the only origins from which changes may come."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Places:
    """Exact names: a page of another name that resolves to this machine is refused (DNS rebinding)."""

    port: int
    origins: frozenset[str]  # as browsers write them

    @property
    def hosts(self) -> frozenset[str]:
        """What may stand in the header `Host`."""
        return frozenset(urlsplit(origin).netloc for origin in self.origins)

    @property
    def cookie(self) -> str:
        """Browsers do not keep the cookies of two ports apart; two missions must."""
        return f"mission-control-{self.port}"


def places_of(address: str, port: int, origins: Iterable[str] = ()) -> Places:
    """Those of a server that listens at `address` and `port`, and of whatever stands in front of it."""
    loopback = [_origin(host, port) for host in LOOPBACK_HOSTS]
    own = loopback if ipaddress.ip_address(address).is_loopback else [*loopback, _origin(_bracketed(address), port)]
    return Places(port=port, origins=frozenset((*own, *origins)))


def _origin(host: str, port: int) -> str:
    return f"http://{host}" if port == 80 else f"http://{host}:{port}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
