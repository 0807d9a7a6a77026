"""The wire form to the byte, where its edges are, and that nothing leaves `compose` that reads otherwise than asked."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from outbound import compose as module
from outbound.compose import Composed, Inspected, compose, inspect
from outbound.contracts import Refused
from outbound.enclosures import File, is_name
from tests.outbound.mails import NOW, composed, reply

HEAD = (
    "From: Acme Support <support@acme.example>\n"
    "To: Ann <ann@customer.example>\n"
    "Subject: Re: Opening hours\n"
    "Date: Fri, 20 Nov 2026 12:30:15 +0000\n"
    "Message-ID: <p1abc@acme.example>\n"
    "In-Reply-To: <q1@customer.example>\n"
    "References: <q0@customer.example> <q1@customer.example>\n"
)
TEXT = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {}\n\n"
PLAIN = HEAD + "Auto-Submitted: auto-replied\n" + TEXT.format("7bit") + "Hello Ann,\n\nwe open at nine.\n"
BOUNDARY = "=_08fbb73abe98f5fc920070c96c70add6"
NOTICE = f"""\
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="{BOUNDARY}"
Content-Transfer-Encoding: 7bit

--{BOUNDARY}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

Hello Ann,

we open at nine.

--{BOUNDARY}
Content-Type: application/octet-stream; name="original.eml"
Content-Disposition: attachment; filename="original.eml"
Content-Transfer-Encoding: base64

RnJvbTogeA0KDQpoaf8NCkZyb206IHgNCg0KaGn/DQpGcm9tOiB4DQoNCmhp/w0KRnJvbTogeA0K
DQpoaf8NCkZyb206IHgNCg0KaGn/DQo=
--{BOUNDARY}--
"""
LINK = "https://acme.example/a?b=1&c=2"
BOTH = f"""\
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_EDGE"
Content-Transfer-Encoding: 7bit

--=_EDGE
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

See {LINK}

--=_EDGE
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<!DOCTYPE html>
<html><head><meta charset=3D"utf-8"></head><body>
See <a href=3D"https://acme.example/a?b=3D1&amp;c=3D2">https://acme.example=
/a?b=3D1&amp;c=3D2</a><br>
</body></html>

--=_EDGE--
"""
FILES = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_EDGE"
Content-Transfer-Encoding: 7bit

--=_EDGE
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

Hello Ann,

we open at nine.

--=_EDGE
Content-Type: application/pdf; name="offer 1.pdf"
Content-Disposition: attachment; filename="offer 1.pdf"
Content-Transfer-Encoding: base64

JVBERg==
--=_EDGE
Content-Type: application/zip
Content-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%20%E2%82%AC.zip
Content-Transfer-Encoding: base64

UEs=
--=_EDGE--
"""
PDF = File(name="offer 1.pdf", data=b"%PDF")
EDGES = [
    ("Grüße = 1", "Gr=C3=BC=C3=9Fe =3D 1"),
    (".", "=2E"),
    ("..", "=2E."),
    (". x.", "=2E x."),
    ("x.", "x."),
    ("From here", "=46rom here"),
    ("For", "For"),
    ("from From here", "from From here"),
    ("ends ", "ends=20"),
    ("tab\t\t", "tab\t=09"),
    ("tab\tin", "tab\tin"),
    ("~}|!", "~}|!"),
    ("", ""),
    ("b" * 75, "b" * 75),
    ("a" * 76, "a" * 75 + "=\na"),
    ("ü" * 13, "=C3=BC" * 12 + "=C3=\n=BC"),
    ("a" * 73 + "ü", "a" * 73 + "=\n=C3=BC"),
    ("a" * 75 + ".", "a" * 75 + "=\n=2E"),
]


def wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def body_of(mail: Composed) -> bytes:
    return mail.raw.partition(b"\r\n\r\n")[2]


def test_a_plain_reply_to_the_byte() -> None:
    assert composed().raw == wire(PLAIN)


def test_a_notice_with_the_mail_that_it_is_about_to_the_byte() -> None:
    """Base64 for what came, so that no relay changes it and no reader takes it for our text."""
    raw = composed(way="notice", attached=b"From: x\r\n\r\nhi\xff\r\n" * 5).raw
    assert raw == wire(HEAD + NOTICE)
    found = inspect(raw)
    assert isinstance(found, Inspected)
    assert (found.attachments, found.body) == (1, "Hello Ann,\n\nwe open at nine.\n")


