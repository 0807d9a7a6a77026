"""Final bytes say what was asked, once, in a form that every relay leaves alone."""

from __future__ import annotations

import email
import email.policy
import quopri
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.compose import Composed, Inspected, compose, inspect, reply_subject
from outbound.contracts import Refused
from tests.outbound.mails import composed, reply


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.SMTPUTF8)


def inspected(raw: bytes) -> Inspected:
    found = inspect(raw)
    assert isinstance(found, Inspected), found
    return found


def test_a_reply_has_these_headers_in_this_order_and_no_others() -> None:
    assert [name for name, _ in inspected(composed().raw).headers] == [
        "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
        "mime-version", "content-type", "content-transfer-encoding",
    ]  # fmt: skip


def test_the_same_reply_gives_the_same_bytes() -> None:
    assert composed() == composed()
    assert composed().sha256 == Composed.of(composed().raw).sha256


def test_an_unseen_reply_says_that_it_is_automatic_and_an_approved_one_does_not() -> None:
    """RFC 3834: receivers drop or hide automatic mail, and a reply that a person approved is not automatic."""
    assert inspected(composed(way="unseen").raw).auto_submitted == "auto-replied"
    assert b"auto-submitted" not in composed(way="approved").raw.lower()


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        ("Re: Re: AW: RE[2]: Order 17", "Re: Order 17"),
        ("RE : SV:Antw: Order 17", "Re: Order 17"),
        ("Re: Order 17: Re: what", "Re: Order 17: Re: what"),
        ("Report: done", "Report: done"),
        ("Fwd: Re: Order", "Fwd: Re: Order"),
        ("  Order \t 17 ", "Order 17"),
        ("Re:", "Re:"),
        ("", ""),
    ],
)
def test_reply_marks_do_not_pile_up(asked: str, subject: str) -> None:
    assert inspected(composed(subject=asked).raw).subject == subject


def test_an_answer_gets_one_reply_mark() -> None:
    assert reply_subject("Order 17") == "Re: Order 17"
    assert reply_subject("AW: Re: Order 17") == "Re: Order 17"


def test_references_keep_the_first_and_the_newest() -> None:
    ids = tuple(f"m{number}@c.example" for number in range(50))
    kept = inspected(composed(references=ids, in_reply_to="m49@c.example").raw).header("references").split()
    assert kept == ["<m0@c.example>", *(f"<m{number}@c.example>" for number in range(39, 50))]


def test_ids_that_are_no_ids_are_left_out() -> None:
    """They are the correspondent's own words: nobody may make themselves unanswerable, or smuggle a header."""
    bad = ("a b@c", "x\r\nBcc: e@x", "", "ü@c.example", "y" * 401, "=?utf-8?q?=0D=0ABcc:_e?=@c", "a>b@c")
    raw = composed(references=(*bad, "good@c.example"), in_reply_to="x\r\nBcc: e@x").raw
    assert inspected(raw).header("references") == "<good@c.example>"
    assert "in-reply-to" not in dict(inspected(raw).headers)


def test_a_reply_to_a_mail_without_message_id_has_no_threading_headers() -> None:
    names = dict(inspected(composed(references=(), in_reply_to=None).raw).headers)
    assert not {"in-reply-to", "references"} & set(names)


@pytest.mark.parametrize(
    "body",
    [
        "Grüße aus Köln, 你好, 🎉\n",
        "x" * 5000 + "\n",
        ".\n..\n.hidden\nFrom here on\n",
        "trailing space \nand tab\t\n",
        "=3D already = encoded=\n",
        "\n\nleading and\n\n\nblank lines\n",
        "From " + "y" * 71 + "From z\n",
        "a" * 74 + "From b\n" + "b" * 75 + ".c\n",
    ],
)
def test_every_reader_gets_the_text_that_was_asked(body: str) -> None:
    raw = composed(body=body).raw
    assert inspected(raw).body == body
    head, _, payload = raw.partition(b"\r\n\r\n")
    if b"quoted-printable" in head:
        assert quopri.decodestring(payload).decode().replace("\r\n", "\n") == body
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert payload.isascii()
    assert not [line for line in payload.split(b"\r\n") if line.startswith((b".", b"From ")) or line.endswith(b" ")]


