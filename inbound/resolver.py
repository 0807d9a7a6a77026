"""DNS: the real one with a time limit and a bounded cache, and a static zone.

Rules:
- An absent name or type, and a name that cannot exist, are an empty list. Everything else that is no answer (time-out,
  SERVFAIL, REFUSED, no server) raises ResolverTroubleError: a temporary error, never "absent".
- The cache honours TTLs up to an hour, absence up to 5 minutes, and holds a fixed number of names. Trouble is not kept.
- The same question asked twice at once goes out once.
- A static zone serves tests and the demo; `serve` never uses one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inbound.contracts import ResolverTroubleError

MAX_TTL_SECONDS = 3_600
MAX_ABSENT_SECONDS = 300
MAX_VALUES = 100
MAX_CNAMES = 8


def _name(name: str) -> str | None:
    """The canonical form of a name, or None where no such name can exist."""
    name = name.lower().removesuffix(".")
    if not name.isascii() or not 0 < len(name) <= 253 or not all(0 < len(label) < 64 for label in name.split(".")):
        return None
    return name if name.isprintable() and not any(sign in name for sign in ' \\"();@$') else None


def _reversed(address: str) -> str | None:
    try:
        return ipaddress.ip_address(address).reverse_pointer
    except ValueError:
        return None


class DnsResolver:
    """Asks the system's resolvers, or the given ones."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        *,
        port: int = 53,
        timeout_seconds: float = 5.0,
        cache_names: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nameservers = list(nameservers)
        self._port = port
        self._timeout = timeout_seconds
        self._room = cache_names
        self._clock = clock
        self._cache: OrderedDict[tuple[str, str], tuple[float, list[str]]] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Task[list[str]]] = {}
        self._resolver: Any = None

    async def txt(self, name: str) -> list[str]:
        return await self._ask(_name(name), "TXT")

    async def a(self, name: str) -> list[str]:
        return await self._ask(_name(name), "A")

    async def aaaa(self, name: str) -> list[str]:
        return await self._ask(_name(name), "AAAA")

    async def mx(self, name: str) -> list[str]:
        """Hosts in the order of preference."""
        return await self._ask(_name(name), "MX")

    async def ptr(self, address: str) -> list[str]:
        return await self._ask(_reversed(address), "PTR")

    async def _ask(self, name: str | None, kind: str) -> list[str]:
        if name is None:
            return []
        key = (name, kind)
        if (kept := self._cache.get(key)) is not None:
            if kept[0] > self._clock():
                self._cache.move_to_end(key)
                return list(kept[1])
            del self._cache[key]
        if (task := self._asked.get(key)) is None:
            task = asyncio.create_task(self._query(name, kind))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        # One who gives up waiting must not take the answer away from the others.
        return list(await asyncio.shield(task))

    def _forget(self, key: tuple[str, str], done: asyncio.Task[list[str]]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled():
            done.exception()

    def _keep(self, key: tuple[str, str], seconds: float, values: list[str]) -> list[str]:
        self._cache[key] = (self._clock() + seconds, values)
        while len(self._cache) > self._room:
            self._cache.popitem(last=False)
        return values

    def _make(self) -> Any:
        import dns.asyncresolver
        import dns.exception

        try:
            resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
        except dns.exception.DNSException as error:
            raise ResolverTroubleError(f"no DNS server is configured: {error}") from error
        if self._nameservers:
            resolver.nameservers = self._nameservers
            resolver.port = self._port
        return resolver

    async def _query(self, name: str, kind: str) -> list[str]:
        import dns.exception
        import dns.resolver

        if self._resolver is None:
            self._resolver = self._make()
        try:
            answer = await self._resolver.resolve(
                name + ".", kind, lifetime=self._timeout, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN as error:
            return self._keep((name, kind), _absent_seconds(error), [])
        except dns.exception.Timeout as error:
            raise ResolverTroubleError(f"no answer for {kind} of {name} in time") from error
        except (dns.exception.DNSException, OSError) as error:
            raise ResolverTroubleError(f"no answer for {kind} of {name}: {type(error).__name__}") from error
        if answer.rrset is None:
            return self._keep((name, kind), _negative_seconds(answer.response), [])
        values = _values(answer.rrset, kind)
        return self._keep((name, kind), min(answer.rrset.ttl, MAX_TTL_SECONDS), values)


def _absent_seconds(error: Any) -> float:
    return min((_negative_seconds(response) for response in error.responses().values()), default=0)


def _negative_seconds(response: Any) -> float:
    """How long absence holds: the SOA of the answer says so (RFC 2308); without one it is not kept."""
    import dns.rdatatype

    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return float(min(rrset.ttl, rrset[0].minimum, MAX_ABSENT_SECONDS))
    return 0.0


def _values(rrset: Any, kind: str) -> list[str]:
    records = list(rrset)[:MAX_VALUES]
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]
    if kind == "MX":
        ranked = sorted(records, key=lambda record: (record.preference, record.exchange))
        return [record.exchange.to_text(omit_final_dot=True) for record in ranked]
    if kind == "PTR":
        return [record.target.to_text(omit_final_dot=True) for record in records]
    return [record.address for record in records]


class StaticZone:
    """DNS from a table: `{"example.com": {"TXT": ["v=spf1 -all"], "MX": ["mx.example.com"]}}`; CNAMEs are followed.

    Names in `trouble` answer nobody in time. PTR stands under the address itself or under its in-addr.arpa name.
    """

    def __init__(self, names: Mapping[str, Mapping[str, Sequence[str]]], *, trouble: Sequence[str] = ()) -> None:
        self._names = {
            name.lower().removesuffix("."): {kind.upper(): list(values) for kind, values in records.items()}
            for name, records in names.items()
        }
        self._trouble = frozenset(name.lower().removesuffix(".") for name in trouble)
        self.asked: list[tuple[str, str]] = []
        """Every question, in order: (name, type)."""

    async def txt(self, name: str) -> list[str]:
        return self._look(name, "TXT")

    async def a(self, name: str) -> list[str]:
        return self._look(name, "A")

    async def aaaa(self, name: str) -> list[str]:
        return self._look(name, "AAAA")

    async def mx(self, name: str) -> list[str]:
        return self._look(name, "MX")

    async def ptr(self, address: str) -> list[str]:
        return self._look(address, "PTR") or self._look(_reversed(address) or "", "PTR")

    def _look(self, name: str, kind: str) -> list[str]:
        name = name.lower().removesuffix(".")
        self.asked.append((name, kind))
        for _ in range(MAX_CNAMES):
            if name in self._trouble:
                raise ResolverTroubleError(f"no answer for {kind} of {name} in time")
            records = self._names.get(name, {})
            if kind in records or "CNAME" not in records:
                return list(records.get(kind, ()))
            name = records["CNAME"][0].lower().removesuffix(".")
        return []
