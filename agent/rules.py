"""The rules of policy, one small pure function each: what it sees wrong in plain words, or None.

Rules about rules:
- `deny`: nothing that a model proposes can pass it, and approving it is not offered to anybody.
- `review`: a person decides; what they passed over stays in the audit. Where a mistake leaves the house with the reply,
  passing over wants a reason; where the person's look is the remedy, it does not.
- A rule may look at what a model said only to ask for more care, never for less.
- What stands in the author's own subject and comes back behind `Re:` is theirs: it is no gap, link or mark of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agent import content
from inbound import codes
from inbound.addresses import canonical
from inbound.contracts import InboundEmailIntent, Kind
from outbound.contracts import RiskLevel, SendAgentEmail, Way

REVISION = 6
"""Raised when a rule or `content` sees anything else than before: approvals under the former revision are void."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Caps(Frozen):
    """Numbers of replies over a day: as counted, or as allowed."""

    conversation: int = 0
    sender: int = 0
    domain: int = 0
    mailbox: int = 0
    total: int = 0


class Final(Frozen):
    """What only final bytes have."""

    from_address: str
    auto_submitted: str
    """Value of the header, or empty."""
    way: Way
    copies: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Digest and name of each."""


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
    mail_subject: str = ""
    """The author's subject, which a reply repeats."""
    mail_risks: tuple[str, ...] = ()
    mail_defects: tuple[str, ...] = ()
    entry_id: str | None = None
    """The playbook entry that the body is a rendering of, found by code; None for free text."""
    entry_risk: RiskLevel | None = None
    already_replied: bool = False
    rejected: bool = False
    """A person rejected a draft of this mail before."""
    newer_mail: bool = False
    older_unanswered: bool = False
    """An earlier mail of the conversation was taken along by this one, and no reply came since."""
    sends: Caps = Caps()
    own_addresses: frozenset[str] = frozenset()
    paused: bool = False
    hold: str = ""
    """Why our good name keeps what nobody saw: the breaker, or a new domain's ceiling; empty where nothing does."""
    suppressed: bool = False
    mistaken: bool = False
    """A person said of a reply from this entry that it should not have been sent, and too few were right since."""
    foreign_data: bool = False
    """The run read something beyond the author's own conversation, our own texts and lookups bound to the author."""
    sources: tuple[str, ...] = ()
    """Texts in which the facts of a reply may stand: the mail, the entry, answers of lookups."""
    attachments: int = 0
    """Parts beside the text in the final bytes; a proposal has none."""
    copies: tuple[str, ...] = ()
    """Whom a person named beside the author; for a model's draft nobody."""
    files: tuple[str, ...] = ()
    """Digest and name of each file that a person put to it; a model's draft has none."""
    suppressed_copies: tuple[str, ...] = ()
    copy_sends: tuple[tuple[str, Caps], ...] = ()
    """Replies to each of them within the window."""
    final: Final | None = None
    """None for a proposal."""


class Settings(Frozen):
    """What an operator may set."""

    allowed_links: tuple[str, ...] = ()
    caps: Caps = Caps(conversation=3, sender=10, domain=100, mailbox=200, total=1000)
    max_attachment_count: int = 0
    """Files that a person may put to a reply; for a model it is always 0."""
    threshold: float = Field(default=0.9, ge=0.0, le=1.0)
    thresholds: dict[str, float] = {}


RuleKind = Literal["deny", "review"]
Check = Callable[[SendAgentEmail, Facts, Settings], str | None]
Words = Callable[[SendAgentEmail, Facts, Settings], list[str]]
NEVER_ANSWERED = frozenset({Kind.BOUNCE, Kind.COMPLAINT, Kind.AUTO_REPLY, Kind.OWN, Kind.LOOP})
UNSURE_TEXT = frozenset({codes.BAD_BASE64, codes.UNKNOWN_CHARSET, codes.ENCRYPTED})
"""Defects after which what we read may not be what the author wrote."""
MAX_QUOTED = 80
"""Characters of one word that a reason repeats."""
_LEVELS: dict[RiskLevel, int] = {"low": 0, "medium": 1, "high": 2}


