"""Mail that was made to break readers: each has a stated result, and the next one proceeds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from inbound import codes
from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import normalize

H = b"From: a@b.example\r\nSubject: x\r\n"


@dataclass(frozen=True)
class Poison:
    name: str
    raw: bytes
    quarantined: str = ""
    """Words of the reason; empty where the mail is read."""
    text: str | None = None
    codes: tuple[str, ...] = ()
    """Risks and defects that must be there."""


def nested(levels: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels)
    )


POISON = (
    Poison("nothing", b"", text="", codes=(codes.NO_FROM, codes.NO_TEXT)),
    Poison("no header", b"hello", text="hello", codes=(codes.NO_FROM,)),
    Poison("only line ends", b"\r\n" * 8_000, text=""),
    Poison(
        "encoded CRLF in From and Subject",
        b"From: =?utf-8?q?a=0D=0ABcc:_x?= <a@b.example>\r\nSubject: =?utf-8?q?hi=0D=0ABcc:_x?=\r\n\r\nhi",
        text="hi",
        codes=(codes.HEADER_INJECTION,),
    ),
    Poison("To with one quote", H + b'To: "\r\n\r\nhi', text="hi"),
    Poison("a parameter without value", H + b"Content-Type: text/plain; name*\r\n\r\nhi", text="hi"),
    Poison(
        "a parameter with a broken number",
        H + b"Content-Type: text/plain; name*x*=y; a*99999999999=b\r\n\r\nhi",
        text="hi",
    ),
    Poison(
        "8,000 semicolons", H + b"Content-Type: text/plain" + b";" * 8_000 + b"\r\n\r\nhi", quarantined="8000 bytes"
    ),
    Poison("8,000 semicolons in To", H + b"To: " + b";" * 8_000 + b"\r\n\r\nhi", text="hi"),
    Poison(
        "10,000 parameters",
        H + b"Content-Type: text/plain" + b";a=b" * 10_000 + b"\r\n\r\nhi",
        quarantined="8000 bytes",
    ),
    Poison("depth 5,000", H + nested(5_000) + b"\r\nhi", quarantined="hold others"),
    Poison("depth 60", H + nested(60) + b"\r\nhi", quarantined="nested deeper"),
    Poison("depth 20", H + nested(20) + b"\r\nhi", text="hi", codes=(codes.BROKEN_STRUCTURE,)),
    Poison(
        "5,000 attached messages in each other",
        H + b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        quarantined="hold others",
    ),
    Poison(
        "folded nesting",
        H
        + b"".join(b"Content-Type:\r\n multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_000)),
        quarantined="hold others",
    ),
    Poison(
        "20,000 parts",
        H + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
        quarantined="more than 500 parts",
    ),
    Poison("100,000 headers", H + b"X: a\r\n" * 100_000 + b"\r\nhi", quarantined="over"),
    Poison(
        "a subject of 400 KB",
        b"From: a@b.example\r\nSubject: " + b"s " * 200_000 + b"\r\n\r\nhi",
        text="hi",
        codes=(codes.LONG_RUN,),
    ),
    Poison("10,000 encoded words", H + b"X: " + b"=?utf-8?q?a?= " * 10_000 + b"\r\n\r\nhi", text="hi"),
    Poison("20,000 addresses", H + b"To: " + b"a@b.example, " * 20_000 + b"\r\n\r\nhi", quarantined="address field"),
    Poison("8,000 short addresses", H + b"To: " + b"a@b.c," * 8_000 + b"\r\n\r\nhi", quarantined="recipients"),
    Poison("NUL", H + b"\r\na\0b", text="ab", codes=(codes.CONTROL_CHARACTERS,)),
    Poison("NUL in a header", b"From: a@b.example\0\r\n\r\nhi", text="hi", codes=(codes.NO_FROM,)),
    Poison(
        "a charset that no codec is",
        H + b"Content-Type: text/plain; charset=undefined\r\n\r\nhi \xe4",
        text="hi ä",
        codes=(codes.UNKNOWN_CHARSET,),
    ),
    Poison(
        "a quadratic codec as charset",
        H + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"- a" * 20_000,
        codes=(codes.UNKNOWN_CHARSET,),
    ),
    Poison(
        "bad base64",
        H + b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8g!!!d29ybGQ\r\n",
        text="hello world",
        codes=(codes.BAD_BASE64,),
    ),
    Poison("two From", b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nhi", text="hi", codes=(codes.SEVERAL_FROM,)),
    Poison("8,000 blank lines", H + b"\r\na" + b"\r\n" * 8_000 + b"b", text="a\n\n\n\nb"),
    Poison("On On On", H + b"\r\n" + b"On " * 20_000, text=("On " * 20_000).strip()),
    Poison("one line of 1 MB", H + b"\r\n" + b"x" * 1_000_000, codes=(codes.LONG_RUN, codes.CUT)),
    Poison("HTML 100,000 deep", H + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000, quarantined="HTML nested"),
    Poison(
        "100,000 attributes", H + b"Content-Type: text/html\r\n\r\n<p " + b" a" * 100_000 + b">x", quarantined="tag"
    ),
    Poison("a body of bare CR", H + b"\r\na\rb", text="a\nb", codes=(codes.BARE_LINE_END,)),
    Poison("a line that is no header", H + b"no header\r\n\r\nhi", codes=(codes.BROKEN_STRUCTURE,)),
    Poison(
        "uuencode that never ends",
        H + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n" + b"~~~\r\n" * 9_000,
    ),
    Poison(
        "surrogates from UTF-16",
        H + b"Content-Type: text/plain; charset=utf-16-le\r\n\r\n\x00\xd8a\x00",
        codes=(codes.BAD_CHARACTERS,),
    ),
    Poison(
        "surrogates in an encoded word",
        b"From: =?utf-7?q?+2AA-?= <a@b.example>\r\nSubject: =?utf-7?b?KzJBQS0=?=\r\n\r\nhi",
        text="hi",
    ),
    Poison(
        "surrogates from UTF-7",
        H + b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
        codes=(codes.BAD_CHARACTERS,),
    ),
    Poison(
        "a 10 MB file",
        H
        + b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + (b"QUFB" * 19 + b"\r\n") * 130_000,
        text="",
    ),
    Poison(
        "a year past all years",
        H + b"Date: Fri, 20 Nov 99999 10:00:00 +9999\r\n\r\nhi",
        text="hi",
        codes=(codes.NO_DATE,),
    ),
    Poison(
        "a huge number as year",
        H + b"Date: 1 Jan " + b"9" * 5_000 + b" 10:00:00\r\n\r\nhi",
        text="hi",
        codes=(codes.NO_DATE,),
    ),
)


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.name)
def test_poison_has_a_stated_result(poison: Poison) -> None:
    """Read with its defects named, or quarantined with the bound that it broke; never an exception."""
    found = normalize(poison.raw)
    if poison.quarantined:
        assert isinstance(found, Quarantined)
        assert poison.quarantined in found.reason
        assert found.message_id
        return
    assert isinstance(found, NormalizedEmail), found.reason
    assert poison.text is None or found.text == poison.text
    assert set(poison.codes) <= {*found.risks, *found.defects}
    assert found.model_dump_json().encode("utf-8")


def test_every_code_has_its_sentence() -> None:
    """The desk and the command line print sentences, not codes."""
    named = {value for name, value in vars(codes).items() if name.isupper() and isinstance(value, str)}
    assert named <= set(codes.SENTENCES)
    assert all(sentence and not sentence.endswith(".") for sentence in codes.SENTENCES.values())


def test_a_quarantined_mail_still_has_its_author_and_subject() -> None:
    """So that a person can tell what it is."""
    found = normalize(
        b"From: A <a@b.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@b.example>\r\n" + nested(200)
    )
    assert isinstance(found, Quarantined)
    assert found.author is not None
    assert (found.author.email, found.subject, found.message_id) == ("a@b.example", "Grüße", "1@b.example")
