"""Who sent it: SPF, DKIM, DMARC alignment, and the verdicts of servers that the operator trusts.

Rules:
- There is one From mailbox, in the raw bytes as in the normalised mail, or nobody is authenticated.
- The author is proven by a counting DKIM signature or an SPF pass whose domain is aligned with the author's (computed
  also where no DMARC record stands), or by a proven relay's verdict (see `relay` for what proves one). Nothing else:
  no peer address, no Reply-To, no Sender, no display name.
- Mail of a proven forwarder is from its original author or from nobody, never from the group that rewrote From; mail
  of a contact form is from nobody that is proven (see `stand_in`).
- DNS trouble is `temperror` and never a pass. Where the policy cannot be looked up, only equal domains are aligned.
- One deadline over all lookups (`dns_timeout_seconds`); hashing and arithmetic run in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from inbound import addresses, dkim_check, dmarc, header_block, relay, spf_check, stand_in
from inbound.aside import aside
from inbound.contracts import (
    Address,
    AuthResults,
    DkimResult,
    Envelope,
    NormalizedEmail,
    Resolver,
    ResolverTroubleError,
    SpfResult,
    Verdict,
)
from inbound.dkim_check import Checked
from inbound.header_block import HeaderBlock
from inbound.relay import Relayed
from inbound.settings import ContactForm, Forwarder, IdentitySettings
from inbound.stand_in import Written

Method = Literal["dkim", "spf", "relay", "none"]


class _Timed:
    """A resolver that gives up at one moment for all."""

    def __init__(self, resolver: Resolver, seconds: float) -> None:
        self._resolver = resolver
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def txt(self, name: str) -> list[str]:
        return await self._within(self._resolver.txt(name))

    async def a(self, name: str) -> list[str]:
        return await self._within(self._resolver.a(name))

    async def aaaa(self, name: str) -> list[str]:
        return await self._within(self._resolver.aaaa(name))

    async def mx(self, name: str) -> list[str]:
        return await self._within(self._resolver.mx(name))

    async def ptr(self, address: str) -> list[str]:
        return await self._within(self._resolver.ptr(address))

    async def _within(self, answer: Awaitable[list[str]]) -> list[str]:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await answer
        except TimeoutError:
            raise ResolverTroubleError("no answer in time") from None


@dataclass(slots=True)
class _Facts:
    """What was found out, before anything is decided."""

    block: HeaderBlock
    author: str | None
    spf: SpfResult
    checked: list[Checked]
    policy: dmarc.Policy | None
    """None where DNS did not tell."""
    relayed: list[Relayed]
    vouched: tuple[str, ...]
    temporary: bool
    written: Written | None = None
    """By a contact form, where the mail says so."""
    claimed: bool = False
    """From is a configured group, and nothing proves that the mail came through it."""
    evidence: list[str] = field(default_factory=list)

    def aligned(self, domain: str, author: str, *, strict: bool) -> bool:
        return dmarc.aligned(domain, addresses.domain_of(author), strict=strict or self.policy is None)

    @property
    def dkim(self) -> tuple[DkimResult, ...]:
        results = (one.result for one in self.checked)
        return tuple(one.model_copy(update={"aligned": self._dkim_aligned(one)}) for one in results)

    def _dkim_aligned(self, one: DkimResult) -> bool:
        strict = self.policy is not None and self.policy.strict_dkim
        return bool(self.author and one.domain) and self.aligned(one.domain, self.author or "", strict=strict)


async def check(
    raw: bytes,
    mail: NormalizedEmail,
    envelope: Envelope,
    *,
    resolver: Resolver,
    settings: IdentitySettings,
    forwarders: Sequence[Forwarder] = (),
    forms: Sequence[ContactForm] = (),
    now: datetime,
) -> AuthResults:
    """Find out who sent a mail. Never raises for anything that a mail or DNS can hold."""
    facts = await _gather(raw, mail, envelope, resolver=resolver, settings=settings, forwarders=forwarders, now=now)
    facts.written = _by_form(facts, envelope, forms)
    facts.claimed = _claims(facts, forwarders)
    author, method, forwarder = _decide(facts)
    stands_in, original = _stands_in(facts, forwarder)
    return AuthResults(
        author=author,
        method=method,
        spf=facts.spf,
        dkim=facts.dkim,
        dmarc=_dmarc_verdict(facts, method),
        dmarc_policy=facts.policy.action if facts.policy else "absent",
        forwarder=_way(facts, forwarder),
        stands_in=stands_in,
        original=original,
        temporary=author is None and facts.temporary,
        evidence=tuple(facts.evidence),
    )


async def _gather(
    raw: bytes,
    mail: NormalizedEmail,
    envelope: Envelope,
    *,
    resolver: Resolver,
    settings: IdentitySettings,
    forwarders: Sequence[Forwarder],
    now: datetime,
) -> _Facts:
    block = await aside(len(raw), header_block.split, raw)
    author, doubt = _author(block, mail)
    timed = _Timed(resolver, settings.dns_timeout_seconds)
    spf, checked, (policy, policy_trouble) = await asyncio.gather(
        _spf(envelope, timed, settings, forwarders),
        dkim_check.check(block, resolver=timed, now=now),
        _policy(author, timed),
    )
    relayed: list[Relayed] = []
    relay_trouble = False
    evidence: list[str] = []
    if author is not None:
        relayed, relay_trouble, evidence = await relay.find(
            block, envelope, checked, resolver=timed, settings=settings, forwarders=forwarders
        )
    facts = _Facts(
        block=block,
        author=author,
        spf=spf,
        checked=checked,
        policy=policy,
        relayed=relayed,
        vouched=envelope.vouched,
        temporary=policy_trouble or relay_trouble or _troubled(spf.result, *(one.result.result for one in checked)),
    )
    facts.evidence += [doubt] if doubt else []
    facts.evidence += [*_spf_lines(spf), *_dkim_lines(facts.dkim), *evidence]
    return facts


def _author(block: HeaderBlock, mail: NormalizedEmail) -> tuple[str | None, str]:
    """The one author on which the raw bytes and the normalised mail agree, and else why not."""
    written, reason = header_block.from_address(block)
    if written is None:
        return None, f"From cannot be trusted: {reason}"
    if mail.author is None:
        return None, "From cannot be trusted: it names no one mailbox"
    if addresses.canonical(written) != mail.author.email:
        return None, "From cannot be trusted: it can be read in two ways"
    return mail.author.email, ""


async def _spf(
    envelope: Envelope, timed: _Timed, settings: IdentitySettings, forwarders: Sequence[Forwarder]
) -> SpfResult:
    if relay.sees_through(envelope, settings, forwarders):
        return SpfResult(result="none", reason="the client is a relay of ours, not the sender's server")
    return await spf_check.check(envelope, resolver=timed, timeout_seconds=settings.dns_timeout_seconds)


async def _policy(author: str | None, timed: _Timed) -> tuple[dmarc.Policy | None, bool]:
    if author is None:
        return dmarc.Policy(), False
    try:
        return await dmarc.policy(addresses.domain_of(author), timed), False
    except ResolverTroubleError:
        return None, True


def _troubled(*results: Verdict) -> bool:
    return "temperror" in results


def _decide(facts: _Facts) -> tuple[str | None, Method, Forwarder | None]:
    """Who is proven, by what, and by whose hand the mail came."""
    forwarder = next((one.forwarder for one in facts.relayed if one.forwarder), None)
    if facts.author is None or facts.written is not None or facts.claimed:
        return None, "none", forwarder
    original: str | None = facts.author
    if forwarder is not None:
        original, _ = relay.original_author(facts.block, facts.author, facts.relayed[0])
        original = addresses.canonical(original) if original else None
    if original == facts.author:
        if any(one.result == "pass" and one.aligned for one in facts.dkim):
            return facts.author, "dkim", forwarder
        if _spf_proves(facts):
            return facts.author, "spf", forwarder
    for one in facts.relayed:
        if (author := _by_relay(facts, one, original)) is not None:
            return author, "relay", forwarder
    if original == facts.author and (domain := _vouched(facts)):
        facts.evidence.append(f"The webhook's provider says that a DKIM signature of {domain} holds")
        return facts.author, "relay", forwarder
    if original is None:
        facts.evidence.append("The group rewrote From, and no field names the original author.")
    return None, "none", forwarder


def _by_form(facts: _Facts, envelope: Envelope, forms: Sequence[ContactForm]) -> Written | None:
    """What a contact form wrote, noted as evidence."""
    if not forms:
        return None
    aligned = zip(facts.checked, facts.dkim, strict=True)
    signatures = [one for one, result in aligned if result.result == "pass" and result.aligned]
    by_spf = facts.author is not None and (_spf_proves(facts) or _border_says_spf(facts, facts.author))
    found = stand_in.by_form(facts.block, facts.author, envelope, forms, signatures, spf_proves=by_spf)
    if found is not None:
        facts.evidence.append(found.evidence)
    return found


def _claims(facts: _Facts, forwarders: Sequence[Forwarder]) -> bool:
    """Whether a mail says that it is of a configured group, without proof; noted as evidence."""
    proven = any(one.forwarder is not None for one in facts.relayed)
    group = next((one for one in forwarders if facts.author and relay.is_the_list(facts.author, one)), None)
    if proven or group is None:
        return False
    facts.evidence.append(f"From is the group of {group.name}, but nothing proves that it passed the mail on")
    return True


def _border_says_spf(facts: _Facts, author: str) -> bool:
    """Our own border saw SPF pass for the author's domain: where we see only the border's address."""
    strict = facts.policy is not None and facts.policy.strict_spf
    said = [one.verdicts.statements for one in facts.relayed if one.forwarder is None and one.verdicts is not None]
    return any(
        one.method == "spf" and one.result == "pass" and facts.aligned(domain, author, strict=strict)
        for statements in said
        for one in statements
        for domain in one.domains
    )


def _stands_in(facts: _Facts, forwarder: Forwarder | None) -> tuple[Literal["", "group", "form"], Address | None]:
    """Whether From is somebody else's than the author's, and whom the mail names instead."""
    if facts.written is not None:
        return "form", facts.written.person
    if facts.claimed:
        return "group", None
    if forwarder is None or facts.author is None:
        return "", None
    address, stated = relay.original_author(facts.block, facts.author, facts.relayed[0])
    if stated is not None and stated.name == "from":
        return "", None
    return "group", stand_in.named([stated]) if address and stated else None


def _way(facts: _Facts, forwarder: Forwarder | None) -> str | None:
    if facts.written is not None:
        return facts.written.form.name if facts.written.proven else None
    return forwarder.name if forwarder else None


def _vouched(facts: _Facts) -> str:
    """The author's domain among those that a trusted provider vouches for; empty where there is none."""
    strict = facts.policy is not None and facts.policy.strict_dkim
    aligned = (one for one in facts.vouched if facts.aligned(one, facts.author or "", strict=strict))
    return next(aligned, "")


