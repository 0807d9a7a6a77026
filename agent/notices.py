"""What the operator's own people are told, in plain words. Pure.

Rules:
- A stranger's words (subject, address) are one short line, without a link that could be clicked; a chat's own marks
  are taken away from them.
- A link leads to the desk and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.printing import visible
from agent.states import MailStatus
from agent.store.notices import Waiting

EVENTS: dict[str, tuple[tuple[MailStatus, ...], str]] = {
    "waiting": ((MailStatus.WAITING,), "a draft waits for a person"),
    "escalated": ((MailStatus.WAITING, MailStatus.PERSON), "nobody has answered for {limit}"),
    "in_doubt": ((MailStatus.IN_DOUBT,), "nobody knows whether the reply left"),
    "quarantined": ((MailStatus.QUARANTINED,), "it could not be read"),
}
"""By event: the states that it is about, and why somebody should look."""
OPEN = (MailStatus.WAITING, MailStatus.PERSON, MailStatus.IN_DOUBT, MailStatus.QUARANTINED)
_SAID = {
    MailStatus.WAITING: "with a draft that waits",
    MailStatus.PERSON: "for a person to answer",
    MailStatus.IN_DOUBT: "in doubt whether the reply left",
    MailStatus.QUARANTINED: "in quarantine",
}
SHOWN = 20
"""Mails named in one notice; the rest are counted."""
LENGTH = 80


def stranger(text: str) -> str:
    """A stranger's words as one line that no mail program makes a link of."""
    one = " ".join(visible(text).split())[:LENGTH]
    return re.sub(r"(?<=\w)[.:](?=[\w/])", lambda mark: f"{mark[0]} ", one)


def age(since: datetime, now: datetime) -> str:
    """In the largest unit that is at least one."""
    passed = max(now - since, timedelta())
    for size, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if passed >= size:
            return _counted(passed // size, name)
    return "less than a minute"


def _counted(n: int, name: str) -> str:
    return f"{n:,} {name}" if n == 1 else f"{n:,} {name}s"


def told(event: str, found: Sequence[Waiting], *, limit: timedelta, desk_url: str, now: datetime) -> tuple[str, str]:
    """Subject and text about these mails; `found` is not empty."""
    why = EVENTS[event][1].format(limit=age(now - limit, now))
    subject = f"[Postroom] {_counted(len(found), 'mail')}: {why}"
    lines = [f"{subject.removeprefix('[Postroom] ')}.", ""]
    for one in found[:SHOWN]:
        lines += [f"- {stranger(one.subject) or '(no subject)'}", f"  from {stranger(one.author) or 'nobody named'}"]
        lines += [f"  to {one.mailbox}, {age(one.received_at, now)} ago; {_where(one, desk_url)}"]
    if len(found) > SHOWN:
        lines.append(f"- and {len(found) - SHOWN:,} more")
    return subject, "\n".join([*lines, "", _foot(desk_url)])


def _where(one: Waiting, desk_url: str) -> str:
    return f"{desk_url}/mail/{one.mail_id}" if desk_url else f"postroom review show {one.mail_id}"


def digest(
    counted: Sequence[tuple[str, MailStatus, int, datetime]], *, desk_url: str, now: datetime
) -> tuple[str, str]:
    """Subject and text of what waits over all; `counted` is not empty."""
    total = sum(n for _, _, n, _ in counted)
    subject = f"[Postroom] {_counted(total, 'mail')} waiting"
    lines = [f"What waits on {now:%A, %d %B %Y}, {now:%H:%M} UTC:", ""]
    for mailbox, status, n, oldest in counted:
        lines.append(
            f"- {mailbox or 'no mailbox'}: {_counted(n, 'mail')} {_SAID[status]}, the oldest for {age(oldest, now)}"
        )
    return subject, "\n".join([*lines, "", _foot(desk_url)])


def breaker(since: datetime, reason: str, *, desk_url: str) -> tuple[str, str]:
    """Subject and text about the breaker that opened."""
    subject = "[Postroom] the breaker is open: nothing leaves unseen"
    text = (
        f"The breaker is open since {since:%Y-%m-%d %H:%M} UTC: {' '.join(visible(reason).split())[:300]}.\n\n"
        "Replies that nobody saw wait for a person; what a person approves leaves. Look at what came back and why;\n"
        "close it at the desk or by `postroom breaker close`. It lets a few try by itself after its rest."
    )
    return subject, f"{text}\n\n{_foot(desk_url)}"


def _foot(desk_url: str) -> str:
    return f"The desk: {desk_url}" if desk_url else "On the machine: postroom review list"


def for_chat(subject: str, body: str) -> str:
    """The text as a chat takes it: what would be a mark of the chat's own is plain (Slack's `<!channel>`)."""
    text = f"{subject.removeprefix('[Postroom] ')}\n{body.partition(chr(10))[2].strip()}"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")[:3000]
