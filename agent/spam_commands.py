"""`postroom spam`: look through what was put aside, and bring back what is none."""

from __future__ import annotations

from collections.abc import Sequence

from agent import spam
from agent.approval import NotDecided
from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.printing import line
from agent.states import MailStatus
from agent.store import queue
from agent.store.queue import View

PUT_ASIDE = View((MailStatus.CLOSED,), tags=(spam.TAG,))


async def listed(config: Config, last: int) -> int:
    """Print the newest mails that were put aside, with who said so."""
    async with opened_parts(config) as parts, parts.database.read() as tx:
        found = await queue.page(tx, PUT_ASIDE, now=parts.now(), limit=last + 1)
    for one in found[:last]:
        mail = one.mail
        at = f"{mail.received_at:%Y-%m-%d %H:%M}"
        console.print(
            f"[bold]{mail.id}[/]  {at}  {line(mail.author or 'unknown')}  {line(mail.subject or '(no subject)')}"
        )
        console.print(f"    {line(mail.status_reason)}")
    more = f" The newest {last} are shown; --last shows more." if len(found) > last else ""
    console.print(f"{min(len(found), last)} put aside as spam.{more}")
    return 0


async def release(config: Config, mail_ids: Sequence[str], by: str) -> int:
    """Begin with these mails as if they had just come."""
    code = 0
    async with opened_parts(config) as parts:
        for mail_id in mail_ids:
            done = await spam.not_spam(parts, mail_id, by=by)
            if isinstance(done, NotDecided):
                code = fail(f"{mail_id}: {done.reason}")
            else:
                console.print(f"{line(mail_id)} is no spam: it is worked on like any other mail.")
    return code
