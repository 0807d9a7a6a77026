"""Eleven languages from six programs, as plain text and as HTML: what is new, what is old, what is a signature."""

from __future__ import annotations

import itertools
from email.message import EmailMessage

import pytest

from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from tests.inbound.clients import CLIENTS, DISCLAIMERS, MAIL, OLD, QUESTIONS

MATRIX = [f"{client} {language}" for client, language in itertools.product(CLIENTS, QUESTIONS)]


def read(text: str, subtype: str = "plain") -> NormalizedEmail:
    mail = EmailMessage()
    mail["From"] = "ann@customer.example"
    mail.set_content(text, subtype=subtype, cte="quoted-printable")
    found = normalize(mail.as_bytes())
    assert isinstance(found, NormalizedEmail)
    return found


@pytest.mark.parametrize("form", ["plain", "html"])
@pytest.mark.parametrize("case", MATRIX)
def test_a_reply_is_taken_apart(case: str, form: str) -> None:
    """New is the question alone; history and signature are apart, and the language is the question's."""
    client, _, language = case.rpartition(" ")
    reply = CLIENTS[client](language)
    found = read(getattr(reply, form), form)
    assert found.new_text.strip() == QUESTIONS[language]
    assert all(line in found.quoted for line in OLD)
    assert reply.signature in found.signature
    assert MAIL not in found.signature
    assert found.language == language
    assert found.risks == ()


@pytest.mark.parametrize("language", DISCLAIMERS)
def test_a_disclaimer_is_no_part_of_the_question(language: str) -> None:
    """Below a signature's delimiter, a line, or the bare text."""
    question, disclaimer = QUESTIONS[language], DISCLAIMERS[language]
    for between in ("\n\n", "\n\n-- \nAnn\n\n", "\n\n__________\n"):
        found = read(f"{question}{between}{disclaimer}\n")
        assert found.new_text == question
        assert disclaimer in found.signature


def test_the_matrix_is_whole() -> None:
    """Every language from every program."""
    assert len(MATRIX) == 66
    assert DISCLAIMERS.keys() == QUESTIONS.keys()
