"""DKIM signatures (RFC 6376, 8301, 8463): every one is checked, and says whether and why it counts.

Rules:
- The first ten signatures from the top; each at most 8 KB. One broken signature does not spoil another.
- `pass` is given only to a signature without l=, that covers From and Subject, and whose covered fields have no
  further instance that it does not cover (a second Content-Type on top would change what is read). Else `policy`.
- Ambiguous form (tags, d= or s= that are no host names, a header block that can be read in two ways) is `permerror`.
- t= and x= are read against `now`: 5 minutes of grace for x=, 10 hours for clocks that run ahead.
- DNS trouble is `temperror`. Arithmetic and hashing run in a thread; each body form is hashed once for all.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from inbound import canonicalization, dkim_key
from inbound.aside import aside
from inbound.contracts import DkimResult, Resolver, ResolverTroubleError
from inbound.dkim_key import PublicKey, RefusedError
from inbound.header_block import Field, HeaderBlock

MAX_SIGNATURES = 10
MAX_SIGNATURE_BYTES = 8_192
EXPIRY_GRACE_SECONDS = 300
CLOCK_GRACE_SECONDS = 36_000

SINGLE_FIELDS = frozenset(
    {
        *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-disposition"),
    }
)

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*\Z")
_NUMBER = re.compile(r"[0-9]{1,12}\Z")
# The value of b= goes before hashing; the tag stands at the start or after a semicolon.
_B_TAG = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")


@dataclass(frozen=True, slots=True)
class Signature:
    """What one DKIM-Signature (or ARC-Message-Signature) field claims, after its form was checked."""

    field: Field
    domain: str
    selector: str
    algorithm: str
    signed: tuple[str, ...]
    """h=, lower case."""
    body_hash: bytes
    value: bytes
    header_form: str
    body_form: str
    limited: bool
    """Has l=."""
    identity_domain: str

    @property
    def key_name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A signature's result, and the fields that it covers (by identity of the field, none unless it passed)."""

    result: DkimResult
    covers: tuple[Field, ...] = ()


@dataclass(slots=True)
class BodyHashes:
    """The digests of one body, made when first asked for."""

    body: bytes
    made: dict[str, bytes] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One signature of a mail at a time: a large body is not hashed twice at once."""

    def of(self, form: str) -> bytes:
        if form not in self.made:
            shaped = (canonicalization.relaxed_body if form == "relaxed" else canonicalization.simple_body)(self.body)
            self.made[form] = sha256(shaped).digest()
        return self.made[form]


async def check(block: HeaderBlock, *, resolver: Resolver, now: datetime) -> list[Checked]:
    """Check each signature, topmost first."""
    found = block.named("dkim-signature")[:MAX_SIGNATURES]
    hashes = BodyHashes(block.body)
    return list(await asyncio.gather(*(_one(block, one, hashes, resolver=resolver, now=now) for one in found)))


async def _one(block: HeaderBlock, one: Field, hashes: BodyHashes, *, resolver: Resolver, now: datetime) -> Checked:
    domain = selector = ""
    try:
        check_form(block)
        found = dkim_key.tags(unfolded(one))
        signature = parse(one, found)
        domain, selector = signature.domain, signature.selector
        _check_times(found, now)
        check_coverage(block, signature)
        key = dkim_key.parse(await resolver.txt(signature.key_name))
        covered = covered_fields(block, signature)
        async with hashes.turn:
            await aside(len(block.body), verify, signature, key, covered, hashes)
    except ResolverTroubleError as error:
        return Checked(DkimResult(result="temperror", domain=domain, selector=selector, reason=f"DNS: {error}"[:200]))
    except RefusedError as error:
        return Checked(DkimResult(result=error.verdict, domain=domain, selector=selector, reason=error.reason))
    return Checked(DkimResult(result="pass", domain=domain, selector=selector), tuple(covered))


def check_form(block: HeaderBlock) -> None:
    if block.defects:
        raise RefusedError("permerror", block.defects[0])


def unfolded(one: Field) -> str:
    if len(one.raw) > MAX_SIGNATURE_BYTES:
        raise RefusedError("permerror", "the signature is over 8 KB")
    try:
        return one.value.replace(b"\r\n", b"").decode("ascii")
    except UnicodeDecodeError:
        raise RefusedError("permerror", "the signature is not ASCII") from None


def parse(one: Field, found: dict[str, str], *, version: str | None = "1") -> Signature:
    """Check the form of a signature's tags. Raises RefusedError. ARC has no v=, and its own i=: `version` None."""
    for tag in ("a", "b", "bh", "d", "h", "s"):
        if not found.get(tag):
            raise RefusedError("permerror", f"{tag}= is missing")
    if version is not None and found.get("v") != version:
        raise RefusedError("permerror", "v= is not 1")
    algorithm = found["a"].lower()
    if algorithm not in ("rsa-sha256", "ed25519-sha256"):
        raise RefusedError("permerror", f"{algorithm[:40]} is not accepted")
    if "q" in found and "dns/txt" not in [method.strip() for method in found["q"].split(":")]:
        raise RefusedError("permerror", "q= is not dns/txt")
    header_form, body_form = _forms(found.get("c", "simple/simple" if version is not None else "relaxed/relaxed"))
    domain, selector = host(found["d"], "d="), host(found["s"], "s=")
    return Signature(
        field=one,
        domain=domain,
        selector=selector,
        algorithm=algorithm,
        signed=tuple(name.strip().lower() for name in found["h"].split(":")),
        body_hash=dkim_key.unbase64(found["bh"], "bh="),
        value=dkim_key.unbase64(found["b"], "b="),
        header_form=header_form,
        body_form=body_form,
        limited="l" in found,
        identity_domain=_identity(found, domain) if version is not None else domain,
    )


