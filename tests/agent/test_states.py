"""The table of a mail's states is the law, and docs/states.md says the same."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from agent.states import MAIL_AFTER, MailStatus
from agent.store import mails
from agent.store.mails import IllegalMoveError
from agent.store.tables import mail
from tests.agent.postroom import HOURS, house

STATES_MD = Path(__file__).parent.parent.parent / "docs" / "states.md"


def test_every_state_can_be_reached_and_has_a_row() -> None:
    """No state stands apart, and the table names all of them."""
    assert set(MAIL_AFTER) == set(MailStatus)
    reached = {target for targets in MAIL_AFTER.values() for target in targets}
    assert set(MailStatus) == reached
    assert all(state not in targets for state, targets in MAIL_AFTER.items())


def test_the_document_says_what_the_table_says() -> None:
    """A row for each state that anything follows."""
    section = STATES_MD.read_text("utf-8").split("## Mail")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE)
    written = {MailStatus(state): {MailStatus(one) for one in re.findall(r"`(\w+)`", after)} for state, after in rows}
    assert written == {state: set(after) for state, after in MAIL_AFTER.items()}


@pytest.mark.parametrize("source", MailStatus)
async def test_a_move_that_is_not_in_the_table_is_refused(tmp_path: Path, source: MailStatus) -> None:
    """By the update itself: whoever asks, nothing changes."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        for target in MailStatus:
            async with home.parts.database.write() as tx:
                await tx.execute(mail.update().values(status=source))
                if target is source or target in MAIL_AFTER[source]:
                    await mails.move(tx, mail_id, target, "told")
                else:
                    with pytest.raises(IllegalMoveError, match=mail_id):
                        await mails.move(tx, mail_id, target, "told")
                found = await mails.get(tx, mail_id)
                assert found is not None
                assert found.status is (target if target is source or target in MAIL_AFTER[source] else source)


def test_nothing_comes_back_from_an_answer() -> None:
    """Whatever happens, an answered mail is never answered again."""
    reached = {MailStatus.ANSWERED}
    for _ in MailStatus:
        reached |= {after for state, after in product(reached, MailStatus) if after in MAIL_AFTER[state]}
    assert reached == {MailStatus.ANSWERED}
