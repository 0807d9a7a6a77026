"""The rules of policy, one small pure function each: what it sees wrong in plain words, or None.

Rules about rules:
- `deny`: nothing that a model proposes can pass it, and approving it is not offered to anybody.
- `review`: a person decides; what they passed over stays in the audit.
- A rule may look at what a model said only to ask for more care, never for less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent import content
from inbound.addresses import canonical
from inbound.contracts import InboundEmailIntent, Kind
from outbound.contracts import RiskLevel, SendAgentEmail


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Caps(Frozen):
    """Numbers of replies over a day: as counted, or as allowed."""

    conversation: int = 0
    sender: int = 0
    domain: int = 0
    mailbox: int = 0
    total: int = 0


class Facts(Frozen):
    """All that the rules know, from code alone."""

    mail_id: str
    mailbox: str
    """Our address that answers."""
    author: str
    """From address of the mail, canonical, or empty: where the reply goes."""
    authenticated_author: str | None
    kind: Kind
    intent: InboundEmailIntent
    mail_risks: tuple[str, ...] = ()
    entry_id: str | None = None
    """The playbook entry that the body is a rendering of, found by code; None for free text."""
    entry_risk: RiskLevel | None = None
    already_replied: bool = False
    newer_mail: bool = False
    sends: Caps = Caps()
    own_addresses: frozenset[str] = frozenset()
    paused: bool = False
    suppressed: bool = False
    sources: tuple[str, ...] = ()
    """Texts in which the facts of a reply may stand: the mail, the entry, answers of lookups."""
    attachments: int = 0
    """Parts beside the text in the final bytes; a proposal has none."""


class Settings(Frozen):
    """What an operator may set."""

    allowed_links: tuple[str, ...] = ()
    caps: Caps = Caps(conversation=3, sender=10, domain=100, mailbox=200, total=1000)
    threshold: float = 0.9
    thresholds: dict[str, float] = {}


RuleKind = Literal["deny", "review"]
Check = Callable[[SendAgentEmail, Facts, Settings], str | None]
NEVER_ANSWERED = frozenset({Kind.BOUNCE, Kind.COMPLAINT, Kind.AUTO_REPLY, Kind.OWN, Kind.LOOP})


@dataclass(frozen=True)
class Rule:
    id: str
    kind: RuleKind
    protects: str
    check: Check


def recipient(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    if facts.author and canonical(proposal.recipient.email) == facts.author:
        return None
    return "the recipient is not the author of the mail"


def sender(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.mailbox in facts.own_addresses and facts.author not in facts.own_addresses:
        return None
    return "the sender is not one of our mailboxes, or the reply would go to ourselves"


def automatic(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return f"the mail is automatic ({facts.kind.value}) and is never answered" if facts.kind in NEVER_ANSWERED else None


def attachments(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "a reply carries no attachments" if facts.attachments else None


def unresolved_fields(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.gaps(f"{proposal.subject}\n{proposal.plain_text}")
    return f"nobody filled in {', '.join(found[:5])}" if found else None


def second_reply(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "this mail has a reply already" if facts.already_replied else None


def invisible_text(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.invisible(f"{proposal.subject}\n{proposal.plain_text}")
    return f"the reply has characters that a reader does not see: {', '.join(found[:5])}" if found else None


def secret(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.secrets(f"{proposal.subject}\n{proposal.plain_text}")
    return f"the reply seems to hold {', '.join(found)}" if found else None


def empty(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    return None if proposal.plain_text.strip() else "the reply is empty"


def suppressed(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "the recipient is suppressed (bounced or complained)" if facts.suppressed else None


def link(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    known = {*facts.own_addresses, facts.author}
    found = content.links(proposal.plain_text)
    # The subject of an answer is the author's own; only what it adds to theirs counts.
    strange = [one for one in found if not content.is_allowed(one, settings.allowed_links, known)]
    return f"the reply has links that are not allowed: {', '.join(strange[:3])}" if strange else None


def risk(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    return "the risk is high" if "high" in {proposal.risk_level, facts.entry_risk} else None


def mail_risks(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    found = sorted({*facts.mail_risks, *facts.intent.risks})
    return f"the mail has risks: {', '.join(found)}" if found else None


def threshold(_: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    needed = settings.thresholds.get(facts.intent.intent, settings.threshold)
    if facts.intent.confidence >= needed:
        return None
    return f"confidence {facts.intent.confidence:.2f} is under the threshold {needed:.2f}"


def understood(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "the mail fits no entry of the playbook" if facts.intent.intent == "none" else None


def for_a_person(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.intent.requested_action in {"reply", "ask"}:
        return None
    return f"this sort of mail is for a person ({facts.intent.requested_action})"


def authenticated(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.authenticated_author and facts.authenticated_author == facts.author:
        return None
    return "nothing proves who wrote the mail"


def bulk(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "list or notification mail is never answered unseen" if facts.kind is Kind.BULK else None


def caps(_: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    over = [
        f"{name} ({getattr(facts.sends, name)} of {getattr(settings.caps, name)})"
        for name in Caps.model_fields
        if getattr(facts.sends, name) >= getattr(settings.caps, name)
    ]
    return f"the cap of replies a day is reached: {', '.join(over)}" if over else None


def asked_for_review(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    return "a person was asked for" if proposal.review_required or facts.intent.review_required else None


def facts_known(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    if facts.entry_id is not None:
        return None  # the operator's own words, with values that stand in the mail
    found = content.unsupported(proposal.plain_text, facts.sources)
    return f"stands in no source: {', '.join(found[:8])}" if found else None


RULES: tuple[Rule, ...] = (
    Rule("recipient", "deny", "A reply goes to the author of the mail and to nobody else.", recipient),
    Rule("sender", "deny", "A reply comes from our mailbox and never goes to ourselves.", sender),
    Rule("automatic_mail", "deny", "Machines are not answered (RFC 3834).", automatic),
    Rule("attachments", "deny", "Nothing is attached.", attachments),
    Rule("unresolved_fields", "deny", "No template mark leaves the house.", unresolved_fields),
    Rule("second_reply", "deny", "One mail, one reply.", second_reply),
    Rule("invisible_text", "deny", "What leaves can be seen.", invisible_text),
    Rule("secrets", "deny", "No key, token or card number leaves.", secret),
    Rule("empty", "deny", "An empty reply helps nobody.", empty),
    Rule("suppressed", "deny", "Who bounced or complained gets nothing.", suppressed),
    Rule("links", "review", "Only the operator's own links leave unseen.", link),
    Rule("risk", "review", "What costs much is decided by a person.", risk),
    Rule("mail_risks", "review", "A mail that may deceive is read by a person.", mail_risks),
    Rule("threshold", "review", "What was not understood is not answered unseen.", threshold),
    Rule("understood", "review", "A mail that fits no entry is read by a person.", understood),
    Rule("for_a_person", "review", "Some sorts of mail are for people.", for_a_person),
    Rule("authenticated", "review", "Who is not proven gets nothing unseen (backscatter).", authenticated),
    Rule("bulk", "review", "Lists get a draft at most.", bulk),
    Rule("caps", "review", "No loop and no flood.", caps),
    Rule("asked_for_review", "review", "Whoever asks for a person gets one.", asked_for_review),
    Rule("facts", "review", "Free text says nothing that stands in no source.", facts_known),
)
