"""Other wordings and other ways of every fixture: outcomes may not depend on a fixture's exact words.

Rules that it keeps:
- A wording of `paraphrases.json` takes over what makes its fixture special (headers of a list, a Reply-To, hidden text,
  an attached message, a quotation) and changes the words, the names, the numbers and the shape.
- Each case has an author and a Message-ID of its own, so that no case joins, voids or caps another one.
- Every case says which outcomes are right; an unsigned mail is never answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from pathlib import Path

from agent.demo_world import ALIAS, MAILBOXES, DemoKeys, Expectation, Fixture, Outcome, finish
from inbound.contracts import Frozen, Kind

WORDINGS = Path(__file__).with_name("paraphrases.json")
KEPT = ("authentication-results", "list-id", "list-post", "list-help", "list-unsubscribe", "precedence", "x-beenthere")
"""Headers that a wording takes over from its fixture: they say by which way it came."""


class AttachedMessage(Frozen):
    subject: str
    text: str


class Wording(Frozen):
    """One other way to write a fixture."""

    author: str
    """`Name <local part>`; the domain is the fixture's."""
    subject: str
    text: str
    intent: str | None = None
    """None: the fixture's."""
    html: bool = False
    """HTML alone."""
    alternative: bool = False
    """Plain text and HTML."""
    charset: str = "utf-8"
    reply_to: str | None = None
    quoted: str | None = None
    hidden: str | None = None
    """HTML that no reader sees; the mail is HTML alone then."""
    attachment: str | None = None
    attached_message: AttachedMessage | None = None


class Case(Frozen):
    """One mail to send and what is right for it."""

    name: str
    """`<fixture>/<wording or original>/<variant>`."""
    fixture: str
    data: bytes
    mail_from: str
    rcpt_to: tuple[str, ...]
    expect: Expectation

    @property
    def right(self) -> frozenset[Outcome]:
        """Every outcome that is right."""
        return frozenset({self.expect.outcome, *self.expect.also_right})


def load_wordings(path: Path = WORDINGS) -> dict[str, list[Wording]]:
    """The other wordings of each fixture, by the fixture's name."""
    loaded: dict[str, list[object]] = json.loads(path.read_text("utf-8"))
    return {name: [Wording.model_validate(each) for each in wordings] for name, wordings in loaded.items()}


def cases(
    fixtures: Iterable[Fixture], wordings: Mapping[str, list[Wording]], now: datetime, keys: DemoKeys
) -> Iterator[Case]:
    """Every fixture unsigned and re-addressed, and every wording as it is, unsigned and re-addressed.

    A fixture that only joins another one (`joined`) has no outcome of its own and is left out.
    """
    for fixture in fixtures:
        if fixture.expect.outcome == "joined":
            continue
        for variant, rcpt_to in _variants(fixture):
            if variant != "as-is":
                yield _original(fixture, variant, rcpt_to, now, keys)
            for number, wording in enumerate(wordings.get(fixture.name, []), 1):
                yield _reworded(fixture, wording, number, variant, rcpt_to, now, keys)


def _variants(fixture: Fixture) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names of the ways, with their recipients."""
    asked = fixture.envelope.rcpt_to
    yield "as-is", asked
    if fixture.sign:
        yield "unsigned", asked
    for variant, rcpt_to in (("alias", (ALIAS,)), ("other", MAILBOXES[1:2]), ("both", MAILBOXES)):
        if rcpt_to != asked:
            yield variant, rcpt_to


def proves(fixture: Fixture, variant: str) -> bool:
    """Whether the author of this variant is known as well as the fixture's.

    Not where it is unsigned; nor where it came by a group to a mailbox for which no operator configured that group.
    """
    by_group = any(each.also for each in fixture.sign)
    return variant != "unsigned" and not (by_group and variant == "other")


def _expectation(fixture: Fixture, variant: str, intent: str) -> Expectation:
    expect = fixture.expect.model_copy(update={"intent": intent})
    if proves(fixture, variant):
        return expect
    answered = expect.outcome == "answered"
    # Where nothing proves the forwarder, its list headers count as any list's.
    return expect.model_copy(
        update={
            "authenticated": False,
            "outcome": "draft" if answered else expect.outcome,
            "also_right": ("person",) if answered else expect.also_right,
            "kind": Kind.BULK if any(each.also for each in fixture.sign) else expect.kind,
            "why": "Nothing proves who wrote it: never answered unseen.",
        }
    )


def _original(fixture: Fixture, variant: str, rcpt_to: tuple[str, ...], now: datetime, keys: DemoKeys) -> Case:
    """The fixture's own words, with another author, Message-ID and To."""
    raw, mail_from = fixture.raw, fixture.envelope.mail_from
    author = parseaddr(_header(fixture, "From"))[1]
    if author not in MAILBOXES:
        local, domain = author.rsplit("@", 1)
        renamed = f"{local}.{variant}@{domain}"
        raw = raw.replace(author.encode(), renamed.encode())
        mail_from = mail_from.replace(author, renamed)
    head, _, body = raw.partition(b"\n\n")
    head = re.sub(rb"(?im)^(Message-ID:\s*<)", lambda match: match[1] + variant.encode() + b".", head, count=1)
    if "larkspur.example" in _header(fixture, "To"):
        to = b"To: " + ", ".join(rcpt_to).encode()
        head = re.sub(rb"(?im)^To:.*(?:\n[ \t].*)*", lambda _: to, head, count=1)
    signatures = () if variant == "unsigned" else fixture.sign
    return Case(
        name=f"{fixture.name}/original/{variant}",
        fixture=fixture.name,
        data=finish(head + b"\n\n" + body, now, keys, signatures),
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        expect=_expectation(fixture, variant, fixture.expect.intent),
    )


