"""SPF (RFC 7208) by pyspf, on our own resolver.

Rules:
- pyspf is synchronous and looks names up through a function of its module; here each query object routes its own
  lookups to the event loop instead, and pyspf runs in a small pool of threads of its own. Nothing global is changed.
- Limits: 10 lookups, 2 void ones, 10 MX (pyspf's, after the RFC), records of at most 2,000 characters (its patterns are
  quadratic on longer ones), and one deadline over everything. `exp=` is not fetched: nobody reads it.
- Only a client of the SMTP door with an address that the internet can route is checked. Loopback, private and
  link-local ones say nothing (behind NAT all the world comes from one), nor does an LMTP or a provider's HTTP client.
- DNS trouble is `temperror`. What breaks pyspf is `permerror`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitTimeoutError
from functools import cache
from importlib import import_module
from typing import Any, get_args

from inbound.contracts import Envelope, Resolver, ResolverTroubleError, SpfResult, Verdict

MAX_RECORD_CHARS = 2_000
MAX_VOID_LOOKUPS = 2
WORKERS = 16

_MUTE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "::/127",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+\Z")


async def check(envelope: Envelope, *, resolver: Resolver, timeout_seconds: float) -> SpfResult:
    """Check MAIL FROM, or HELO where the return path is null."""
    address = _address(envelope)
    if isinstance(address, str):
        return SpfResult(result="none", reason=address)
    sender = envelope.mail_from or f"postmaster@{envelope.helo}"
    domain = sender.rpartition("@")[2].lower().rstrip(".")
    if "@" not in sender or not _DOMAIN.match(domain):
        return SpfResult(result="none", reason="no domain to check")
    if not sender.isprintable() or len(sender) > 320:
        return SpfResult(result="none", domain=domain, reason="no usable return path")
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + timeout_seconds
    bridge = _Bridge(resolver, loop, deadline)
    helo = envelope.helo if _DOMAIN.match(envelope.helo.lower()) else "unknown"
    work = loop.run_in_executor(_pool(), _run, bridge, str(address), sender, helo)
    try:
        result, reason = await asyncio.wait_for(work, timeout_seconds)
    except TimeoutError:
        result, reason = "temperror", "no answer in time"
    return SpfResult(result=result, domain=domain, reason=reason[:200])


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="spf")


def _address(envelope: Envelope) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    if envelope.door != "smtp" or not envelope.peer:
        return "no SMTP client's address is known"
    try:
        address = ipaddress.ip_address(envelope.peer.partition("%")[0])
    except ValueError:
        return "the client's address cannot be read"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    if any(address in network for network in _MUTE if network.version == address.version):
        return "a local or private address proves nothing"
    return address


class _Bridge:
    """Lookups of a pyspf thread, done on the event loop."""

    def __init__(self, resolver: Resolver, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self._resolver = resolver
        self._loop = loop
        self._deadline = deadline

    def _wait(self, ask: Callable[[str], Coroutine[Any, Any, list[str]]], name: str) -> list[str]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ResolverTroubleError("no answer in time")
        future = asyncio.run_coroutine_threadsafe(ask(name), self._loop)
        try:
            return future.result(left)
        except WaitTimeoutError:
            future.cancel()
            raise ResolverTroubleError("no answer in time") from None

    def look_up(self, name: str, kind: str, address: str) -> list[Any]:
        """Values in the shapes that pyspf wants. Raises ResolverTroubleError."""
        if kind in ("TXT", "SPF"):
            texts = self._wait(self._resolver.txt, name) if kind == "TXT" else []
            return [[text.encode("utf-8", "replace")] for text in texts]
        if kind == "MX":
            return list(enumerate(self._wait(self._resolver.mx, name)))
        if kind == "PTR":
            return list(self._wait(self._resolver.ptr, address))
        return list(self._wait(self._resolver.a if kind == "A" else self._resolver.aaaa, name))


@cache
def _query_class() -> Any:
    spf = import_module("spf")

    class Query(spf.query):  # type: ignore[misc, name-defined]  # pyspf is untyped
        """One SPF check whose lookups go through our resolver."""

        bridge: _Bridge

        def dns(self, name: str, qtype: str, _cnames: object = None, ignore_void: bool = False) -> list[Any]:
            name = str(name).lower().removesuffix(".")
            if len(name) > 253 or not all(0 < len(label) < 64 for label in name.split(".")):
                return []
            try:
                found = self.bridge.look_up(name, qtype, self.c)
            except ResolverTroubleError as error:
                raise spf.TempError(f"DNS: {error}") from error
            if not found and not ignore_void:
                self.void_lookups += 1
                if self.void_lookups > MAX_VOID_LOOKUPS:
                    raise spf.PermError("more than 2 void lookups")
            return found

        def dns_spf(self, domain: str) -> str | None:
            record: str | None = super().dns_spf(domain)
            if record is not None and len(record) > MAX_RECORD_CHARS:
                raise spf.PermError("the record is over 2,000 characters")
            return record

        def get_explanation(self, _spec: str) -> None:
            return None

    return Query


def _run(bridge: _Bridge, address: str, sender: str, helo: str) -> tuple[Verdict, str]:
    try:
        query = _query_class()(i=address, s=sender, h=helo, strict=True)
        query.bridge = bridge
        result, _, reason = query.check()
    except Exception as error:  # noqa: BLE001 - pyspf fails in many ways on hostile records; none of them is a pass
        return "permerror", f"the record cannot be evaluated: {type(error).__name__}"
    if result not in get_args(Verdict):
        return "permerror", f"unknown result {result!r}"
    return result, "" if result in ("pass", "none", "neutral") else str(reason)
