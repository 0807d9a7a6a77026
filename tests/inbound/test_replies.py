"""The table of replies keeps to RFC 5321, RFC 3463 and RFC 2034."""

from __future__ import annotations

import re

import pytest

from inbound import replies
from inbound.contracts import Receipt
from inbound.replies import Reply

TABLE = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}


@pytest.mark.parametrize("name", TABLE)
def test_every_reply_has_the_enhanced_code_of_its_class(name: str) -> None:
    """The first digits agree; only 354 has none."""
    reply = TABLE[name]
    if reply.code == 354:
        assert reply.status == ""
    else:
        assert re.fullmatch(rf"{reply.code // 100}\.[0-9]\.[0-9]{{1,2}}", reply.status)


@pytest.mark.parametrize("name", TABLE)
def test_every_reply_is_one_short_line_of_ascii(name: str) -> None:
    line = TABLE[name].wire()
    assert re.fullmatch(rb"[2-5][0-9]{2} [ -~]+\r\n", line)
    assert len(line) <= 512


def test_no_two_replies_say_the_same_text() -> None:
    texts = [reply.text for reply in TABLE.values()]
    assert len(texts) == len(set(texts))


def test_several_lines_are_joined_by_hyphens() -> None:
    assert replies.capabilities("h.example", 1000, starttls=True).wire().split(b"\r\n") == [
        b"250-h.example",
        b"250-PIPELINING",
        b"250-SIZE 1000",
        b"250-8BITMIME",
        b"250-SMTPUTF8",
        b"250-ENHANCEDSTATUSCODES",
        b"250-STARTTLS",
        b"250 HELP",
        b"",
    ]


def test_the_receipt_names_the_mail() -> None:
    assert replies.accepted(Receipt(mail_id="m_7")).wire() == b"250 2.0.0 Accepted as m_7\r\n"
