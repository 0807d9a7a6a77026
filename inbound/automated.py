"""Whether a mail is automatic (RFC 3834), and what it reports about mail of ours.

The order is fixed; the first that holds decides:

1. `loop`: over 50 Received fields.
2. `complaint`: an abuse feedback report (RFC 5965).
3. `bounce`: a delivery report (RFC 3464); or an older shape, where the mail also has the marks of a bounce.
4. `own`: our address as author, or our Message-ID.
5. `auto_reply`: Auto-Submitted other than no, a vacation responder's header, a read receipt, a calendar answer, any
   mail with a null return path or to a return path of ours, and a subject that only machines write.
6. `bulk`: List-* fields, Precedence, X-Auto-Response-Suppress (All, OOF, AutoReply), an author who takes no reply.
7. `personal`: everything else. A doubtful mail is personal: a draft that a person refuses costs less than a customer
   who is never answered.

Rules: no model, no I/O; never raises; reads header fields and at most 1 MB of body. A subject alone decides only where
no person writes so ("Automatic reply: ...") and nothing is asked, and never behind Re: or Fwd:.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from inbound import machine_words, reports
from inbound.contracts import Envelope, Kind, NormalizedEmail, Screening
from inbound.header_block import HeaderBlock, split
from inbound.reports import Parsed

MAX_RECEIVED = 50
BY_PATH = "sent to a return path of ours"
"""Where this is all of the evidence nothing else speaks for a machine: who knows whose send it was may know better."""

_ASKS = re.compile("[?\uff1f\u061f]")
_COMMENT = re.compile(r"\([^()]*\)")
_LIST_FIELDS = (
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "list-post", "list-help", "list-subscribe"),
    *("list-owner", "list-archive"),
)
_SUPPRESS = frozenset({"all", "oof", "autoreply"})


@dataclass(frozen=True, slots=True)
class _Mail:
    """One mail, with all that the steps look at."""

    block: HeaderBlock
    parsed: Parsed
    mail: NormalizedEmail
    envelope: Envelope
    own_addresses: frozenset[str]
    own_message_id: Callable[[str], bool]
    token: str
    forwarded: bool
    form: bool

    def values(self, name: str) -> list[str]:
        if not self.block.fields:
            return [value for key, value in self.mail.headers if key == name]
        return [one.text for one in self.block.named(name)]

    def passed_on(self, report_type: str) -> bool:
        """Whether a person passed a report on: some clients attach its parts to a mail of the person's."""
        told = machine_words.ANSWERED_OR_PASSED_ON.match(self.mail.subject) is not None
        return told and self.parsed.report_type() != report_type

    @property
    def local_part(self) -> str:
        if self.mail.author:
            return self.mail.author.email.rpartition("@")[0]
        # Daemons write themselves without an address: `From: MAILER-DAEMON <>`.
        return next(iter(self.values("from")), "").partition("<")[0].partition("@")[0].strip(' "')


def screen(
    raw: bytes,
    mail: NormalizedEmail,
    envelope: Envelope,
    *,
    own_addresses: frozenset[str],
    own_message_id: Callable[[str], bool],
    verp_token: Callable[[str], str | None],
    forwarder: str | None = None,
    form: bool = False,
) -> Screening:
    """Say what sort of mail this is.

    `verp_token` gives the token of a return path that we minted, else None. `forwarder` is `AuthResults.forwarder`: a
    group's own List-* fields and Precedence are no sign that a member's mail is automatic. Nor is it, with `form`, that
    a contact form of ours says of itself that it is a machine: a person filled it in.
    """
    if b"\n" not in raw.rstrip(b"\r\n"):  # one long line to everybody else, but some gateways report so
        raw = raw.replace(b"\r", b"\r\n")
    token = next((found for one in envelope.rcpt_to if (found := verp_token(one))), "")
    forwarded = forwarder is not None
    facts = _Mail(split(raw), Parsed(raw), mail, envelope, own_addresses, own_message_id, token, forwarded, form)
    for step in (_loop, _complaint, _bounce, _own, _auto_reply, _bulk):
        if (screening := step(facts)) is not None:
            return screening
    return Screening(kind=Kind.PERSONAL)


def _loop(facts: _Mail) -> Screening | None:
    count = len(facts.values("received"))
    if count > MAX_RECEIVED:
        return Screening(kind=Kind.LOOP, evidence=(f"{count} Received fields",))
    return None


def _complaint(facts: _Mail) -> Screening | None:
    if reports.is_complaint(facts.parsed) and not facts.passed_on("feedback-report"):
        events = reports.complaint_events(facts.parsed, facts.token)
        return Screening(kind=Kind.COMPLAINT, evidence=("a feedback report (RFC 5965)",), events=events)
    attached = facts.parsed.first("message/rfc822")
    if attached is not None and machine_words.COMPLAINT_SUBJECT.match(facts.mail.subject.strip()):
        events = reports.junk_report_events(facts.parsed, attached, facts.token)
        return Screening(kind=Kind.COMPLAINT, evidence=("a junk mail report of Outlook.com",), events=events)
    return None


def _bounce(facts: _Mail) -> Screening | None:
    events = reports.delivery_events(facts.parsed, facts.token)
    as_report = facts.parsed.report_type() == "delivery-status"
    if as_report or (events and not facts.passed_on("delivery-status")):
        return Screening(kind=Kind.BOUNCE, evidence=("a delivery report (RFC 3464)",), events=events)
    marks = _bounce_marks(facts)
    if not marks:
        return None
    events = reports.other_shapes(facts.parsed, facts.token)
    if events or _certain(facts):
        return Screening(kind=Kind.BOUNCE, evidence=tuple(marks), events=events)
    return None


