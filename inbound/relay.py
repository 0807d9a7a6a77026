"""Verdicts of servers that the operator trusts: our own border, and the forwarders and groups of a mailbox.

An authserv-id proves nothing: whoever connects to the door may write it. So a verdict counts only with proof that the
mail passed the server that it names, and only where that server can have written it:

- **Border** (`identity.authserv_ids`): the client's address is in `identity.networks`. Forwarder by address: it is in
  the forwarder's `networks`. Such a server handed the mail to us, so the topmost Received is its own. Only the topmost
  Authentication-Results with its id counts, and only above the second Received: what lies below was there before it.
  (Filters such as OpenDKIM put theirs below their server's Received, others above: both are its hop.) A mail to which
  it added none could carry a forged one there, so it must take out fields with its own id (RFC 8601 section 5).
- **Forwarder by signature** (`dkim_domain`): a counting DKIM signature of exactly that domain. Its topmost
  Authentication-Results counts only if this signature covers it; one that somebody put above later is not covered, and
  then none counts. The author's field (From, Reply-To or X-Original-From) must be covered as well.
- **Forwarder by ARC** (`arc_sealer`): a valid chain, last sealed by exactly that domain; its newest set's verdict.
- `list_id`, where set, must fit in addition. No proof, no forwarder: the mail is judged as any other.

The author of a mail whose From the group rewrote is whom the configured field names, never the group. In a mail with
its own From that field is the author's words and counts for nothing.
The address of a proven border or forwarder says nothing by SPF: `sees_through` tells so.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inbound import arc, auth_results, dmarc, header_block
from inbound.auth_results import Verdicts
from inbound.contracts import Envelope, Resolver, ResolverTroubleError
from inbound.dkim_check import Checked
from inbound.dkim_key import RefusedError
from inbound.header_block import Field, HeaderBlock
from inbound.settings import Forwarder, IdentitySettings, RelayNetwork


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a proven server says of a mail."""

    verdicts: Verdicts | None
    evidence: str
    forwarder: Forwarder | None = None
    covers: tuple[Field, ...] | None = None
    """The fields that the proof covers; None where the server itself handed the mail to us, which covers all."""

    def vouches_for(self, one: Field) -> bool:
        return self.covers is None or any(one is other for other in self.covers)


def sees_through(envelope: Envelope, settings: IdentitySettings, forwarders: Sequence[Forwarder]) -> bool:
    """Whether the client is a relay of the operator's, whose address is not the sender's."""
    return any(within(envelope, one) for one in (settings.networks, *(item.networks for item in forwarders)))


async def find(
    block: HeaderBlock,
    envelope: Envelope,
    checked: Sequence[Checked],
    *,
    resolver: Resolver,
    settings: IdentitySettings,
    forwarders: Sequence[Forwarder],
) -> tuple[list[Relayed], bool, list[str]]:
    """All servers that are proven, forwarders first; whether DNS trouble hid one; and evidence."""
    temporary, evidence = False, []
    sealers = frozenset(one.arc_sealer.lower() for one in forwarders if one.arc_sealer)
    chain: arc.Chain | None = None
    try:
        chain = await arc.check(block, sealers, resolver=resolver)
    except RefusedError as error:
        evidence.append(f"ARC does not count: {error.reason}")
    except ResolverTroubleError as error:
        temporary = True
        evidence.append(f"ARC could not be checked: {error}")
    fitting = (one for one in forwarders if _list_fits(block, one))
    proofs = (_proof(block, envelope, checked, chain, one) for one in fitting)
    found = [proof for proof in proofs if proof is not None]
    if within(envelope, settings.networks):
        verdicts = _of_first_hop(block, settings.authserv_ids)
        found.append(Relayed(verdicts, "the mail came from a border server of ours"))
    return found, temporary, evidence


