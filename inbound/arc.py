"""ARC (RFC 8617): whether the chain is whole, who sealed last, and what that one saw.

Rules:
- At most 20 sets, complete and numbered without a gap; every seal must verify, so must the newest message signature;
  cv= is none in the first set and pass in all others.
- The verdict is that of the newest set only: the listed sealer's own Authentication-Results. What older sets say was
  written by others.
- The newest message signature is held to the rules of a DKIM signature (no l=, From and Subject covered).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from inbound import canonicalization, dkim_key
from inbound.aside import aside
from inbound.contracts import Resolver
from inbound.dkim_check import (
    BodyHashes,
    check_coverage,
    check_form,
    covered_fields,
    host,
    parse,
    unfolded,
    verify,
    without_value,
)
from inbound.dkim_key import RefusedError
from inbound.header_block import Field, HeaderBlock

MAX_SETS = 20
_KINDS = ("arc-authentication-results", "arc-message-signature", "arc-seal")
_INSTANCE = re.compile(r"(?:^|;)[ \t]*i[ \t]*=[ \t]*([0-9]{1,3})[ \t]*(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class Chain:
    """A valid chain."""

    sealer: str
    """d= of the newest seal."""
    verdict: str
    """The newest ARC-Authentication-Results, without its i= tag, unfolded."""
    covers: tuple[Field, ...]
    """The fields that the newest message signature covers."""


async def check(block: HeaderBlock, sealers: frozenset[str], *, resolver: Resolver) -> Chain | None:
    """The chain, if its newest seal is of one of `sealers`; None where there are no ARC fields or others sealed.

    Raises RefusedError for a broken chain and ResolverTroubleError.
    """
    if not sealers or not any(one.name in _KINDS for one in block.fields):
        return None
    check_form(block)
    sets = _sets(block)
    newest = sets[-1]
    sealer = host(dkim_key.tags(unfolded(newest["arc-seal"])).get("d", ""), "d=")
    if sealer not in sealers:
        return None
    covers = await _check_message_signature(block, newest["arc-message-signature"], resolver)
    for number in range(1, len(sets) + 1):
        await _check_seal(sets[:number], number, resolver)
    _, _, verdict = newest["arc-authentication-results"].text.partition(";")
    return Chain(sealer, verdict.strip(), covers)


def _sets(block: HeaderBlock) -> list[dict[str, Field]]:
    found: dict[int, dict[str, Field]] = {}
    for one in block.fields:
        if one.name not in _KINDS:
            continue
        match = _INSTANCE.search(one.text)
        if match is None:
            raise RefusedError("permerror", "an ARC field without a number")
        if one.name in found.setdefault(int(match[1]), {}):
            raise RefusedError("permerror", "an ARC field stands twice")
        found[int(match[1])][one.name] = one
    if sorted(found) != list(range(1, len(found) + 1)) or len(found) > MAX_SETS:
        raise RefusedError("permerror", "ARC sets with a gap, or too many")
    if any(len(one) != len(_KINDS) for one in found.values()):
        raise RefusedError("permerror", "an ARC set that is not complete")
    return [found[number] for number in sorted(found)]


async def _check_message_signature(block: HeaderBlock, one: Field, resolver: Resolver) -> tuple[Field, ...]:
    signature = parse(one, dkim_key.tags(unfolded(one)), version=None)
    if "arc-seal" in signature.signed:
        raise RefusedError("permerror", "an ARC message signature covers a seal")
    check_coverage(block, signature)
    key = dkim_key.parse(await resolver.txt(signature.key_name))
    covered = covered_fields(block, signature)
    await aside(len(block.body), verify, signature, key, covered, BodyHashes(block.body))
    return tuple(covered)


async def _check_seal(sets: list[dict[str, Field]], number: int, resolver: Resolver) -> None:
    seal = sets[-1]["arc-seal"]
    found = dkim_key.tags(unfolded(seal))
    if found.get("cv") != ("none" if number == 1 else "pass") or "h" in found:
        raise RefusedError("fail", f"ARC set {number} does not vouch for the sets before it")
    name = f"{host(found.get('s', ''), 's=')}._domainkey.{host(found.get('d', ''), 'd=')}"
    key = dkim_key.parse(await resolver.txt(name))
    if found.get("a", "").lower() != key.algorithm:
        raise RefusedError("permerror", "a= is not the key's algorithm")
    digest = sha256()
    for one in sets[:-1]:
        for kind in _KINDS:
            digest.update(canonicalization.relaxed_header(one[kind].raw) + b"\r\n")
    for kind in _KINDS[:-1]:
        digest.update(canonicalization.relaxed_header(sets[-1][kind].raw) + b"\r\n")
    digest.update(canonicalization.relaxed_header(without_value(seal.raw)))
    if not key.signed(digest.digest(), dkim_key.unbase64(found.get("b", ""), "b=")):
        raise RefusedError("fail", f"ARC seal {number} does not verify")
