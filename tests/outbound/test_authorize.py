"""Nothing becomes an approved mail against policy, and an approved mail that was touched does not leave."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outbound.authorize import left_over, restore, verify
from outbound.compose import Composed, inspect
from outbound.contracts import ApprovedEmail, Refused
from outbound.enclosures import File
from tests.outbound.mails import KEY, NOW, approved, composed, policy, try_authorize

EMAIL = approved()


def test_what_policy_allows_is_sealed_and_verifies() -> None:
    assert verify(EMAIL, KEY) is None
    assert EMAIL.raw == composed().raw


@pytest.mark.parametrize(
    ("rules", "changes", "code"),
    [
        ({"decision": "deny"}, {}, "policy_denied"),
        ({"decision": "deny"}, {"way": "approved"}, "policy_denied"),
        ({"decision": "review"}, {}, "needs_person"),
        ({"requires_human_review": True}, {}, "needs_person"),
        ({"allowed_recipient": False}, {}, "recipient_not_allowed"),
        ({"allowed_recipient": False}, {"way": "approved"}, "recipient_not_allowed"),
        ({"allowed_sender": "sales@acme.example"}, {}, "sender_not_allowed"),
        ({"allowed_sender": ""}, {}, "sender_not_allowed"),
        ({"action_id": "a2"}, {}, "other_action"),
        ({}, {"recipient": "evil@x.example"}, "recipient_differs"),
        ({}, {"recipient": "Ann@customer.example"}, "recipient_differs"),
        ({}, {"message_id": "p2@acme.example"}, "message_id_differs"),
        ({}, {"way": "approved"}, "way_differs"),
        ({}, {"return_path": ""}, "return_path"),
        ({}, {"return_path": "bounces@acme.example\r\nRCPT TO:<evil@x.example>"}, "return_path"),
        ({}, {"approved_by": ""}, "approval"),
        ({}, {"approved_at": datetime(2026, 1, 1)}, "approval"),  # noqa: DTZ001 - the missing zone is what is refused
        (
            {"allowed_sender": "sales@acme.example"},
            {"sender": "sales@acme.example"},
            "sender_differs",
        ),
    ],
)
def test_authorize_refuses(rules: dict[str, Any], changes: dict[str, Any], code: str) -> None:
    refused = try_authorize(composed(), policy(**rules), **changes)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert len(refused.reason.split()) > 3


@pytest.mark.parametrize(("said", "told"), [("a refund", "a refund"), ("", "policy denies this mail")])
def test_a_denial_says_what_policy_said(said: str, told: str) -> None:
    refused = try_authorize(composed(), policy(decision="deny", review_reason=said))
    assert refused == Refused(code="policy_denied", reason=told)


def test_what_cannot_be_read_again_is_not_sealed() -> None:
    refused = try_authorize(Composed.of(b"From: support@acme.example\r\n\r\nhi\r\n"), policy())
    assert isinstance(refused, Refused)
    assert refused == inspect(b"From: support@acme.example\r\n\r\nhi\r\n")


def test_addresses_are_compared_and_sealed_in_one_form() -> None:
    """A configuration may write its domain in capitals."""
    email = try_authorize(composed(), policy(), sender="support@ACME.example", recipient="ann@CUSTOMER.example")
    assert email == EMAIL


def test_a_recipient_that_is_no_address_is_refused() -> None:
    refused = try_authorize(composed(), policy(), recipient="ann")
    assert isinstance(refused, Refused)
    assert refused.code == "recipient_differs"


def test_a_person_may_approve_what_waits_for_review_in_the_form_for_persons() -> None:
    waiting = policy(decision="review", requires_human_review=True, review_reason="a refund")
    email = try_authorize(composed(way="approved"), waiting, way="approved", approved_by="person:ann")
    assert isinstance(email, ApprovedEmail)
    unseen_form = try_authorize(composed(way="unseen"), waiting, way="approved", approved_by="person:ann")
    assert isinstance(unseen_form, Refused)


def test_a_hash_that_is_not_of_these_bytes_is_refused() -> None:
    swapped = Composed(raw=composed(body="other").raw, sha256=composed().sha256)
    refused = try_authorize(swapped, policy())
    assert refused == Refused(code="hash_differs", reason="the hash is not that of the bytes")


def test_more_attachments_than_policy_allows_are_refused() -> None:
    mail = composed(way="approved", files=(File(name="a.pdf", data=b"%PDF"),))
    refused = try_authorize(mail, policy(max_attachment_count=0), way="approved")
    assert refused == Refused(code="attachments", reason="more attachments than policy allows")
    assert isinstance(try_authorize(mail, policy(max_attachment_count=1), way="approved"), ApprovedEmail)


def test_the_copies_in_the_bytes_are_those_that_were_named() -> None:
    """Somebody more, somebody less or another order is another mail."""
    mail = composed(way="approved", copies=("bo@x.example", "cy@x.example"))
    named = ("bo@x.example", "cy@x.example")
    assert isinstance(try_authorize(mail, policy(), way="approved", copies=named), ApprovedEmail)
    for other in (), named[:1], named[::-1], (*named, "eve@evil.example"):
        refused = try_authorize(mail, policy(), way="approved", copies=other)
        assert refused == Refused(code="copies_differ", reason="Cc in the bytes is not who was named")
    assert isinstance(try_authorize(composed(way="approved"), policy(), way="approved", copies=named), Refused)
    unseen = try_authorize(mail, policy(), way="unseen", copies=named)
    assert unseen == Refused(code="copies_differ", reason="only what a person approved has copies")


def test_who_has_it_already_is_left_out_and_nobody_comes_in() -> None:
    """The rest of a mail is sealed for fewer recipients, never for more; who may write rows cannot turn it back."""
    email = approved(way="approved", copies=("bo@x.example", "cy@x.example"))
    rest = left_over(email, {"bo@x.example", "eve@evil.example"}, KEY)
    assert rest.settled == ("bo@x.example",)
    assert rest.to_serve == ("ann@customer.example", "cy@x.example")
    assert verify(rest, KEY) is None
    for field in "copies", "settled":
        assert verify(rest.model_copy(update={field: ()}), KEY) is not None
        assert verify(rest.model_copy(update={field: ("eve@evil.example",)}), KEY) is not None


def test_what_was_sealed_before_there_were_copies_still_leaves() -> None:
    """A mail to one recipient has the seal that it always had: an upgrade does not void what waits."""
    assert EMAIL.seal == "f71100a241912b9c18b389fe97f32e291907170f2ebf107595b6001f17c1b729"
    old = EMAIL.model_dump(exclude={"copies", "settled"})
    assert restore(old, KEY) == EMAIL


@settings(max_examples=400, deadline=None)
@given(position=st.integers(0, len(EMAIL.raw) - 1), byte=st.integers(0, 255))
def test_one_changed_byte_is_refused(position: int, byte: int) -> None:
    raw = EMAIL.raw[:position] + bytes([byte]) + EMAIL.raw[position + 1 :]
    changed = EMAIL.model_copy(update={"raw": raw})
    assert (verify(changed, KEY) is None) == (raw == EMAIL.raw)
    # Who can write rows writes the hash too; the seal does not follow.
    rehashed = changed.model_copy(update={"sha256": Composed.of(raw).sha256})
    assert (verify(rehashed, KEY) is None) == (raw == EMAIL.raw)


@pytest.mark.parametrize("field", [name for name, info in ApprovedEmail.model_fields.items() if info.annotation is str])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_changed_field_is_refused(field: str, data: st.DataObject) -> None:
    value: str = getattr(EMAIL, field)
    other = data.draw(st.text(max_size=80) | st.sampled_from([value + " ", value[1:], value.upper(), value + "\n"]))
    changed = EMAIL.model_copy(update={field: other})
    assert (verify(changed, KEY) is None) == (other == value)


def test_another_way_or_time_is_refused_and_another_zone_is_not() -> None:
    assert verify(EMAIL.model_copy(update={"way": "approved"}), KEY) is not None
    assert verify(EMAIL.model_copy(update={"approved_at": NOW + timedelta(microseconds=1)}), KEY) is not None
    assert verify(EMAIL.model_copy(update={"approved_at": NOW.replace(tzinfo=None)}), KEY) is not None
    elsewhere = NOW.astimezone(timezone(timedelta(hours=2)))
    assert verify(EMAIL.model_copy(update={"approved_at": elsewhere}), KEY) is None


def test_text_moved_from_one_field_to_the_next_is_refused() -> None:
    moved = EMAIL.model_copy(update={"thread_head": "m", "policy_version": "1v1"})
    assert verify(moved, KEY) is not None


def test_text_moved_over_what_looks_like_a_border_is_refused() -> None:
    """The seal counts lengths, so no value can play the beginning of the next field."""
    one = try_authorize(composed(), policy(), thread_head="m", policy_version="v\npolicy_versionw")
    assert isinstance(one, ApprovedEmail)
    other = one.model_copy(update={"thread_head": "m\npolicy_versionv", "policy_version": "w"})
    assert verify(one, KEY) is None
    assert verify(other, KEY) is not None


def test_another_key_makes_no_seal() -> None:
    assert verify(EMAIL, b"x" * 32) is not None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"raw": b"x"}, "the mail's bytes are not those that were approved"),
        ({"sha256": "\ud800"}, "the mail's bytes are not those that were approved"),
        ({"seal": "\ud800"}, "something of the approval was changed after it was given"),
        ({"thread_head": "\ud800"}, "something of the approval was changed after it was given"),
        ({"approved_at": NOW.replace(tzinfo=None)}, "the time of the approval has no time zone"),
    ],
)
def test_what_was_changed_is_said(changes: dict[str, Any], told: str) -> None:
    """Text that no UTF-8 can hold is a change like any other."""
    assert verify(EMAIL.model_copy(update=changes), KEY) == Refused(code="seal", reason=told)


def test_stored_fields_come_back_as_the_mail_or_not_at_all() -> None:
    stored = EMAIL.model_dump()
    assert restore(stored, KEY) == EMAIL
    for broken in ({**stored, "recipient": "evil@x.example"}, {**stored, "more": 1}, {}, {**stored, "way": "any"}):
        refused = restore(broken, KEY)
        assert isinstance(refused, Refused)
        assert refused.code == "seal"
    short = {name: value for name, value in stored.items() if name not in {"raw", "way"}}
    assert restore(short, KEY) == Refused(code="seal", reason="the stored approval is not whole: way, raw")
