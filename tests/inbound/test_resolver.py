"""DNS: against a small server on loopback that answers what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from inbound.contracts import Resolver, ResolverTroubleError
from inbound.resolver import DnsResolver, StaticZone

ZONE = {
    ("txt.example.", "TXT"): (300, ['"v=spf1 " "-all"', '"second"']),
    ("mail.example.", "A"): (300, ["192.0.2.1", "192.0.2.2"]),
    ("mail.example.", "AAAA"): (300, ["2001:db8::1"]),
    ("example.", "MX"): (300, ["20 b.example.", "10 a.example."]),
    ("1.2.0.192.in-addr.arpa.", "PTR"): (300, ["mail.example."]),
    ("alias.example.", "CNAME"): (300, ["mail.example."]),
}


class Server(asyncio.DatagramProtocol):
    """A name server of one table; counts the questions."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.rcode = dns.rcode.NOERROR
        self.silent = False
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name, kind = str(query.question[0].name).lower(), query.question[0].rdtype.name
        self.questions.append(f"{name} {kind}")
        if self.silent or self.transport is None:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        answer.set_rcode(self.rcode)
        if self.rcode == dns.rcode.NOERROR:
            self._fill(answer, name, kind)
        self.transport.sendto(answer.to_wire(), addr)

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        if (alias := ZONE.get((name, "CNAME"))) is not None:
            answer.answer.append(dns.rrset.from_text_list(name, alias[0], "IN", "CNAME", alias[1]))
            name = alias[1][0]
        if (found := ZONE.get((name, kind))) is not None:
            answer.answer.append(dns.rrset.from_text_list(name, found[0], "IN", kind, found[1]))
            return
        if not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        soa = dns.rrset.from_text("example.", 60, "IN", "SOA", "ns.example. h.example. 1 2 3 4 60")
        answer.authority.append(soa)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def serving(**options: float) -> AsyncIterator[tuple[DnsResolver, Server, Clock]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    clock = Clock()
    names = int(options.get("cache_names", 100))
    port = transport.get_extra_info("sockname")[1]
    try:
        yield DnsResolver(["127.0.0.1"], port=port, timeout_seconds=0.5, cache_names=names, clock=clock), server, clock
    finally:
        transport.close()


async def test_every_kind_of_record_is_read() -> None:
    """TXT strings joined, MX by preference, PTR by address, CNAMEs followed."""
    async with serving() as (resolver, _, _):
        assert sorted(await resolver.txt("TXT.example.")) == ["second", "v=spf1 -all"]
        assert sorted(await resolver.a("mail.example")) == ["192.0.2.1", "192.0.2.2"]
        assert await resolver.aaaa("mail.example") == ["2001:db8::1"]
        assert await resolver.mx("example") == ["a.example", "b.example"]
        assert await resolver.ptr("192.0.2.1") == ["mail.example"]
        assert sorted(await resolver.a("alias.example")) == ["192.0.2.1", "192.0.2.2"]


async def test_an_absent_name_is_an_empty_list() -> None:
    """NXDOMAIN, no record of that type, and names that cannot exist; the last are never asked."""
    async with serving() as (resolver, server, _):
        assert await resolver.txt("nowhere.example") == []
        assert await resolver.txt("mail.example") == []
        asked = len(server.questions)
        for name in (
            "",
            "a..b",
            "x" * 64 + ".example",
            "y." * 130 + "example",
            "a b.example",
            "bücher.example",
            "a\x00.b",
        ):
            assert await resolver.txt(name) == []
        assert await resolver.ptr("not an address") == []
        assert len(server.questions) == asked


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_a_failing_server_is_trouble(rcode: dns.rcode.Rcode) -> None:
    """Not an absent name."""
    async with serving() as (resolver, server, _):
        server.rcode = rcode
        with pytest.raises(ResolverTroubleError):
            await resolver.txt("txt.example")
        server.rcode = dns.rcode.NOERROR
        assert await resolver.txt("txt.example")  # trouble was not kept


async def test_a_silent_server_is_trouble_within_the_time_limit() -> None:
    """Half a second here."""
    async with serving() as (resolver, server, _):
        server.silent = True
        start = asyncio.get_running_loop().time()
        with pytest.raises(ResolverTroubleError):
            await resolver.a("mail.example")
        assert asyncio.get_running_loop().time() - start < 2


async def test_answers_are_kept_for_their_ttl_and_no_longer() -> None:
    """300 s for a record, 60 s of the SOA for absence."""
    async with serving() as (resolver, server, clock):
        for moment, questions in ((0, 1), (299, 1), (301, 2)):
            clock.now = moment
            await resolver.a("mail.example")
            assert server.questions.count("mail.example. A") == questions
        for moment, questions in ((1000, 1), (1059, 1), (1061, 2)):
            clock.now = moment
            await resolver.a("nowhere.example")
            assert server.questions.count("nowhere.example. A") == questions


async def test_the_cache_is_bounded() -> None:
    """The name not used for longest goes first."""
    async with serving(cache_names=2) as (resolver, server, _):
        for name in ("mail.example", "txt.example", "mail.example", "example", "mail.example", "txt.example"):
            await resolver.a(name)
        assert server.questions.count("mail.example. A") == 1
        assert server.questions.count("txt.example. A") == 2


async def test_one_question_at_once_goes_out_once() -> None:
    """And one who stops waiting does not spoil it for the others."""
    async with serving() as (resolver, server, _):
        first, *others = [asyncio.create_task(resolver.a("mail.example")) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        found = await asyncio.gather(*others)
        assert all(sorted(one) == ["192.0.2.1", "192.0.2.2"] for one in found)
        assert len(server.questions) == 1


async def test_a_changed_answer_does_not_reach_the_cache() -> None:
    """Callers get a list of their own."""
    async with serving() as (resolver, _, _):
        (await resolver.a("mail.example")).clear()
        assert len(await resolver.a("mail.example")) == 2


async def test_a_static_zone_answers_from_its_table() -> None:
    """Case and final dot do not matter; CNAMEs end; named trouble raises."""
    zone: Resolver = StaticZone(
        {
            "Shop.example": {"txt": ["v=spf1 -all"], "MX": ["mx.shop.example"], "A": ["192.0.2.1"], "AAAA": ["::2"]},
            "alias.example": {"CNAME": ["shop.example."]},
            "loop.example": {"CNAME": ["loop.example"]},
            "1.2.0.192.in-addr.arpa": {"PTR": ["shop.example"]},
        },
        trouble=("slow.example",),
    )
    assert await zone.txt("shop.EXAMPLE.") == await zone.txt("alias.example") == ["v=spf1 -all"]
    assert (await zone.mx("shop.example"), await zone.ptr("192.0.2.1")) == (["mx.shop.example"], ["shop.example"])
    assert (await zone.a("shop.example"), await zone.aaaa("shop.example")) == (["192.0.2.1"], ["::2"])
    assert await zone.a("loop.example") == await zone.a("nowhere.example") == []
    with pytest.raises(ResolverTroubleError):
        await zone.txt("slow.example")
