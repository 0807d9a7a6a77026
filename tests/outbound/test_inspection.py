"""What we would not have written is refused, however well another reader would cope with it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.compose import Inspected, inspect
from outbound.contracts import Refused
from outbound.enclosures import File
from tests.outbound.mails import composed

RAW = composed().raw


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\nTo: ", b"\r\nBcc: evil@x.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nReply-To: evil@x.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nX-Anything: x\r\nTo: "),
        (b"\r\nTo: ", b"\r\nSubject: another\r\nTo: "),
        (b"\r\nTo: ", b"\r\nFrom: evil@x.example\r\nTo: "),
        (b"To: Ann <ann@customer.example>", b"To: Ann <ann@customer.example>, evil@x.example"),
        (b"To: Ann <ann@customer.example>", b"To: ann@customer.example evil@x.example"),
        (b"To: Ann <ann@customer.example>", b"To: us:ann@customer.example;"),
        (b"To: Ann <ann@customer.example>", b"To: ann@customer.example (evil@x.example)"),
        (b"To: Ann <ann@customer.example>", b"To: <@evil.example:ann@customer.example>"),
        (b"To: Ann <ann@customer.example>", b'To: "ann@customer.example> <evil" <ann@CUSTOMER.example>'),
        (b"To: Ann <ann@customer.example>", b"To: =?utf-8?q?a=0D=0ABcc=3A_e?= <ann@customer.example>"),
        (b"Subject: Re", b"Subject: =?utf-8?q?hi=0D=0ABcc:_evil@x.y?= Re"),
        (b"Subject: Re", b"Subject: =?utf-8?b?DQpCY2M6IGV2aWxAeC55?= Re"),
        (b"Subject: Re", b"Subject: =?iso-8859-1?q?caf=E9?= Re"),
        (b"Subject: Re", b"Subject: \xff Re"),
        (b"Subject: Re", b"Subject:\r\n \r\n Re"),
        (b"Subject: Re", b"Subject: a\nBcc: e@x.y\r\n Re"),
        (b"Subject: Re", b"Subject: a\rBcc: e@x.y\r\n Re"),
        (b"Subject: Re", b"Subject: a\x00 Re"),
        (b"Subject: Re", b"Subject : Re"),
        (b"Subject: Re", b" Subject: Re"),
        (b"Subject: Re: Opening hours\r\n", b""),
        (b"MIME-Version: 1.0\r\n", b""),
        (b"text/plain", b"text/html"),
        (b"charset=utf-8", b"charset=nothing-known"),
        (b"we open", b"we\nopen"),
        (b"we open", b"we open" + b"x" * 1000),
        (b"we open", b"we \xff open"),
        (b"we open at nine.\r\n", b"we open at nine."),
        (b"\r\n\r\nHello", b"\r\nHello"),
    ],
)
def test_bytes_with_anything_that_is_not_ours_are_refused(old: bytes, new: bytes) -> None:
    assert RAW.count(old) == 1
    assert isinstance(inspect(RAW), Inspected)
    assert isinstance(inspect(RAW.replace(old, new)), Refused)


def test_attachments_are_counted_and_the_text_is_the_first_part() -> None:
    head, _, body = RAW.partition(b"\r\n\r\n")
    parts = (
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body
        + b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"
    )  # fmt: skip
    mixed = head.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"') + b"\r\n\r\n" + parts
    found = inspect(mixed)
    assert isinstance(found, Inspected), found
    assert (found.attachments, found.files) == (1, (File(name="x.pdf", data=b"\0\0\0"),))
    assert found.body.startswith("Hello Ann")


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_damaged_bytes_never_raise(data: st.DataObject) -> None:
    """Whatever is in the store, the answer is a value."""
    start = data.draw(st.integers(0, len(RAW)))
    piece = data.draw(st.binary(max_size=20) | st.sampled_from([b"=?", b"?=", b"<", b'"', b"\r\n", b"(", b",", b"\\"]))
    damaged = RAW[:start] + piece + RAW[start + data.draw(st.integers(0, 5)) :]
    assert isinstance(inspect(damaged), Inspected | Refused)


PDF = b"Content-Type: application/pdf\r\n"
IN_BASE64 = b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
ATTACHED = b"Content-Disposition: attachment; filename=x.pdf\r\n"
OTHER_PARTS = [
    PDF + IN_BASE64,
    b"Content-Type: text/html\r\n" + ATTACHED + IN_BASE64,
    PDF + b"Content-Disposition: inline; filename=x.pdf\r\n" + IN_BASE64,
    PDF + b"Content-Disposition: attachment; filename=../x.pdf\r\n" + IN_BASE64,
    PDF + ATTACHED + b"\r\nAAAA\r\n",
    b"Content-Type: message/rfc822\r\n" + ATTACHED + b"\r\nFrom: a\r\n\r\nx\r\n",
    b"Content-Type: text/plain\r\n\r\nanother text\r\n",
]


@pytest.mark.parametrize("part", OTHER_PARTS)
def test_beside_the_text_are_files_as_we_write_them_and_nothing_else(part: bytes) -> None:
    """No part that a reader would show, follow or store somewhere else."""
    head, _, body = RAW.partition(b"\r\n\r\n")
    text = b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body
    head = head.replace(b"text/plain; charset=utf-8", b'multipart/mixed; boundary="b"')
    assert isinstance(inspect(head + b"\r\n\r\n" + text + b"--b\r\n" + part + b"--b--\r\n"), Refused)


@pytest.mark.parametrize("mark", [b"auto-replied", b"auto-generated"])
def test_only_what_a_person_approved_has_copies(mark: bytes) -> None:
    """By the bytes alone, whatever is said of them."""
    raw = composed(way="approved", copies=("bo@x.example",)).raw
    assert isinstance(inspect(raw), Inspected)
    marked = raw.replace(b"MIME-Version:", b"Auto-Submitted: " + mark + b"\r\nMIME-Version:", 1)
    assert isinstance(inspect(marked), Refused)


@pytest.mark.parametrize(
    "cc",
    [
        b"Bo <bo@x.example>",
        b"bo@x.example,cy@x.example",
        b"bo@x.example, bo@x.example",
        b"bo@x.example, ",
        b"a b@x.example",
    ],
)
def test_copies_are_read_as_we_write_them(cc: bytes) -> None:
    raw = composed(way="approved", copies=("bo@x.example",)).raw
    assert isinstance(inspect(raw.replace(b"Cc: bo@x.example", b"Cc: " + cc)), Refused)