def test_a_reply_in_text_and_html_to_the_byte() -> None:
    """The plainest first (RFC 2046 5.1.4)."""
    raw = composed(body=f"See {LINK}\n", html=(LINK,)).raw
    edge = raw.partition(b'boundary="')[2].partition(b'"')[0].decode()
    assert raw == wire(HEAD + BOTH.replace("=_EDGE", edge))


def test_a_reply_with_copies_and_files_to_the_byte() -> None:
    """What a person put to it: Cc behind To, files behind the text, a name beyond ASCII by RFC 2231."""
    files = (PDF, File(name="Größe €.zip", data=b"PK"))
    raw = composed(way="approved", copies=("bo@x.example", "cy@y.example"), files=files).raw
    edge = raw.partition(b'boundary="')[2].partition(b'"')[0].decode()
    head = HEAD.replace("Subject:", "Cc: bo@x.example, cy@y.example\nSubject:")
    assert raw == wire(head + FILES.replace("=_EDGE", edge))
    found = inspect(raw)
    assert isinstance(found, Inspected)
    assert (found.copies, found.files) == (("bo@x.example", "cy@y.example"), files)


def test_files_go_beside_text_and_html() -> None:
    """The two forms of the text stay one part."""
    found = inspect(composed(way="approved", body=f"See {LINK}\n", html=(LINK,), files=(PDF, PDF)).raw)
    assert isinstance(found, Inspected)
    assert (found.body, found.links, found.files) == (f"See {LINK}\n", (LINK,), (PDF, PDF))


@pytest.mark.parametrize("data", [b"", b"\0\xff" * 1000, b"\r\n--=_x--\r\n", b"a" * 57, b"a" * 58])
def test_a_file_comes_back_as_it_was(data: bytes) -> None:
    found = inspect(composed(way="approved", files=(File(name="a b (1).bin", data=data),)).raw)
    assert isinstance(found, Inspected)
    assert found.files == (File(name="a b (1).bin", data=data),)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_a_name_that_may_be_comes_back_as_it_was(name: str) -> None:
    """Or the file has no wire form."""
    mail = compose(reply(way="approved", files=(File(name=name, data=b"x"),)))
    assert isinstance(mail, Composed) == is_name(name)
    if isinstance(mail, Composed):
        found = inspect(mail.raw)
        assert isinstance(found, Inspected)
        assert found.files[0].name == name


def test_a_notice_names_whom_to_answer_right_behind_its_recipient() -> None:
    raw = composed(way="notice", reply_to="desk@acme.example").raw
    reply_to = "Reply-To: desk@acme.example\nSubject:"
    assert raw == wire(PLAIN.replace("Subject:", reply_to, 1).replace("auto-replied", "auto-generated"))


def test_two_notices_have_two_edges() -> None:
    """Of the id and of what is carried: no mail can be written to hold the edge of its own notice."""
    one = composed(way="notice", attached=b"x").raw
    assert one != composed(way="notice", attached=b"y").raw.replace(b"eQ==", b"eA==")
    other = composed(way="notice", attached=b"x", message_id="p2abc@acme.example").raw
    assert one != other.replace(b"p2abc@acme.example", b"p1abc@acme.example")


@pytest.mark.parametrize(("line", "written"), EDGES, ids=range(len(EDGES)))
def test_a_line_of_quoted_printable_to_the_byte(line: str, written: str) -> None:
    """Between two others: the whole text is written so, because one line of it has to be."""
    mail = composed(body=f"ß\n{line}\nend\n")
    assert body_of(mail) == wire(f"=C3=9F\n{written}\nend\n")
    assert b"\r\nContent-Transfer-Encoding: quoted-printable\r\n" in mail.raw


@pytest.mark.parametrize("line", ["a" * 78, "a.", "a From b", " a", "Fromage", ""])
def test_a_line_that_every_relay_leaves_alone_goes_as_it_is(line: str) -> None:
    mail = composed(body=f"Hello\n{line}\nend\n")
    assert body_of(mail) == wire(f"Hello\n{line}\nend\n")
    assert b"\r\nContent-Transfer-Encoding: 7bit\r\n" in mail.raw


@pytest.mark.parametrize("line", ["a" * 79, ".a", "From a", "a ", "a\t", "ä"])
def test_a_line_that_some_relay_changes_is_encoded(line: str) -> None:
    assert b"\r\nContent-Transfer-Encoding: quoted-printable\r\n" in composed(body=f"Hello\n{line}\nend\n").raw


