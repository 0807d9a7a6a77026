"""No mail of a person is called automatic, whatever its program, its shape and its words."""

from __future__ import annotations

from collections import Counter

from inbound.automated import screen
from inbound.contracts import Kind, NormalizedEmail, Screening
from inbound.mime import normalize
from tests.inbound.letters import envelope
from tests.inbound.personal import CLIENTS, SHAPES, Personal, mails


def look(one: Personal) -> Screening:
    email = normalize(one.raw)
    assert isinstance(email, NormalizedEmail)
    return screen(
        one.raw,
        email,
        envelope("someone@web.example"),
        own_addresses=frozenset({"help@our.example"}),
        own_message_id=lambda message_id: message_id.endswith("@our.example"),
        verp_token=lambda _address: None,
        forwarder=one.forwarder,
    )


def test_mail_of_persons_is_personal() -> None:
    """At least 300, in every shape: 0 called a bounce, an answer of a machine, a complaint, a list."""
    made = mails()
    assert len(made) >= 300
    assert set(Counter(one.shape for one in made)) == set(SHAPES)
    text = b"\n".join(one.raw for one in made)
    assert all(field.encode() + b": " + value.encode() in text for client in CLIENTS for field, value in client)
    called = [(one.shape, found) for one in made if (found := look(one)).kind is not Kind.PERSONAL]
    assert called == []


def test_the_same_mail_through_a_list_that_is_no_group_of_ours_is_a_lists() -> None:
    """The shapes can be told apart: it is the proven group that makes the difference."""
    (one, *_) = [mail for mail in mails() if mail.shape == "group"]
    assert look(Personal(one.shape, one.raw)).kind is Kind.BULK
