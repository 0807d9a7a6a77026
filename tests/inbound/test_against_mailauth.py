"""An independent verifier as oracle: npm's mailauth, with the same DNS, says the same of each mail.

What differs is listed in `DIFFERS` with the reason; a difference that is not there is a mistake of ours.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pytest

from inbound import arc, dkim_key
from inbound.contracts import AuthResults
from inbound.dkim_key import RefusedError
from inbound.header_block import split
from inbound.resolver import StaticZone
from tests.inbound.letters import Asking, envelope
from tests.inbound.verdict_cases import Case, cases
from tests.peers_node import PEERS, node

_STRICT = "adkim=s and aspf=s ask for the very domain (RFC 7489 3.1); mailauth goes on to the organisation's"
_NO_POLICY = "DMARC says nothing; a signature of the author's very domain proves the author all the same"
_LIMIT = "what stands behind l= was signed by nobody, so such a signature proves nothing here"
_PARTLY = "a reader sees a field that nobody signed; mailauth judges the signature alone"
DIFFERS = {
    "dkim: a limit on the body": _LIMIT,
    "dkim: a limit on the body, and more behind it": _LIMIT,
    "dkim: the subject not covered": _PARTLY,
    "dkim: a second subject on top": _PARTLY,
    "dkim: a second content type on top": _PARTLY,
    "dkim: testing": "a key in testing mode is not to be relied on (RFC 6376 3.6.1, t=y)",
    "dmarc: adkim strict, other domain": _STRICT,
    "dmarc: aspf strict": _STRICT,
    "dmarc: of the subdomain itself": _STRICT,
    "dmarc: none published": _NO_POLICY,
    "dmarc: two records": _NO_POLICY + " (two records are none, RFC 7489 6.6.3)",
}
"""Where we differ, and why."""


@dataclass(frozen=True)
class Verdicts:
    """What mailauth said: each signature as (domain, result), SPF and DMARC."""

    dkim: Sequence[tuple[str, str]]
    spf: str
    dmarc: str
    arc: str


@cache
def oracle() -> dict[str, Verdicts]:
    """All verdicts of mailauth, asked for once."""
    if not node() or not (PEERS / "node_modules" / "mailauth").exists():
        return {}
    asked = [
        {
            "raw": base64.b64encode(one.raw).decode(),
            "zone": one.zone,
            "ip": one.peer,
            "helo": one.helo,
            "mail_from": one.mail_from,
        }
        for one in cases().values()
    ]
    ended = subprocess.run(
        [node(), "verdicts.mjs"],
        cwd=PEERS,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return {name: Verdicts(**said) for name, said in zip(cases(), json.loads(ended.stdout), strict=True)}


async def ours(case: Case) -> AuthResults:
    where = envelope(case.mail_from, peer=case.peer, helo=case.helo)
    return await Asking(StaticZone(case.zone), where).about(case.raw)


async def chain(case: Case) -> str:
    """Of the chain, whoever sealed last: `none`, `pass` or `fail`."""
    block = split(case.raw)
    sealers = frozenset(dkim_key.tags(one.text).get("d", "") for one in block.named("arc-seal")) or frozenset(
        {"x.example"}
    )
    try:
        return "none" if await arc.check(block, sealers, resolver=StaticZone(case.zone)) is None else "pass"
    except RefusedError:
        return "fail"


@pytest.mark.parametrize("name", cases())
async def test_it_says_the_same(name: str) -> None:
    """Each signature, SPF, the ARC chain, and whether DMARC passes."""
    if not oracle():
        pytest.skip("mailauth is not installed: run `npm ci` in tests/peers")
    case, theirs = cases()[name], oracle()[name]
    found = await ours(case)
    mine = {
        "signatures that hold": sorted(one.domain for one in found.dkim if one.result == "pass"),
        "spf": found.spf.result,
        "arc": await chain(case),
        "dmarc": found.method in {"dkim", "spf"},
    }
    wanted = {
        "signatures that hold": sorted(domain for domain, result in theirs.dkim if result == "pass"),
        "spf": theirs.spf,
        "arc": theirs.arc,
        "dmarc": theirs.dmarc == "pass",
    }
    if name in DIFFERS:
        assert mine != wanted, "the difference is gone: take it off the list"
        return
    assert mine == wanted
