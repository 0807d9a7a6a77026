"""Guarantee 9: the final bytes hold each header once, none that we did not set, and nothing smuggled by any field.

The checker looks at the wire only: a server takes whatever leaves, and the mail is judged there by the standard
library's parsers (old and new) and by plain looking at lines.
"""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from email.errors import MessageError
from email.header import decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.compose import Composed, compose
from outbound.contracts import Refused
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings
from tests.outbound.mails import approved, composed, policy, reply, try_authorize
from tests.outbound.smtp_peers import scripted

OURS = {
    "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
    "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip

PAYLOADS = [
    "=?utf-8?q?hi=0D=0ABcc:_evil@x.y?=",
    "=?utf-8?q?hi=0ABcc:_evil@x.y?=",
    "=?utf-8?Q?hi=0d=0abcc=3a_evil=40x.y?= and more",
    "=?UTF-8?b?aGkNCkJjYzogZXZpbEB4Lnk=?=",
    "=?us-ascii?b?DQpCY2M6IGV2aWxAeC55?=",
    "=?iso-8859-1?q?a=0D=0ABcc:_evil@x.y?=",
    "=?utf-16?b?DQAKAEIAYwBjADoA?=",
    "=?utf-8*en?q?a=0D=0ABcc:_evil@x.y?=",
    "=?no-such-charset?q?a=0D=0ABcc:_evil@x.y?=",
    "=?utf-8?q?a=0D?= =?utf-8?q?=0ABcc:_evil@x.y?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3D0D=3D0ABcc:_e=40x.y=3F=3D?=",
    "=?utf-8?q?hi_there=0D=0ABcc: evil@x.y?=",
    "=?utf-8?q?a=00b?=",
    "=?utf-8?q?a=1Bb?=",
    "hi\r\nBcc: evil@x.y",
    "hi\nBcc: evil@x.y",
    "hi\rBcc: evil@x.y",
    "hi\r\n\r\nnew body",
    "hi\x00",
    "hi\x0bBcc: evil@x.y",
    "hi\x0cBcc: evil@x.y",
    "hi\x1cBcc: evil@x.y",
    "hi\x85Bcc: evil@x.y",
    "hi\u2028Bcc: evil@x.y",
    "hi\u2029Bcc: evil@x.y",
    "\r\n Bcc: evil@x.y",
]
FIELDS = ["subject", "to_name", "from_name", "to_address", "from_address", "message_id", "in_reply_to", "references"]


def judged(raw: bytes) -> None:
    """Fail where the bytes hold anything that a reader could take for a header of somebody else's."""
    head = raw.partition(b"\r\n\r\n")[0]
    lines = re.split(rb"\r\n|\r|\n", head)
    names = [line.partition(b":")[0].decode().lower() for line in lines if not line.startswith((b" ", b"\t"))]
    assert set(names) <= OURS
    assert len(names) == len(set(names))
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    for policy_ in (email.policy.compat32, email.policy.SMTPUTF8):
        message = email.message_from_bytes(raw, policy=policy_)
        assert [name.lower() for name in message.keys()] == names  # noqa: SIM118 - keys() gives repeated ones too
        assert message.defects == []
        for value in message.values():
            decoded = decoded_once_more(re.sub(r"\r\n(?=[ \t])", "", str(value)))
            assert not [character for character in decoded if ord(character) < 32 or ord(character) == 127]


def decoded_once_more(value: str) -> str:
    """What a reader makes of it who decodes, also what is decoded already. One that gives up gets no header."""
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        return ""


@pytest.mark.parametrize(
    "smuggled",
    [
        b"\r\nSubject: =?utf-8?q?hi=0D=0ABcc:_evil@x.y?=\r\n",
        b"\r\nSubject: =?utf-8?b?aGkNCkJjYzogZXZpbEB4Lnk=?=\r\n",
        b"\r\nSubject: hi\nBcc: evil@x.y\r\n",
        b"\r\nSubject: hi\rBcc: evil@x.y\r\n",
        b"\r\nBcc: evil@x.y\r\nSubject: hi\r\n",
        b"\r\nSubject: hi\r\nSubject: hi\r\n",
    ],
)
def test_the_checker_sees_what_it_is_there_to_see(smuggled: bytes) -> None:
    original = b"\r\nSubject: Re: Opening hours\r\n"
    raw = composed().raw
    assert raw.count(original) == 1
    judged(raw)
    with pytest.raises(AssertionError):
        judged(raw.replace(original, smuggled))


@pytest.mark.parametrize(("field", "payload"), list(itertools.product(FIELDS, PAYLOADS)))
def test_no_field_carries_a_line_into_the_mail(field: str, payload: str) -> None:
    """Refused, or left out: either way nobody gets a second header."""
    made = compose(reply(**{field: (payload,) if field == "references" else payload}))
    if isinstance(made, Composed):
        judged(made.raw)
        assert b"evil@x.y" not in made.raw
    else:
        assert isinstance(made, Refused)
        assert field not in {"to_name", "in_reply_to", "references"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_text_stays_text(payload: str) -> None:
    """In the body such words are harmless, and control characters are refused."""
    made = compose(reply(body=payload))
    if isinstance(made, Composed):
        judged(made.raw)


WORDS = st.sampled_from(
    [*PAYLOADS, "=?", "?=", "=0D", "=0A", "\r\n", "Bcc:", " ", "é", '"', "<", ">", ",", "\\", "(", ":"]
)
MIXED = st.lists(WORDS | st.text(max_size=8), max_size=8).map("".join)


@settings(max_examples=500, deadline=None)
@given(subject=MIXED, to_name=MIXED, in_reply_to=MIXED, references=st.lists(MIXED, max_size=4), body=MIXED)
def test_no_mixture_of_payloads_gets_through(
    subject: str, to_name: str, in_reply_to: str, references: list[str], body: str
) -> None:
    texts = (subject, to_name, in_reply_to, body, *references)
    if any(0xD800 <= ord(character) <= 0xDFFF for text in texts for character in text):
        return
    made = compose(
        reply(subject=subject, to_name=to_name, in_reply_to=in_reply_to, references=tuple(references), body=body)
    )
    if isinstance(made, Composed):
        judged(made.raw)


@pytest.mark.parametrize(
    "header", [b"Bcc: evil@x.y", b"Cc: evil@x.y", b"Reply-To: evil@x.y", b"From: evil@x.y", b"Subject: x", b"X-A: b"]
)
def test_bytes_with_a_header_more_are_never_approved(header: bytes) -> None:
    """Also where whoever put it there knows nothing of seals and hashes it anew."""
    raw = composed().raw
    head, _, rest = raw.partition(b"\r\nSubject:")
    assert isinstance(try_authorize(Composed.of(head + b"\r\n" + header + b"\r\nSubject:" + rest), policy()), Refused)


async def test_on_the_wire_there_are_the_approved_headers_and_no_others() -> None:
    emails = [approved(to_name=payload, in_reply_to=payload, references=(payload,)) for payload in PAYLOADS]
    async with scripted() as peer:
        courier = SmtpCourier(CourierSettings(kind="smtp", host="127.0.0.1", port=peer.port, tls="none"))
        for sealed in emails:
            assert (await courier.deliver(sealed)).kind == "sent"
        await courier.close()
    assert peer.mails == [sealed.raw for sealed in emails]
    for raw in peer.mails:
        judged(raw)
    recipients = {line for line in peer.commands if line.startswith("RCPT")}
    assert recipients == {"RCPT TO:<ann@customer.example>"}