def _proof(
    block: HeaderBlock,
    envelope: Envelope,
    checked: Sequence[Checked],
    chain: arc.Chain | None,
    forwarder: Forwarder,
) -> Relayed | None:
    """The strongest proof that the forwarder offers, or None."""
    ids = (forwarder.authserv_id,) if forwarder.authserv_id else ()
    if within(envelope, forwarder.networks):
        return Relayed(_of_first_hop(block, ids), f"the mail came from an address of {forwarder.name}", forwarder)
    signed: Relayed | None = None
    for one in checked:
        if forwarder.dkim_domain and one.result.result == "pass" and one.result.domain == forwarder.dkim_domain.lower():
            signed = Relayed(
                _covered(block, ids, one.covers), f"{forwarder.name} signed the mail", forwarder, one.covers
            )
            if signed.verdicts is not None:
                return signed
    if chain is not None and chain.sealer == forwarder.arc_sealer.lower():
        verdicts = auth_results.parse(chain.verdict)
        if verdicts is not None and ids and verdicts.authserv_id not in _lower(ids):
            verdicts = None
        return Relayed(verdicts, f"{forwarder.name} sealed the mail (ARC)", forwarder, chain.covers)
    return signed


def _of_first_hop(block: HeaderBlock, ids: Sequence[str]) -> Verdicts | None:
    received = 0
    for one in block.fields:
        received += one.name == "received"
        if received > 1:
            return None
        if (verdicts := _carries(one, ids)) is not None:
            return verdicts
    return None


def _covered(block: HeaderBlock, ids: Sequence[str], covers: Sequence[Field]) -> Verdicts | None:
    for one in block.fields:
        if (verdicts := _carries(one, ids)) is not None:
            return verdicts if any(one is other for other in covers) else None
    return None


def _carries(one: Field, ids: Sequence[str]) -> Verdicts | None:
    """The verdicts of a field that carries one of the ids; with nothing in them where only the id can be read."""
    if one.name != "authentication-results":
        return None
    verdicts = auth_results.parse(one.text)
    if verdicts is None:
        first = one.text.replace(";", " ").split()[:1]
        verdicts = Verdicts(first[0].lower(), ()) if first else None
    return verdicts if verdicts is not None and verdicts.authserv_id in _lower(ids) else None


def _lower(ids: Sequence[str]) -> list[str]:
    return [one.lower() for one in ids]


def _list_fits(block: HeaderBlock, forwarder: Forwarder) -> bool:
    if not forwarder.list_id:
        return True
    wanted = forwarder.list_id.strip("<> ").lower()
    return any(one.text.rpartition("<")[2].strip("<> ").lower() == wanted for one in block.named("list-id"))


def within(envelope: Envelope, networks: Sequence[RelayNetwork]) -> bool:
    if envelope.door not in ("smtp", "lmtp"):
        return False  # the client of a webhook is the provider's HTTP client, not a mail server
    try:
        address = ipaddress.ip_address(envelope.peer.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return any(address.version == one.version and address in one for one in networks)


def original_author(block: HeaderBlock, from_email: str, relayed: Relayed) -> tuple[str | None, Field | None]:
    """The address that a forwarded mail is from, as written, and the field that says so.

    None where the group rewrote From and the configured field names no one mailbox.
    """
    forwarder = relayed.forwarder
    sender = block.named("from")[0]
    if forwarder is None:
        return from_email, sender
    if forwarder.author_from == "from":
        return (None, None) if is_the_list(from_email, forwarder) else (from_email, sender)
    if not _may_be_rewritten(from_email, forwarder):
        # The author stands in From; the other field would be the author's own words, which prove nothing.
        return from_email, sender
    fields = block.named(forwarder.author_from)
    if len(fields) != 1 or not fields[0].well_formed:
        return None, None
    address, _ = header_block.one_mailbox(fields[0].text)
    return address, fields[0]


def is_the_list(email: str, forwarder: Forwarder) -> bool:
    return email.lower().replace("@", ".") == forwarder.list_id.strip("<> ").lower()


def _may_be_rewritten(email: str, forwarder: Forwarder) -> bool:
    """Whether From may be the group itself.

    A List-Id below From's own domain tells exactly. Else the group's domain does, and where nothing says which domain
    that is, every From may be.
    """
    domain, list_id = email.lower().rpartition("@")[2], forwarder.list_id.strip("<> ").lower()
    if list_id.endswith("." + domain):
        return is_the_list(email, forwarder)
    own = [one for one in (forwarder.dkim_domain, list_id) if one]
    return not own or any(dmarc.aligned(domain, one) for one in own)


def verdict(relayed: Relayed, aligned: Callable[[str], bool]) -> tuple[bool, str]:
    """Whether the server's verdict proves the author, and the evidence."""
    if relayed.verdicts is None:
        return False, f"{relayed.evidence}, but gave no verdict"
    proven, reason = auth_results.authenticates(relayed.verdicts, aligned)
    return proven, f"{relayed.evidence}; {reason}"
