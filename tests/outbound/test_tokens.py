"""Tokens lead back to one delivery, and only we can make them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound import tokens
from outbound.addresses import canonical

KEY = b"a" * 32
IDS = st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=36)
ANY = st.text(min_size=1, max_size=24).filter(lambda ref: len(ref.encode("utf-8", "ignore")) in range(1, 25))


@given(IDS | ANY.filter(lambda ref: not any(0xD800 <= ord(character) <= 0xDFFF for character in ref)))
def test_a_return_path_names_its_delivery_whatever_a_relay_does_to_its_case(ref: str) -> None:
    address = tokens.verp(KEY, ref, "acme.example")
    assert tokens.read_verp(KEY, address) == ref
    assert tokens.read_verp(KEY, f"<{address.upper()}>") == ref
    assert canonical(address) == address
    assert address == address.lower()


@given(IDS, st.integers(min_value=0), st.sampled_from(string.ascii_lowercase + string.digits))
def test_a_token_with_one_character_changed_names_nothing(ref: str, position: int, other: str) -> None:
    token = tokens.mint(KEY, ref)
    position %= len(token)
    changed = token[:position] + other + token[position + 1 :]
    assert changed == token or tokens.read(KEY, changed) is None


def test_only_the_key_that_made_a_token_reads_it() -> None:
    assert tokens.read(b"b" * 32, tokens.mint(KEY, "m1")) is None


def test_a_message_id_is_stable_and_ours() -> None:
    message_id = tokens.message_id(KEY, "m1", "acme.example")
    assert message_id == tokens.message_id(KEY, "m1", "acme.example")
    assert tokens.is_ours(KEY, message_id)
    assert tokens.is_ours(KEY, f"<{message_id}>")
    assert tokens.read_message_id(KEY, message_id) == "m1"


def test_who_knows_a_message_id_cannot_make_the_return_path() -> None:
    """Message-IDs are public in a conversation; a bounce forged with one must match nothing."""
    local = tokens.message_id(KEY, "m1", "acme.example").partition("@")[0]
    assert tokens.read_verp(KEY, f"bounces+{local}@acme.example") is None


@pytest.mark.parametrize(
    "foreign", ["", "@", "x", "bounces+@acme.example", "<>", "bounces+\x00@a", "Bounces+ü@a", "a@b", "p" * 600]
)
def test_what_we_did_not_make_names_nothing(foreign: str) -> None:
    assert tokens.read_verp(KEY, foreign) is None
    assert tokens.read(KEY, foreign) is None
    assert not tokens.is_ours(KEY, foreign)


@pytest.mark.parametrize("ref", ["", "x" * 37, "Ä" * 13])
def test_a_reference_that_does_not_fit_into_an_address_is_an_error(ref: str) -> None:
    with pytest.raises(ValueError, match="fit"):
        tokens.mint(KEY, ref)
