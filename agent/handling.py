"""What people do with a mail beside deciding on it: take it, let it rest, tag it, leave a note.

Rules:
- None of it sends anything, and none of it changes what may be sent.
- A change and its audit row are one transaction; a change that changed nothing leaves no row.
- The audit holds who and what kind; a note's words and a tag are told as digests, because they may be about a person.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.store import handlings, mails
from agent.store.database import Tx

LONGEST_NAME, LONGEST_TAG, LONGEST_NOTE, MOST_NAMED = 100, 40, 5_000, 10
PRIORITIES = ("urgent", "high", "low")
REST = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1), "7d": timedelta(days=7)}
"""How long a mail may rest, by what the form says."""
_TAG = re.compile(r"[\w][\w .-]*")
_MENTION = re.compile(r"(?<![\w@.])@([\w][\w.-]{0,98}\w|\w)")

Change = Callable[[Tx, datetime], Awaitable[bool]]


def mentioned(text: str) -> list[str]:
    """Whom a note names with @, in order, each once."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def mention(name: str) -> str:
    """The tag of a mail that somebody is named on; no person can put it on by hand."""
    return f"@{name.lower()}"[: LONGEST_TAG + 1]


async def assign(parts: Parts, mail_id: str, assignee: str, *, by: str, seen: str) -> Decided | NotDecided:
    """Give the mail to somebody, or with an empty name to nobody; `seen` is who had it when the person looked."""
    if len(assignee) > LONGEST_NAME or not assignee.isprintable():
        return NotDecided(f"a name is one line of at most {LONGEST_NAME} characters")

    async def change(tx: Tx, _now: datetime) -> bool:
        return await handlings.assign(parts.database, tx, mail_id, assignee, seen=seen)

    told = {"to": assignee}
    return await _changed(parts, mail_id, "assigned" if assignee else "unassigned", change, by=by, told=told)


async def give(parts: Parts, mail_id: str, team: str, *, by: str) -> Decided | NotDecided:
    """Make it a team's mail, or with an empty name no team's."""
    if len(team) > LONGEST_NAME or not team.isprintable():
        return NotDecided(f"a name is one line of at most {LONGEST_NAME} characters")

    async def change(tx: Tx, _now: datetime) -> bool:
        return await handlings.give(parts.database, tx, mail_id, team)

    return await _changed(parts, mail_id, "given", change, by=by, told={"to": team})


async def rank(parts: Parts, mail_id: str, priority: str, *, by: str) -> Decided | NotDecided:
    """Give it one of `PRIORITIES`, or with an empty word none; it is a tag like any other, and there is one at most."""
    if priority and priority not in PRIORITIES:
        return NotDecided(f"a priority is one of {', '.join(PRIORITIES)}")

    async def change(tx: Tx, _now: datetime) -> bool:
        gone = [await handlings.untag(tx, mail_id, one) for one in PRIORITIES if one != priority]
        return (bool(priority) and await handlings.tag(parts.database, tx, mail_id, priority)) or any(gone)

    return await _changed(parts, mail_id, "ranked", change, by=by, told={"priority": priority})


async def snooze(parts: Parts, mail_id: str, rest: str, *, by: str) -> Decided | NotDecided:
    """Let the mail rest for one of `REST`; empty: show it again at once."""
    if rest and rest not in REST:
        return NotDecided(f"a mail rests for one of {', '.join(REST)}")

    async def change(tx: Tx, now: datetime) -> bool:
        return await handlings.snooze(parts.database, tx, mail_id, now + REST[rest] if rest else None)

    return await _changed(parts, mail_id, "snoozed" if rest else "woken", change, by=by, told={"rest": rest})


async def tag(parts: Parts, mail_id: str, word: str, *, by: str) -> Decided | NotDecided:
    """Put a tag on the mail."""
    word = " ".join(word.lower().split())
    if len(word) > LONGEST_TAG or not _TAG.fullmatch(word):
        return NotDecided(f"a tag is at most {LONGEST_TAG} letters, digits, spaces, dots and hyphens")

    async def change(tx: Tx, _now: datetime) -> bool:
        return await handlings.tag(parts.database, tx, mail_id, word)

    return await _changed(parts, mail_id, "tagged", change, by=by, told={"tag": parts.audit.digest(word)})


async def untag(parts: Parts, mail_id: str, word: str, *, by: str) -> Decided | NotDecided:
    """Take a tag off the mail."""

    async def change(tx: Tx, _now: datetime) -> bool:
        return await handlings.untag(tx, mail_id, word)

    return await _changed(parts, mail_id, "untagged", change, by=by, told={"tag": parts.audit.digest(word)})


async def note(parts: Parts, mail_id: str, text: str, *, by: str) -> Decided | NotDecided:
    """Leave a note for colleagues; it is never sent. Whom it names with @ finds the mail by a tag of their own."""
    text = text.strip()
    if not text or len(text) > LONGEST_NOTE:
        return NotDecided(f"a note has one to {LONGEST_NOTE} characters")

    async def change(tx: Tx, now: datetime) -> bool:
        for name in mentioned(text)[:MOST_NAMED]:
            await handlings.tag(parts.database, tx, mail_id, mention(name))
        return await handlings.note(tx, mail_id, text, by=by, now=now)

    return await _changed(parts, mail_id, "noted", change, by=by, told={"note": parts.audit.digest(text)})


async def _changed(
    parts: Parts, mail_id: str, event: str, change: Change, *, by: str, told: dict[str, str]
) -> Decided | NotDecided:
    now = parts.now()
    async with parts.database.write() as tx:
        mail = await mails.locked(tx, mail_id)
        if mail is None:
            return NotDecided(f"there is no mail {mail_id}")
        if not await change(tx, now):
            return NotDecided("it is so already, or a colleague changed it while you looked", taken=True)
        chain = mail.conversation_id or mail.id
        await parts.audit.add(tx, chain, event, actor=by, now=now, mail_id=mail.id, data=told)
    return Decided(mail_id)