def _bounce_marks(facts: _Mail) -> list[str]:
    marks = []
    if _null_path(facts):
        marks.append("null return path")
    if facts.token:
        marks.append(BY_PATH)
    if machine_words.DAEMON.match(facts.local_part) or machine_words.POSTMASTER.match(facts.local_part):
        marks.append(f"author {facts.local_part}")
    if facts.values("x-failed-recipients"):
        marks.append("X-Failed-Recipients")
    if machine_words.BOUNCE_SUBJECT.match(facts.mail.subject):
        marks.append("subject of a bounce")
    return marks


def _certain(facts: _Mail) -> bool:
    """Whether the marks alone make it a bounce, though no recipient can be read from it."""
    daemon = machine_words.DAEMON.match(facts.local_part) is not None
    told = machine_words.BOUNCE_SUBJECT.match(facts.mail.subject) is not None
    by_path = _null_path(facts) or bool(facts.token)
    postmaster = machine_words.POSTMASTER.match(facts.local_part) is not None
    return bool(facts.values("x-failed-recipients")) or daemon or sum((told, by_path, postmaster)) >= 2


def _null_path(facts: _Mail) -> bool:
    return facts.envelope.mail_from == ""


def _own(facts: _Mail) -> Screening | None:
    author = facts.mail.author
    if author is not None and author.email in facts.own_addresses:
        return Screening(kind=Kind.OWN, evidence=(f"From is our own address {author.email}",))
    if not facts.mail.message_id_derived and facts.own_message_id(facts.mail.message_id):
        return Screening(kind=Kind.OWN, evidence=("Message-ID is one of ours",))
    return None


def _auto_reply(facts: _Mail) -> Screening | None:
    for reason in (_auto_submitted, _responder_field, _receipt, _calendar, _subject, _return_path):
        if evidence := reason(facts):
            return Screening(kind=Kind.AUTO_REPLY, evidence=(evidence,))
    if facts.token:
        bulk = _bulk(facts)
        return Screening(kind=Kind.AUTO_REPLY, evidence=(BY_PATH, *(bulk.evidence if bulk else ())))
    return None


def _auto_submitted(facts: _Mail) -> str:
    for value in facts.values("auto-submitted"):
        keyword = _COMMENT.sub(" ", value).partition(";")[0].strip().lower()
        if keyword not in ("", "no", "auto-generated" if facts.form else "no"):
            return f"Auto-Submitted: {keyword[:60]}"
    return ""


def _responder_field(facts: _Mail) -> str:
    for name, pattern in machine_words.RESPONDER_FIELDS.items():
        for value in facts.values(name):
            said_no = value.strip().lower() in ("no", "false", "0")
            if not said_no if pattern is None else pattern.match(value.strip()[:200]):
                return f"{name}: {value[:60]}"
    return ""


def _receipt(facts: _Mail) -> str:
    if facts.parsed.report_type() == "disposition-notification":
        return "a read receipt (RFC 8098)"
    attached = facts.parsed.first("message/disposition-notification")
    return "a read receipt (RFC 8098)" if attached and not facts.passed_on("disposition-notification") else ""


def _calendar(facts: _Mail) -> str:
    part = facts.parsed.first("text/calendar", "application/ics")
    return "a calendar answer (RFC 5546)" if part is not None and reports.method(part) == "REPLY" else ""


def _return_path(facts: _Mail) -> str:
    return "null return path" if _null_path(facts) else ""


def _subject(facts: _Mail) -> str:
    subject = facts.mail.subject[:300]
    if machine_words.ANSWERED_OR_PASSED_ON.match(subject):
        return ""
    told = machine_words.RESPONDER_SUBJECT.match(subject)
    text = (facts.mail.new_text or facts.mail.text)[:2_000]
    away = machine_words.AWAY_BODY.search(text)
    answers = away or facts.values("in-reply-to")
    # Machines go on with the subject that they answer, and ask nothing; people write `Auto reply` too, about ours.
    if told and (answers or (told.end() < len(subject.strip()) and not _ASKS.search(subject[told.end() :] + text))):
        return "subject of an automatic answer"
    # Who is away on Monday may ask us to deliver on Tuesday; a machine asks nothing.
    if machine_words.AWAY_SUBJECT.match(subject) and away and not _ASKS.search(text):
        return "subject and text of an absence note"
    return ""


def _bulk(facts: _Mail) -> Screening | None:
    for name in () if facts.forwarded else _LIST_FIELDS:
        if facts.values(name):
            return Screening(kind=Kind.BULK, evidence=(f"{name} field",))
    for value in () if facts.forwarded else facts.values("precedence"):
        if (word := _COMMENT.sub(" ", value).strip().lower()) in ("bulk", "junk", "list"):
            return Screening(kind=Kind.BULK, evidence=(f"Precedence: {word}",))
    for value in facts.values("x-auto-response-suppress"):
        wanted = {one.strip().lower() for one in _COMMENT.sub(" ", value).split(",")} & _SUPPRESS
        if wanted:
            return Screening(kind=Kind.BULK, evidence=(f"X-Auto-Response-Suppress: {', '.join(sorted(wanted))}",))
    if not facts.form and machine_words.NO_REPLY.match(facts.local_part[:64]):
        return Screening(kind=Kind.BULK, evidence=(f"the author takes no reply: {facts.local_part[:64]}",))
    return None