def host(text: str, what: str) -> str:
    """A host name in A-labels, lower case. Raises RefusedError."""
    name = text.lower().removesuffix(".") if what == "d=" else text.lower()
    if not _HOST.match(name):
        raise RefusedError("permerror", f"{what} is no host name")
    return name


def _forms(text: str) -> tuple[str, str]:
    header, slash, body = text.lower().partition("/")
    forms = (header, body if slash else "simple")
    if any(form not in ("simple", "relaxed") for form in forms):
        raise RefusedError("permerror", "c= is not known")
    return forms


def _identity(found: dict[str, str], domain: str) -> str:
    if "i" not in found:
        return domain
    identity = found["i"].rpartition("@")[2].lower()
    if "@" not in found["i"] or (identity != domain and not identity.endswith("." + domain)):
        raise RefusedError("permerror", "i= is not within d=")
    return identity


def _check_times(found: dict[str, str], now: datetime) -> None:
    times: dict[str, int] = {}
    for tag in ("t", "x"):
        if tag in found:
            if not _NUMBER.match(found[tag]):
                raise RefusedError("permerror", f"{tag}= is no time")
            times[tag] = int(found[tag])
    if "t" in times and times["t"] > now.timestamp() + CLOCK_GRACE_SECONDS:
        raise RefusedError("permerror", "t= is in the future")
    if "x" in times and times["x"] < times.get("t", 0):
        raise RefusedError("permerror", "x= is before t=")
    if "x" in times and times["x"] < now.timestamp() - EXPIRY_GRACE_SECONDS:
        raise RefusedError("fail", "the signature has expired")


def check_coverage(block: HeaderBlock, signature: Signature) -> None:
    if "from" not in signature.signed:
        raise RefusedError("permerror", "From is not covered")
    if signature.limited:
        raise RefusedError("policy", "l= leaves the end of the body uncovered")
    named, present = Counter(signature.signed), Counter(one.name for one in block.fields)
    if present["subject"] and not named["subject"]:
        raise RefusedError("policy", "Subject is not covered")
    for name in SINGLE_FIELDS:
        if 0 < named[name] < present[name]:
            raise RefusedError("policy", f"a second {name} is not covered")


def covered_fields(block: HeaderBlock, signature: Signature) -> list[Field]:
    """The fields that h= selects: for each name the bottom one first, then upwards (RFC 6376 section 5.4.2)."""
    waiting: dict[str, list[Field]] = {name: [] for name in signature.signed}
    for one in block.fields:
        if one.name in waiting and one is not signature.field:
            waiting[one.name].append(one)
    return [waiting[name].pop() for name in signature.signed if waiting[name]]


def without_value(raw: bytes) -> bytes:
    """A signature field with the value of b= taken out."""
    name, _, value = raw.partition(b":")
    return name + b":" + _B_TAG.sub(rb"\1", value, count=1)


def verify(signature: Signature, key: PublicKey, covered: list[Field], hashes: BodyHashes) -> None:
    """Check the body hash and the signature. Raises RefusedError unless both hold."""
    if key.algorithm != signature.algorithm:
        raise RefusedError("permerror", "a= is not the key's algorithm")
    if key.strict_identity and signature.identity_domain != signature.domain:
        raise RefusedError("permerror", "i= is a subdomain and the key forbids it")
    if hashes.of(signature.body_form) != signature.body_hash:
        raise RefusedError("fail", "the body was changed")
    relaxed = signature.header_form == "relaxed"
    digest = sha256()
    for one in covered:
        digest.update((canonicalization.relaxed_header(one.raw) if relaxed else one.raw) + b"\r\n")
    own = without_value(signature.field.raw)
    digest.update(canonicalization.relaxed_header(own) if relaxed else own)
    if not key.signed(digest.digest(), signature.value):
        raise RefusedError("fail", "the signature does not fit the header")
