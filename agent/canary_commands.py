"""`postroom canary`: send the marked mails now, and tell how each door stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from rich.table import Table

from agent import canary
from agent.canary import State
from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.notices import age
from agent.printing import line
from agent.states import NoticeState

_HINT = (
    "no [[canary]] is configured. It is a marked mail that the courier sends to one of your mailboxes, and that has "
    'to come in again:\n[[canary]]\nto = "{to}"\ndoor = "smtp"\nTo try the doors of this machine alone there are '
    "`postroom send-test` and `postroom simulate`."
)
_STATES = {
    NoticeState.QUEUED: "not sent yet",
    NoticeState.SENT: "sent, not in yet",
    NoticeState.FAILED: "could not be sent",
    NoticeState.ARRIVED: "came in",
}


async def sing(config: Config, *, only_tell: bool) -> int:
    """Exit code 1 where a door is silent."""
    if not config.canaries:
        return fail(_HINT.format(to=config.mailboxes[0].address))
    async with opened_parts(config) as parts:
        sent = 0 if only_tell else await canary.release(parts, at_once=True)
        found = await canary.states(parts)
        console.print(_table(found, parts.now()))
    if sent:
        console.print(
            f"{sent} more {'is' if sent == 1 else 'are'} on the way, as soon as the service runs: see "
            "`postroom canary --status` in a few minutes."
        )
    silent = [one for one in found if one.silent]
    for one in silent:
        console.print(f"[bold red]silent[/]: {line(one.canary.door)} to {line(one.canary.to)}")
    return 1 if silent else 0


def _table(found: list[State], now: datetime) -> Table:
    table = Table("DOOR", "TO", "NEWEST", "LAST THAT CAME IN", box=None, pad_edge=False)
    for one in found:
        newest = "none sent" if one.last is None else f"{_STATES[one.last.state]}, {_ago(one.last.created_at, now)}"
        table.add_row(one.canary.door, one.canary.to, newest, _ago(one.heard, now) if one.heard else "none")
    return table


def _ago(at: datetime, now: datetime) -> str:
    if now - at < timedelta(minutes=1):
        return "just now"
    return f"{age(at, now)} ago"