@dataclass(frozen=True)
class Rule:
    id: str
    kind: RuleKind
    protects: str
    check: Check
    words: Words | None = None
    """The words of the reply that it is about, as they stand there: people see them marked."""
    wants_reason: bool = False
    """A person who passes over it has to say why."""
    vouched: bool = False
    """But not where the words are a person's own: who wrote them knows their source."""


def higher(one: RiskLevel, other: RiskLevel | None) -> RiskLevel:
    return max((one, other or "low"), key=_LEVELS.__getitem__)


def _whole(proposal: SendAgentEmail) -> str:
    return f"{proposal.subject}\n{proposal.plain_text}"


def _quoted(found: list[str], proposal: SendAgentEmail, most: int = 5) -> str:
    """A few of the words, cut short; none where they could repeat a secret to logs and pages."""
    if content.secrets(_whole(proposal)) or content.credentials(_whole(proposal)):
        return "(not repeated here, for it may hold a secret)"
    return ", ".join(one if len(one) <= MAX_QUOTED else f"{one[:MAX_QUOTED]}…" for one in found[:most])


def recipient(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    if facts.author and canonical(proposal.recipient.email) == facts.author:
        return None
    return "the recipient is not the author of the mail"


def sender(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.mailbox not in facts.own_addresses or facts.author in facts.own_addresses:
        return "the sender is not one of our mailboxes, or the reply would go to ourselves"
    if facts.final is not None and facts.final.from_address != facts.mailbox:
        return "the From address is not that of the mailbox"
    return None


def automatic(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return f"the mail is automatic ({facts.kind.value}) and is never answered" if facts.kind in NEVER_ANSWERED else None


def marked(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.final is None or facts.final.auto_submitted == ("auto-replied" if facts.final.way == "unseen" else ""):
        return None
    return "Auto-Submitted does not say how this reply was decided (RFC 3834)"


def copies(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.final is not None and facts.final.copies != facts.copies:
        return "the copies are not those that a person named"
    if facts.final is not None and facts.copies and facts.final.way != "approved":
        return "only what a person approved has copies"
    if any(canonical(one) != one for one in facts.copies) or len({facts.author, *facts.copies}) <= len(facts.copies):
        return "a copy is for another plain address than the author's, each once"
    ours = [one for one in facts.copies if one in facts.own_addresses]
    return f"the copy to {ours[0]} would come back to ourselves" if ours else None


def attachments(_: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    if facts.final is not None and facts.final.files != facts.files:
        return "the files are not those that a person put to it" if facts.files else "a reply carries no attachments"
    if not facts.files:
        return "a reply carries no attachments" if facts.attachments else None
    if facts.final is not None and facts.final.way != "approved":
        return "only what a person approved takes files along"
    found, most = max(len(facts.files), facts.attachments), settings.max_attachment_count
    return f"a reply takes at most {most} files along, and this one has {found}" if found > most else None


def gaps(proposal: SendAgentEmail, facts: Facts, _: Settings) -> list[str]:
    theirs = set(content.gaps(facts.mail_subject))
    return [*content.gaps(proposal.plain_text), *(one for one in content.gaps(proposal.subject) if one not in theirs)]


def unresolved_fields(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    found = gaps(proposal, facts, settings)
    return f"nobody filled in {_quoted(found, proposal)}" if found else None


def second_reply(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "this mail has a reply already" if facts.already_replied else None


def invisible_text(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.invisible(_whole(proposal))
    return f"the reply has characters that a reader does not see: {', '.join(found[:5])}" if found else None


def secret(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.secrets(_whole(proposal))
    return f"the reply seems to hold {', '.join(found)}" if found else None


def empty(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    return None if content.visible(proposal.plain_text).strip() else "the reply is empty"


def too_long(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    return f"the reply has more than {content.LIMIT:,} characters" if content.is_too_long(_whole(proposal)) else None


def suppressed(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    if facts.suppressed:
        return "the recipient is suppressed (bounced or complained)"
    others = ", ".join(facts.suppressed_copies)
    return f"copies go to who is suppressed (bounced or complained): {others}" if others else None


def strange_links(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> list[str]:
    known = {*facts.own_addresses, facts.author} - {""}
    theirs = set(content.links(facts.mail_subject))
    found = [
        *content.links(proposal.plain_text),
        *(one for one in content.links(proposal.subject) if one not in theirs),
    ]
    return [one for one in found if not content.is_allowed(one, settings.allowed_links, known)]


def link(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    strange = strange_links(proposal, facts, settings)
    return f"the reply has links that are not allowed: {_quoted(strange, proposal, 3)}" if strange else None


def to_fill_in(proposal: SendAgentEmail, _: Facts, __: Settings) -> list[str]:
    return content.placeholders(proposal.plain_text)


def placeholder(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    found = to_fill_in(proposal, facts, settings)
    return f"a place may be left to fill in: {_quoted(found, proposal)}" if found else None


def credential(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    found = content.credentials(_whole(proposal))
    return f"the reply may hold a key: {', '.join(found)}" if found else None


def blank_run(proposal: SendAgentEmail, _: Facts, __: Settings) -> str | None:
    return "the reply has text far below blank space" if content.blank_run(proposal.plain_text) else None


def risk(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    if higher(proposal.risk_level, facts.entry_risk) == "high":
        return "the risk is high"
    if facts.entry_risk is not None and higher(proposal.risk_level, facts.entry_risk) != facts.entry_risk:
        return f"the risk was raised to {proposal.risk_level}"
    return None


def mail_risks(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    found = sorted({*facts.mail_risks, *facts.intent.risks})
    return f"the mail has risks: {'; '.join(codes.spoken(one) for one in found)}" if found else None


def mail_defects(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    found = sorted(UNSURE_TEXT & set(facts.mail_defects))
    return f"the mail may not have been read right: {'; '.join(codes.spoken(one) for one in found)}" if found else None


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
    over += [
        f"{name} of the copy to {address} ({getattr(sends, name)} of {getattr(settings.caps, name)})"
        for address, sends in facts.copy_sends
        for name in ("sender", "domain")
        if getattr(sends, name) >= getattr(settings.caps, name)
    ]
    return f"the cap of replies a day is reached: {', '.join(over)}" if over else None


def by_hand(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    put = [f"a copy to {', '.join(facts.copies)}"] if facts.copies else []
    put += [f"the file {one.partition(' ')[2]}" for one in facts.files]
    return f"a person put to it {'; '.join(put)}" if put else None


def asked_for_review(proposal: SendAgentEmail, facts: Facts, _: Settings) -> str | None:
    return "a person was asked for" if proposal.review_required or facts.intent.review_required else None


def rejected_before(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "a person rejected an earlier draft of this mail" if facts.rejected else None


def two_of_three(_: SendAgentEmail, facts: Facts, __: Settings) -> str | None:
    return "the reply could carry what is not the author's to know" if facts.foreign_data else None


def unsourced(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> list[str]:
    if facts.entry_id is not None and facts.entry_id == proposal.template_id:
        return []  # the operator's own words, with values that stand in the mail
    sources = (facts.mail_subject, *facts.sources)
    return [*content.unsupported(_whole(proposal), sources), *_unsourced_links(proposal, facts, settings, sources)]


def _unsourced_links(proposal: SendAgentEmail, facts: Facts, settings: Settings, sources: tuple[str, ...]) -> list[str]:
    """Links at or below an allowed one that no source has: nobody knows whether such a page is there."""
    known = {_bare(one) for one in (*settings.allowed_links, *facts.own_addresses, facts.author)}
    strange = strange_links(proposal, facts, settings)
    found = [one for one in content.links(_whole(proposal)) if one not in strange and _bare(one) not in known]
    told = {_bare(one) for source in sources for one in content.links(source)} if found else set()
    return [one for one in found if _bare(one) not in told]


def _bare(link: str) -> str:
    return re.sub(r"^(?:https?://|mailto:)", "", link.lower()).rstrip("/")


def facts_known(proposal: SendAgentEmail, facts: Facts, settings: Settings) -> str | None:
    found = unsourced(proposal, facts, settings)
    return f"stands in no source: {_quoted(found, proposal, 8)}" if found else None


RULES: tuple[Rule, ...] = (
    Rule("recipient", "deny", "A reply goes to the author of the mail and to nobody else.", recipient),
    Rule("sender", "deny", "A reply comes from our mailbox and never goes to ourselves.", sender),
    Rule("automatic_mail", "deny", "Machines are not answered (RFC 3834).", automatic),
    Rule("auto_submitted", "deny", "What nobody saw says so, what a person approved does not.", marked),
    Rule("copies", "deny", "A copy goes to whom a person named, never to ourselves; a model names nobody.", copies),
    Rule("attachments", "deny", "Nothing is attached but a person's own files, as many as are allowed.", attachments),
    Rule("unresolved_fields", "deny", "No template mark leaves the house.", unresolved_fields, gaps),
    Rule("second_reply", "deny", "One mail, one reply.", second_reply),
    Rule("invisible_text", "deny", "What leaves can be seen.", invisible_text),
    Rule("secrets", "deny", "No key, token or card number leaves.", secret),
    Rule("empty", "deny", "An empty reply helps nobody.", empty),
    Rule("too_long", "deny", "What is not looked at whole does not leave.", too_long),
    Rule("suppressed", "deny", "Who bounced or complained gets nothing.", suppressed),
    Rule("links", "review", "Only the operator's own links leave unseen.", link, strange_links, wants_reason=True),
    Rule(
        "placeholders",
        "review",
        "No sentence leaves that somebody meant to finish.",
        placeholder,
        to_fill_in,
        wants_reason=True,
    ),
    Rule(
        "credentials",
        "review",
        "What looks like somebody's key is read by a person.",
        credential,
        wants_reason=True,
    ),
    Rule("blank_run", "review", "Nothing hides below the end of the page.", blank_run, wants_reason=True),
    Rule("risk", "review", "What costs much is decided by a person.", risk, wants_reason=True),
    Rule("mail_risks", "review", "A mail that may deceive is read by a person.", mail_risks, wants_reason=True),
    Rule(
        "mail_defects",
        "review",
        "A mail that could not be read right is read by a person.",
        mail_defects,
        wants_reason=True,
    ),
    Rule("threshold", "review", "What was not understood is not answered unseen.", threshold),
    Rule("understood", "review", "A mail that fits no entry is read by a person.", understood),
    Rule("for_a_person", "review", "Some sorts of mail are for people.", for_a_person),
    Rule("authenticated", "review", "Who is not proven gets nothing unseen (backscatter).", authenticated),
    Rule("bulk", "review", "Lists get a draft at most.", bulk),
    Rule("caps", "review", "No loop and no flood.", caps, wants_reason=True),
    Rule("by_hand", "review", "What goes to others, or along, is said why.", by_hand, wants_reason=True),
    Rule("asked_for_review", "review", "Whoever asks for a person gets one.", asked_for_review),
    Rule("rejected_before", "review", "Who said no once is asked again.", rejected_before),
    Rule(
        "two_of_three",
        "review",
        "A stranger's words and somebody else's data do not leave together.",
        two_of_three,
        wants_reason=True,
    ),
    Rule(
        "facts",
        "review",
        "Free text says nothing that stands in no source.",
        facts_known,
        unsourced,
        wants_reason=True,
        vouched=True,
    ),
)
