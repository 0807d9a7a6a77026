"""What `inbound` gives and what it needs.

Rules that these shapes keep:
- Every model is frozen and refuses unknown fields.
- A field says where its value comes from and how far it may be trusted.
- `inbound` states what it needs as a `Protocol`; `agent` implements it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A value: never changed after it was made, no field that was not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# --- spam ---------------------------------------------------------------------------------------

SpamLevel = Literal["spam", "doubtful", "clean", "unknown"]


class SpamWord(Frozen):
    """What one filter says of a mail."""

    source: str = Field(max_length=60)
    """Which one: `rspamd`, the field's name, or `webhook:` and the provider."""
    score: float | None = None
    """Points, where it gave some."""
    scale: Literal["", "spamassassin"] = ""
    """`spamassassin`: its points compare with `[spam] score`."""
    flagged: bool = False
    """It calls the mail spam by its own threshold."""
    doubtful: bool = False
    """It is not sure (greylisted, "gray")."""
    phishing: bool = False
    detail: str = Field(default="", max_length=300)


class SpamVerdict(Frozen):
    """What all filters together say."""

    level: SpamLevel = "unknown"
    """`unknown`: nobody was asked. `clean`: somebody was, and nothing speaks against it."""
    why: str = ""
    """Plain words; empty where nothing speaks against it."""
    words: tuple[SpamWord, ...] = ()
    unasked: str = ""
    """Why Rspamd gave no answer; empty where it gave one, or none is configured."""


# --- the door -----------------------------------------------------------------------------------


class Envelope(Frozen):
    """What the door saw of a delivery, apart from the bytes. Nothing here proves who wrote the mail."""

    door: str
    """`smtp`, `lmtp`, or `webhook:<provider>`."""
    mail_from: str
    """The return path, canonical; empty for the null one. Proof of nothing by itself."""
    rcpt_to: tuple[str, ...]
    """The recipients that the door accepted, canonical, in the order given."""
    peer: str = ""
    """The client's IP address as text; confers no trust, 127.0.0.1 least of all. Used for SPF only."""
    helo: str = ""
    """The client's HELO or EHLO name as it gave it; used for SPF only."""
    tls: bool = False
    vouched: tuple[str, ...] = ()
    """Domains of which a webhook's provider, configured as trusted, says that a DKIM signature of theirs holds."""
    spam: tuple[SpamWord, ...] = ()
    """What a webhook's provider, configured as trusted, says of spam."""
    received_at: datetime


class Seen(Frozen):
    """What else names a mail, beside its bytes: a webhook provider's own name for it."""

    key: str
    """A digest; the same at each try."""
    bound: bool = False
    """What is named was signed without the mail: with another mail it is a replay, not a second try."""


class Receipt(Frozen):
    """The store has the mail: the commit reached the disk before this value existed."""

    mail_id: str
    duplicate: bool = False
    """The same bytes with the same envelope were accepted before; nothing new was stored."""
    replayed: bool = False
    """What was bound to another mail came with this one; nothing was stored."""


class Recipient(StrEnum):
    """What the door may know of one recipient address before the mail is there."""

    MAILBOX = "mailbox"
    """One of our mailboxes, or an alias of one."""
    BOUNCE = "bounce"
    """A return path that we minted (VERP): accepted, and only ever read as a delivery report."""
    ANSWER = "answer"
    """An address that we minted for a colleague's answer to a mail that was forwarded to them."""
    UNKNOWN = "unknown"
    """Not ours: refused at RCPT, so that we are no relay and bounce nothing later."""


class StoreUnavailableError(Exception):
    """The mail could not be made durable. The door answers 451 (or 5xx by HTTP) and the peer keeps the mail."""


class Intake(Protocol):
    """Where a door puts mail."""

    def recipient(self, address: str) -> Recipient:
        """Say what `address` (canonical) is. Pure lookup in the configuration: no I/O."""

    async def accept(self, data: bytes, envelope: Envelope, seen: Seen | None = None) -> Receipt:
        """Store the mail and the work that it causes; return after the commit. Raises StoreUnavailableError.

        What `seen` names is stored once: again it is a duplicate, whatever the bytes are by then.
        """