def test_line_ends_become_crlf_and_one_at_the_end() -> None:
    assert composed(body="a\r\nb\rc\nd\n\n\n").raw.endswith(b"\r\n\r\na\r\nb\r\nc\r\nd\r\n")
    assert inspected(composed(body="one\u2028two").raw).body == "one\ntwo\n"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ann", b"To: Ann <ann@customer.example>"),
        ('Ann "A." B, C', b'To: "Ann \\"A.\\" B, C" <ann@customer.example>'),
        ("evil@x.example", b'To: "evil@x.example" <ann@customer.example>'),
        ("a\\b", b'To: "a\\\\b" <ann@customer.example>'),
        ("", b"To: ann@customer.example"),
    ],
)
def test_display_names_are_quoted_where_they_need_it(name: str, written: bytes) -> None:
    assert written + b"\r\n" in composed(to_name=name).raw


def test_a_long_name_in_another_script_is_cut_into_legal_encoded_words() -> None:
    name = "Владимир Владимирович Маяковский-Длиннофамильный"
    raw = composed(to_name=name).raw
    assert inspected(raw).to_name == name
    # Not through EmailMessage: its reader of 3.11 puts spaces between the words of a phrase.
    compat = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert str(make_header(decode_header(compat["to"]))) == f"{name} <ann@customer.example>"
    words = [word for line in raw.split(b"\r\n") for word in line.split() if word.startswith(b"=?")]
    assert len(words) > 1
    assert max(map(len, words)) <= 75


def test_domains_travel_as_a_labels_and_local_parts_as_they_are() -> None:
    found = inspected(composed(to_address="Jörg@Bücher.example").raw)
    assert found.to_address == "Jörg@xn--bcher-kva.example"
    assert "<Jörg@xn--bcher-kva.example>".encode() in composed(to_address="Jörg@Bücher.example").raw
    assert inspected(composed(to_address="Jörg@Bücher.example", to_name="Jörg =? B").raw).to_name == "Jörg =? B"


def test_the_date_is_the_instant_that_was_given() -> None:
    there = datetime(2026, 11, 20, 14, 0, 1, 999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    raw = composed(date=there).raw
    assert read(raw)["date"].datetime == there.replace(microsecond=0)
    assert b"\r\nDate: Fri, 20 Nov 2026 08:30:01 +0000\r\n" in raw


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from_address": "support"}, "from_address"),
        ({"to_address": "ann@customer.example\r\nBcc: evil@x.example"}, "to_address"),
        ({"subject": "a\nBcc: evil@x.example"}, "subject"),
        ({"subject": "x" * 999}, "subject"),
        ({"from_name": "Acme\r\n"}, "from_name"),
        ({"from_name": "x" * 101}, "from_name"),
        ({"body": "a\x00b"}, "body"),
        ({"body": "a\x1bb"}, "body"),
        ({"message_id": "no-domain"}, "message_id"),
        ({"message_id": "a@b>\r\nBcc: e"}, "message_id"),
        ({"date": datetime(2026, 11, 20)}, "date"),  # noqa: DTZ001 - the missing zone is what is refused
    ],
)
def test_what_cannot_be_said_safely_is_refused_by_name(changes: dict[str, object], code: str) -> None:
    refused = compose(reply(**changes))
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_a_correspondents_odd_name_is_left_out_and_does_not_stop_the_reply() -> None:
    assert inspected(composed(to_name="Ann\r\nBcc: evil@x.example").raw).to_name == ""


TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


@settings(max_examples=300, deadline=None)
@given(subject=TEXT, to_name=TEXT, body=TEXT, way=st.sampled_from(["unseen", "approved"]))
def test_any_text_either_comes_back_exactly_or_is_refused(subject: str, to_name: str, body: str, way: str) -> None:
    """`compose` compares with its own reader; this compares with the standard library's."""
    made = compose(reply(subject=subject, to_name=to_name, body=body, way=way))
    if isinstance(made, Refused):
        assert made.code in {"subject", "body"}
        return
    message = read(made.raw)
    assert [value for name, value in message.items() if name in {"Bcc", "Cc"}] == []
    assert message["to"].addresses[0].addr_spec == "ann@customer.example"
    assert len(message["to"].addresses) == 1
    assert message["subject"] == inspected(made.raw).subject
    wanted = body.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    assert message.get_content().replace("\r\n", "\n") == wanted.rstrip("\n") + "\n"


def test_a_composed_mail_is_utc_and_pure() -> None:
    """The same instant in another zone is the same mail."""
    assert composed(date=datetime(2026, 11, 20, 12, tzinfo=UTC)) == composed(
        date=datetime(2026, 11, 20, 13, tzinfo=timezone(timedelta(hours=1)))
    )
