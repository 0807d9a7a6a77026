"""What a server says of an address, apart from what it says of us."""

from __future__ import annotations

import pytest

from outbound.couriers.refusals import says_nobody

NOBODY = [
    (550, "5.1.1 <ann@customer.example>: Recipient address rejected: User unknown in local recipient table"),
    (550, "5.1.1 The email account that you tried to reach does not exist."),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    (556, "5.1.10 Recipient address has null MX"),
    (553, "5.1.2 no such domain"),
    (550, "5.2.1 The email account that you tried to reach is disabled"),
    (550, "no such user here"),
    (550, "Requested action not taken: mailbox unknown"),
    (550, "Unknown user"),
    (551, "User ann does not exist"),
    (553, "sorry, recipient not found"),
]
OTHERWISE = [
    (550, "5.7.1 Service unavailable; client host blocked using a list: no such user agent"),
    (550, "5.7.26 this mail is not authenticated"),
    (554, "5.7.1 Relay access denied"),
    (550, "5.1.8 Sender address rejected: Domain not found"),
    (552, "5.2.2 mailbox full"),
    (550, "Requested action not taken: mailbox unavailable"),
    (550, "blocked: see http://list.example"),
    (554, "no such user"),
    (450, "4.1.1 unknown user"),
    (450, "no such user here"),
    (421, "5.1.1 no such user"),
    (250, "5.1.1 odd"),
    (550, "5.1.11 something of another year"),
]


@pytest.mark.parametrize(("code", "said"), NOBODY)
def test_an_address_without_a_reader_is_known(code: int, said: str) -> None:
    """As mail servers in the field say it."""
    assert says_nobody(code, said)


@pytest.mark.parametrize(("code", "said"), OTHERWISE)
def test_a_block_a_full_mailbox_and_a_delay_are_not_taken_for_it(code: int, said: str) -> None:
    """They are about us, or about today: the address stays good."""
    assert not says_nobody(code, said)