# --- normalisation ------------------------------------------------------------------------------


class Address(Frozen):
    email: str
    """Canonical form (see `addresses`): domain lower case and IDNA A-labels, no route, no comment."""
    name: str = ""
    """The display name, decoded, control characters removed. The sender's own words."""


class Attachment(Frozen):
    """An attached file or message: never opened, unpacked or executed."""

    name: str
    """Safe to show and to offer for download: no path, no control or bidi characters, at most 120 characters."""
    content_type: str
    size: int
    """Decoded size in bytes."""
    sha256: str
    inline: bool = False


class NormalizedEmail(Frozen):
    """One mail as facts. Everything in it was written by whoever sent it, unless a field says otherwise."""

    message_id: str
    """Without angle brackets. Derived from the bytes where the header is absent or unusable; never random."""
    message_id_derived: bool = False
    author: Address | None
    """The one mailbox of the one From header; None where there is none, or more than one. Proof of nothing unless
    `AuthResults.author` says the same."""
    reply_to: tuple[Address, ...] = ()
    """Never an identity. An address other than the author's is a risk (`reply_to_differs`)."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None
    in_reply_to: tuple[str, ...] = ()
    """Message-IDs without brackets."""
    references: tuple[str, ...] = ()
    """Message-IDs without brackets, oldest first, at most 100."""
    text: str = ""
    """All that a reader would see, as plain text: normalised line ends, invisible characters removed."""
    new_text: str = ""
    """`text` without quoted history and signature; what the author says now. This goes to the model."""
    quoted: str = ""
    signature: str = ""
    language: str = ""
    """Of the new text, an ISO 639-1 code by its letters and small words; empty where nobody can say."""
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Every header, name lower case, raw value unfolded and cut to 2,000 characters, topmost first, at most 400."""
    risks: tuple[str, ...] = ()
    """Codes of what may deceive a reader or a model (`hidden_text`, `bidi_characters`, ...), sorted, each once."""
    defects: tuple[str, ...] = ()
    """Codes of what the mail's form broke (`bad_base64`, `two_from`, `unknown_charset`, ...), sorted, each once."""
    size: int = 0
    """Raw bytes."""
    content_key: str = ""
    """SHA-256 over author, Message-ID, Date and body without trace headers: the same mail by two ways has the same."""


class Quarantined(Frozen):
    """A mail that could not be normalised within the bounds: kept raw, shown to a person, never answered."""

    reason: str
    """Plain words, with the bound that was broken."""
    message_id: str
    content_key: str
    subject: str = ""
    author: Address | None = None


# --- identity -----------------------------------------------------------------------------------

Verdict = Literal["pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"]


class SpfResult(Frozen):
    result: Verdict
    domain: str = ""
    """The domain that was checked: of MAIL FROM, or of HELO for the null return path."""
    reason: str = ""


class DkimResult(Frozen):
    result: Verdict
    domain: str = ""
    """d= of the signature."""
    selector: str = ""
    aligned: bool = False
    """d= and the author's domain share their organisational domain (or are equal under strict alignment)."""
    reason: str = ""
    """Why a signature does not count: `l=` present, From or Subject not covered, key too short, ..."""


class AuthResults(Frozen):
    """Who sent it, with the evidence."""

    author: str | None
    """The authenticated author, canonical. None means: nobody knows who wrote this, whatever From says."""
    method: Literal["dkim", "spf", "relay", "none"] = "none"
    """What proved it. `relay` is a configured authserv-id's own Authentication-Results."""
    spf: SpfResult = SpfResult(result="none")
    dkim: tuple[DkimResult, ...] = ()
    dmarc: Verdict = "none"
    """`pass` where SPF or DKIM is aligned, computed also where the domain publishes no record; then `none` never
    becomes `fail`."""
    dmarc_policy: Literal["none", "quarantine", "reject", "absent"] = "absent"
    forwarder: str | None = None
    """Name of the configured forwarder, group or contact form by which the mail came."""
    stands_in: Literal["", "group", "form"] = ""
    """What From is where it is not the author's: of a group that rewrote it, or of a contact form of ours."""
    original: Address | None = None
    """Whom the group's or form's field names as author instead; None where nobody knows. From the mail; proof of
    nothing unless `author` says the same."""
    temporary: bool = False
    """DNS gave no answer for something that could have mattered. Never a pass."""
    evidence: tuple[str, ...] = ()
    """Plain words for a person, one line a fact."""