def _spf_proves(facts: _Facts) -> bool:
    strict = facts.policy is not None and facts.policy.strict_spf
    return facts.spf.result == "pass" and facts.aligned(facts.spf.domain, facts.author or "", strict=strict)


def _by_relay(facts: _Facts, relayed: Relayed, original: str | None) -> str | None:
    if original is None:
        return None
    if relayed.forwarder is None and original != facts.author:
        return None  # our border judged the From that the group wrote, not the original author
    if relayed.forwarder is not None:
        _, stated = relay.original_author(facts.block, facts.author or "", relayed)
        if stated is None or not relayed.vouches_for(stated):
            facts.evidence.append(f"{relayed.evidence}, but its proof does not cover the author's field")
            return None
    strict = facts.policy is not None and (facts.policy.strict_dkim or facts.policy.strict_spf)
    proven, reason = relay.verdict(relayed, lambda domain: facts.aligned(domain, original, strict=strict))
    facts.evidence.append(reason)
    return original if proven else None


def _dmarc_verdict(facts: _Facts, method: Method) -> Verdict:
    if method in ("dkim", "spf"):
        return "pass"
    if facts.author is None:
        return "none"
    if facts.temporary:
        return "temperror"
    if facts.policy is None or facts.policy.action == "absent":
        return "none"
    return "fail"


def _spf_lines(spf: SpfResult) -> list[str]:
    about = f" for {spf.domain}" if spf.domain else ""
    return [f"SPF {spf.result}{about}" + (f": {spf.reason}" if spf.reason else "")]


def _dkim_lines(results: Sequence[DkimResult]) -> list[str]:
    if not results:
        return ["DKIM none"]
    return [
        f"DKIM {one.result} of {one.domain or 'an unreadable domain'}"
        + (", aligned" if one.aligned else ", not aligned")
        + (f": {one.reason}" if one.reason else "")
        for one in results
    ]
