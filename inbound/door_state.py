"""What the sessions of one door share: who is in, how fast they go, how much they hold.

Rules:
- A connection over a limit is told so (421) and costs nothing more.
- An address is one IPv4 address or one IPv6 /64: the smallest thing that one customer owns.
- The table of addresses is bounded, whoever knocks.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from datetime import datetime
from typing import Any, Protocol

from inbound import replies
from inbound.replies import Reply
from inbound.settings import ListenerSettings

_MAX_ADDRESSES = 10_000


class Guest(Protocol):
    """A session, as the door sees it."""

    def stop_soon(self, *, at_once: bool) -> None: ...


class DoorState:
    def __init__(self, settings: ListenerSettings) -> None:
        self._settings = settings
        self._inside = 0
        self._connections: Counter[str] = Counter()
        self._allowances: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self._held = 0
        self.sessions: dict[Guest, asyncio.Task[None]] = {}
        self.deliveries: set[asyncio.Future[Any]] = set()
        """Calls of `Intake.accept` that run; they outlive a session that was lost."""

    def enter(self, origin: str) -> Reply | None:
        """Count a connection in, or say why not. Who was counted in must `leave`."""
        if self._inside >= self._settings.max_connections:
            return replies.TOO_MANY_CONNECTIONS
        if self._connections[origin] >= self._settings.max_connections_per_address:
            return replies.TOO_MANY_FROM_ADDRESS
        self._inside += 1
        self._connections[origin] += 1
        return None

    def leave(self, origin: str) -> None:
        self._inside -= 1
        self._connections[origin] -= 1
        if self._connections[origin] <= 0:
            del self._connections[origin]

    def may_send(self, origin: str, now: datetime) -> bool:
        """Take one mail out of the address's allowance, which fills again within a minute."""
        most = float(self._settings.max_mails_per_minute_per_address)
        if not most:
            return True
        left, since = self._allowances.pop(origin, (most, now))
        # A clock set back must not empty the allowance.
        left = min(most, left + most * max(0.0, (now - since).total_seconds()) / 60)
        allowed = left >= 1
        self._allowances[origin] = (left - 1 if allowed else left, now)
        if len(self._allowances) > _MAX_ADDRESSES:
            self._allowances.popitem(last=False)
        return allowed

    def hold(self, more: int) -> bool:
        """Count bytes of mail that a session has in memory (negative: gave back). False when all have too much."""
        self._held += more
        return self._held <= self._settings.max_buffered_bytes


def peer_address(peername: object) -> str:
    """The IP address of a socket's peer name: IPv4 also where it came mapped into IPv6, without a zone."""
    if not isinstance(peername, tuple) or not peername:
        return ""
    text = str(peername[0]).partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def origin_of(address: str) -> str:
    """What limits by address count together."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, 64), strict=False))