class Resolver(Protocol):
    """DNS. Raises `ResolverTroubleError` for a temporary failure; an absent name is an empty list."""

    async def txt(self, name: str) -> list[str]: ...
    async def a(self, name: str) -> list[str]: ...
    async def aaaa(self, name: str) -> list[str]: ...
    async def mx(self, name: str) -> list[str]: ...
    async def ptr(self, address: str) -> list[str]: ...


class ResolverTroubleError(Exception):
    """DNS did not answer in time or answered SERVFAIL: a temporary error, never a pass and never a fail."""


# --- automatic mail -----------------------------------------------------------------------------


class Kind(StrEnum):
    """What sort of mail this is, from its headers and form (RFC 3834), never from a model."""

    PERSONAL = "personal"
    BOUNCE = "bounce"
    """A delivery report (RFC 3464 or a known shape), recorded; never answered."""
    COMPLAINT = "complaint"
    """An abuse feedback report (RFC 5965), recorded; never answered."""
    AUTO_REPLY = "auto_reply"
    """Vacation answers, receipts and the like; recorded; never answered."""
    OWN = "own"
    """Our own mail come back: our address as author, or our Message-ID; recorded; never answered."""
    LOOP = "loop"
    """More than 50 Received headers; recorded; never answered."""
    BULK = "bulk"
    """Lists, newsletters, notifications: a draft at most, never an unseen reply."""


class DeliveryEvent(Frozen):
    """What became of a mail that we sent, as somebody else reports it. Proves nothing until matched to a send."""

    kind: Literal["delivered", "delayed", "bounced", "complained"]
    recipient: str
    """The address that the report is about, canonical; empty where the report hides it."""
    permanent: bool = False
    status: str = ""
    """Enhanced status code (RFC 3463), `5.1.1` say."""
    diagnostic: str = ""
    original_message_id: str = ""
    token: str = ""
    """The VERP token of the address that the report came to; empty where it came to another one."""
    return_path: str = ""
    """The envelope sender of the mail that left, as a provider reports it; empty where it does not."""


class Screening(Frozen):
    """Whether this mail is automatic, and what it reports."""

    kind: Kind
    evidence: tuple[str, ...] = ()
    """Plain words: which header or shape said so."""
    events: tuple[DeliveryEvent, ...] = ()
    spam: SpamVerdict = SpamVerdict()
    """What filters say, asked for mail that is neither a report nor an automatic answer."""


# --- intent -------------------------------------------------------------------------------------


class Entity(Frozen):
    name: str = Field(max_length=64)
    value: str = Field(max_length=500)


RequestedAction = Literal["reply", "ask", "person", "forward", "close", "ignore"]


class InboundEmailIntent(Frozen):
    """`inbound_email_intent`: what one mail wants, as data. Stored before any tool may run."""

    message_id: str
    """The RFC 5322 Message-ID without brackets, or one derived from the bytes. From the mail; set by code."""
    mailbox: str
    """Our mailbox that answers, from the configuration; set by code."""
    sender: str
    """The From address, canonical, or empty. Set by code. Proof of nothing by itself."""
    intent: str = Field(max_length=64)
    """One of the playbook's intents, or `none`. From the model."""
    entities: tuple[Entity, ...] = ()
    """Values found in the mail: order numbers and the like. From the model; each occurs in the mail's text."""
    confidence: float = Field(ge=0.0, le=1.0)
    """How sure the model is of `intent`. Can add review, never remove it."""
    risks: tuple[str, ...] = ()
    """Codes. Those found by code are always there; the model can add to them."""
    requested_action: RequestedAction = "reply"
    review_required: bool = False
    """True where code or the model asks for a person; OR-ed, so a model cannot take it back."""
