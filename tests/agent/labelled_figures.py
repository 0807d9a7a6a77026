"""What the matcher makes of labelled mails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agent.matching import SURE, match
from agent.playbook import Playbook, load, variables_in
from tests.agent.labelled import Labelled


@dataclass(frozen=True)
class Said:
    outcome: str
    """right, wrong, or missed: no intent was found where there is one."""
    unseen: bool
    """It would leave without a person."""


@cache
def book() -> Playbook:
    return load(Path(__file__).parents[2] / "fixtures" / "playbook")


def figures(mails: Iterable[Labelled]) -> Iterator[tuple[Labelled, Said]]:
    for mail in mails:
        found = match(mail.subject, mail.text, book())
        intent = found.entry.intent if found.entry else "none"
        outcome = "right" if intent == mail.intent else "missed" if intent == "none" else "wrong"
        unseen = False
        if found.entry is not None and found.entry.auto_send and found.confidence >= SURE:
            given = variables_in(found.entry, f"{mail.subject}\n{mail.text}")
            unseen = not found.entry.lacks(given)
        yield mail, Said(outcome, unseen)