def _reworded(
    fixture: Fixture,
    wording: Wording,
    number: int,
    variant: str,
    rcpt_to: tuple[str, ...],
    now: datetime,
    keys: DemoKeys,
) -> Case:
    name, _, local = wording.author.rstrip(">").rpartition(" <")
    old_author = parseaddr(_header(fixture, "From"))[1]
    author = Address(name, f"{local}.{variant}", old_author.rpartition("@")[2])
    mail = EmailMessage(policy=policy.default.clone(max_line_length=76))
    for field, value in _parsed(fixture).items():
        if field.lower() in KEPT:
            mail[field] = " ".join(str(value).split())
    mail["From"] = author
    mail["To"] = ", ".join(rcpt_to) if "larkspur.example" in (to := _header(fixture, "To")) else to
    mail["Subject"] = wording.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{fixture.name}.{number}.{variant}@{author.domain}>"
    if wording.reply_to:
        mail["Reply-To"] = wording.reply_to
    _fill(mail, wording)
    same = fixture.envelope.mail_from == old_author
    signatures = () if variant == "unsigned" else fixture.sign
    return Case(
        name=f"{fixture.name}/{number}/{variant}",
        fixture=fixture.name,
        data=finish(mail.as_bytes(), now, keys, signatures),
        mail_from=author.addr_spec if same else fixture.envelope.mail_from,
        rcpt_to=rcpt_to,
        expect=_expectation(fixture, variant, wording.intent or fixture.expect.intent),
    )


def _fill(mail: EmailMessage, wording: Wording) -> None:
    """Give `mail` its body in the shape that the wording asks for."""
    plain = wording.text
    paragraphs = (escape(part).replace("\n", "<br>") for part in wording.text.split("\n\n"))
    page = "".join(f"<p>{part}</p>" for part in paragraphs) + (wording.hidden or "")
    if wording.quoted:
        # Quoted as clients do it: an attribution line, then "> " or a blockquote.
        attribution = "On Mon, 2 Nov 2026 at 09:12, Larkspur Garden Tools <support@larkspur.example> wrote:"
        plain += f"\n\n{attribution}\n\n> {wording.quoted}\n"
        page += f'<div class="gmail_quote"><div class="gmail_attr">{escape(attribution)}</div>'
        page += f'<blockquote class="gmail_quote">{escape(wording.quoted)}</blockquote></div>'
    if wording.html or wording.hidden:
        mail.set_content(f"<html><body>{page}</body></html>", subtype="html", charset=wording.charset)
    else:
        mail.set_content(plain, charset=wording.charset)
    if wording.alternative:
        mail.add_alternative(f"<html><body>{page}</body></html>", subtype="html", charset=wording.charset)
    if wording.attachment:
        mail.add_attachment(b"%PDF-1.4\n%%EOF\n", maintype="application", subtype="pdf", filename=wording.attachment)
    if wording.attached_message:
        inner = EmailMessage()
        inner["From"], inner["To"] = "somebody@elsewhere.example", "customer@elsewhere.example"
        inner["Subject"] = wording.attached_message.subject
        inner.set_content(wording.attached_message.text)
        mail.add_attachment(inner, filename="message.eml")


def _parsed(fixture: Fixture) -> EmailMessage:
    return message_from_bytes(fixture.raw, policy=policy.default)


def _header(fixture: Fixture, name: str) -> str:
    return str(_parsed(fixture).get(name, ""))