@pytest.mark.parametrize("body", ["one\r\ntwo", "one\rtwo\n\n\n", "one\u2028two", "one\u2029two\n"])
def test_every_line_end_becomes_ours_and_one_ends_the_text(body: str) -> None:
    assert body_of(composed(body=body)) == b"one\r\ntwo\r\n"


def test_the_time_is_told_in_whole_seconds_of_utc() -> None:
    at = (NOW + timedelta(microseconds=999_999)).astimezone(timezone(timedelta(hours=2)))
    assert composed(date=at).raw == wire(PLAIN)


@pytest.mark.parametrize(
    ("changes", "references"),
    [
        ({"references": ()}, "<q1@customer.example>"),
        ({"in_reply_to": None}, "<q0@customer.example>"),
        ({"in_reply_to": None, "references": ()}, ""),
        ({"references": tuple(f"m{n}@c" for n in range(11))}, " ".join(f"<m{n}@c>" for n in range(11))),
    ],
)
def test_references_are_the_parents_and_the_parent(changes: dict[str, Any], references: str) -> None:
    found = inspect(composed(**changes).raw)
    assert isinstance(found, Inspected)
    parent = "" if changes.get("in_reply_to", "q1") is None else "<q1@customer.example>"
    wanted = f"{references} {parent}".strip() if len(references) > 60 else references
    assert (found.header("references"), found.header("in-reply-to")) == (wanted, parent)
    assert len(wanted.split()) <= 12


@pytest.mark.parametrize("name", ["Ann\u202eB", "Ann\nB", "=?utf-8?q?a=0D=0Ab?="])
def test_a_name_that_could_deceive_is_left_out(name: str) -> None:
    assert b"\r\nTo: ann@customer.example\r\n" in composed(to_name=name).raw


def test_addresses_are_written_in_one_form() -> None:
    assert composed(from_address="support@ACME.example", to_address="ann@CUSTOMER.example").raw == wire(PLAIN)
    assert composed(from_name="  Acme \t Support ", to_name=" Ann  ").raw == wire(PLAIN)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_address": "support"}, "from_address"),
        ({"to_address": "ann"}, "to_address"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "s" * 999}, "subject"),
        ({"from_name": "a\nb"}, "from_name"),
        ({"from_name": "n" * 101}, "from_name"),
        ({"body": "a\x00b"}, "body"),
        ({"message_id": "<p1@acme.example>"}, "message_id"),
        ({"date": NOW.replace(tzinfo=None)}, "date"),
        ({"attached": b"x"}, "attached"),
        ({"attached": b"x", "way": "approved"}, "attached"),
        ({"copies": ("bo@x.example",)}, "copies"),
        ({"copies": ("bo@x.example",), "way": "notice"}, "copies"),
        ({"copies": ("Bo <bo@x.example>",), "way": "approved"}, "copies"),
        ({"copies": ("bo@x.example\r\nBcc: eve@evil.example",), "way": "approved"}, "copies"),
        ({"copies": ("bo@x.example", "bo@x.example"), "way": "approved"}, "copies"),
        ({"copies": ("ann@customer.example",), "way": "approved"}, "copies"),
        ({"copies": tuple(f"{n}@x.example" for n in range(11)), "way": "approved"}, "copies"),
        ({"files": (PDF,)}, "files"),
        ({"files": (PDF,), "way": "notice"}, "files"),
        ({"files": (PDF,) * 21, "way": "approved"}, "files"),
        ({"files": (File(name='a"\r\nX: y', data=b""),), "way": "approved"}, "files"),
        ({"files": (File(name="../a.pdf", data=b""),), "way": "approved"}, "files"),
        ({"reply_to": "desk@acme.example"}, "reply_to"),
        ({"reply_to": "desk", "way": "notice"}, "reply_to"),
        ({"html": (), "way": "notice"}, "html"),
        ({"html": ("http://a/",)}, "html"),
        ({"html": (LINK, "a https://a/")}, "html"),
        ({"html": (f"https://{'a' * 2001}",)}, "html"),
    ],
)
def test_what_has_no_wire_form_is_refused_in_words(changes: dict[str, Any], code: str) -> None:
    refused = compose(reply(**changes))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert len(refused.reason.split()) > 3


def test_the_longest_that_may_be_is_composed() -> None:
    assert isinstance(compose(reply(subject="s" * 998, from_name="n" * 100, body="x\n" * 100_000)), Composed)
    assert isinstance(compose(reply(way="notice", attached=b"")), Composed)
    with pytest.raises(ValidationError):
        reply(body="x" * 200_001)


