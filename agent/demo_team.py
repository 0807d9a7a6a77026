"""What two colleagues did in the demo before you came, so that its desk is one that people work at.

Rules:
- By the same verbs as at the desk, with their audit rows; nothing of it sends, closes or decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from agent import handling, verdicts
from agent.parts import Parts
from agent.serve import utc_now
from agent.store import drafts

RUTH, BEN = "ruth", "ben"
DAYS_BEGIN = {"01": 6, "08": 5, "13": 4, "18": 3, "22": 2, "27": 1, "31": 0}
"""Numbers of the fixtures with which a new day begins, and how many days ago that is."""
NOTES = {
    "09-legal-threat": (RUTH, "@desk our solicitor has this one. Nobody answers before Thursday, please."),
    "08-complaint": (BEN, "I called her, she gets a new pair of shears. @ruth can you order them?"),
    "15-forged-bank-details": (
        RUTH,
        "Not from Steelworks: their accountant knows of no change. Keep it.",
    ),
}
TAKEN = {"08-complaint": BEN, "07-refund": RUTH, "05-order-status": RUTH, "18-german-html-only": BEN}
TAGS = {"19-japanese": "translate", "20-pdf-attached": "invoice", "15-forged-bank-details": "phishing"}
RESTS = {"18-german-html-only": "1d"}
SAID = {
    "01-opening-hours": (RUTH, True, ""),
    "02-shipping": (RUTH, True, ""),
    "03-returns": (BEN, False, "she had bought it at another shop: nothing of ours to send back"),
}


class DemoClock:
    """The machine's time, some days ago until the last of the mails is sent."""

    def __init__(self) -> None:
        self.behind = timedelta(days=max(DAYS_BEGIN.values()))

    def __call__(self) -> datetime:
        return utc_now() - self.behind

    def turn(self, fixture: str) -> None:
        """Let the day of this mail begin, where it has one."""
        self.behind = timedelta(days=DAYS_BEGIN[fixture[:2]])

    def begins(self, fixture: str) -> bool:
        """A new day begins with this mail."""
        return fixture[:2] in DAYS_BEGIN


async def work(parts: Parts, sent: Mapping[str, str]) -> None:
    """Do it; `sent` is each fixture's mail. What a later fixture changed is left as it is."""
    for name, (by, text) in NOTES.items():
        await handling.note(parts, sent[name], text, by=by)
    for name, by in TAKEN.items():
        await handling.assign(parts, sent[name], by, by=by, seen="")
    for name, word in TAGS.items():
        await handling.tag(parts, sent[name], word, by=RUTH)
    for name, rest in RESTS.items():
        await handling.snooze(parts, sent[name], rest, by=BEN)
    for name, (by, good, reason) in SAID.items():
        async with parts.database.read() as tx:
            left = [one.id for one in await drafts.of_mail(tx, sent[name])]
        for draft_id in left[-1:]:
            await verdicts.say(parts, draft_id, good=good, by=by, reason=reason)