OTHERWISE: dict[str, Any] = {
    "from_address": "eve@acme.example",
    "from_name": "Eve",
    "to_address": "eve@evil.example",
    "to_name": "Eve",
    "subject": "Re: Closing hours",
    "body": "Hello Ann,\n\nwe open at ten.\n",
    "message_id": "p2@acme.example",
    "auto_submitted": "",
    "copies": ("eve@evil.example",),
    "attachments": 1,
    "files": (File(name="x.pdf", data=b"x"),),
    "html": "<!DOCTYPE html>",
    "links": ("https://evil.example/",),
}
HEADERS = {"date": "Fri, 20 Nov 2026 12:30:16 +0000", "in-reply-to": "<x@y>", "references": "<x@y>"}


def test_every_field_that_is_read_again_is_compared() -> None:
    assert {"headers", *OTHERWISE} == set(Inspected.model_fields)


@pytest.mark.parametrize("field", [*OTHERWISE, *HEADERS, "headers"])
def test_bytes_that_read_otherwise_than_asked_are_no_mail(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the fault that made them so; what differs is named."""
    found = inspect(composed().raw)
    assert isinstance(found, Inspected)
    if field in HEADERS:
        headers = tuple((name, HEADERS[field] if name == field else value) for name, value in found.headers)
        other = found.model_copy(update={"headers": headers})
    elif field == "headers":
        other = found.model_copy(update={"headers": (*found.headers, ("bcc", "eve@evil.example"))})
    else:
        other = found.model_copy(update={field: OTHERWISE[field]})
    monkeypatch.setattr(module, "inspect", lambda _: other)
    said = f"the composed bytes do not say what was asked: {field}"
    assert compose(reply()) == Refused(code="bytes_differ", reason=said)


def test_a_notice_whose_answers_would_go_elsewhere_is_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = reply(way="notice", reply_to="desk@acme.example")
    found = inspect(composed(way="notice", reply_to="desk@acme.example").raw)
    assert isinstance(found, Inspected)
    headers = tuple((name, "eve@evil.example" if name == "reply-to" else value) for name, value in found.headers)
    monkeypatch.setattr(module, "inspect", lambda _: found.model_copy(update={"headers": headers}))
    said = "the composed bytes do not say what was asked: reply-to"
    assert compose(asked) == Refused(code="bytes_differ", reason=said)


def test_a_tab_parts_what_would_be_an_encoded_word() -> None:
    """It is written as a blank, so that nothing comes together that was not said."""
    found = inspect(composed(subject="=\t?utf-8?q?=0D?=").raw)
    assert isinstance(found, Inspected)
    assert found.subject == "= ?utf-8?q?=0D?="


def test_bytes_that_cannot_be_read_again_are_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Refused(code="line_end", reason="why")
    monkeypatch.setattr(module, "inspect", lambda _: refused)
    assert compose(reply()) == refused


def test_ten_copies_and_twenty_files_go_and_no_more() -> None:
    """The bounds themselves are allowed."""
    copies = tuple(f"bo{n}@x.example" for n in range(11))
    files = tuple(File(name=f"{n}.txt", data=b"x") for n in range(21))
    most = composed(way="approved", copies=copies[:10], files=files[:20])
    found = inspect(most.raw)
    assert isinstance(found, Inspected)
    assert (found.copies, found.attachments) == (copies[:10], 20)
    assert isinstance(compose(reply(way="approved", copies=copies)), Refused)
    assert isinstance(compose(reply(way="approved", files=files)), Refused)


def test_an_edge_is_made_of_all_that_stands_between() -> None:
    """Of the Message-ID, of the files, and of what it is the edge of: the same mail has the same bytes."""
    one, two = (File(name="a.txt", data=data) for data in (b"one", b"two"))
    made = {
        "html": composed(html=()).raw,
        "file": composed(way="approved", files=(one,)).raw,
        "other": composed(way="approved", files=(two,)).raw,
        "both": composed(way="approved", html=(), files=(one,)).raw,
    }
    edges = {name: sorted(set(re.findall(rb'boundary="=_([0-9a-f]{32})"', raw))) for name, raw in made.items()}

    def edge(*of: bytes) -> bytes:
        return hashlib.sha256(b"".join([b"p1abc@acme.example", *of])).hexdigest()[:32].encode()

    assert edges == {
        "html": [edge()],
        "file": [edge(b"one")],
        "other": [edge(b"two")],
        "both": sorted([edge(b"one"), edge(b"one", b"alternative")]),
    }
