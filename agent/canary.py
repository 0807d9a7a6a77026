"""Marked mail of our own that has to come in again: a door that dies silently is found by it.

Rules:
- It leaves by the courier and comes in the way that customers' mail does; only its arrival by the named door counts.
- One for each `[[canary]]` and interval, however many processes there are.
- Silence is told once for each canary that did not arrive: in the log, to the team, and by `postroom canary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.notice_settings import CanarySettings
from agent.notices import age
from agent.noticing import tell
from agent.parts import Parts
from agent.states import NoticeState
from agent.store import notices as store
from agent.store.database import Tx
from agent.store.notices import Notice
from outbound import tokens

SUBJECT = "Postroom canary"
BODY = "Postroom sends this mail to itself, to find out whether mail still comes in. Nobody has to answer it."
SHOWN = 500
"""Of the newest canaries, over all doors."""

log = structlog.get_logger()


@dataclass(frozen=True)
class State:
    """How one `[[canary]]` stands."""

    canary: CanarySettings
    last: Notice | None
    """The newest that was sent."""
    heard: datetime | None
    """When one came in last."""
    silent: tuple[Notice, ...]
    """Those that did not come in within their time, after the last that did; oldest first."""


async def states(parts: Parts) -> list[State]:
    async with parts.database.read() as tx:
        rows = await store.last(tx, "canary", SHOWN)
    return [_state(one, rows, parts.now()) for one in parts.config.canaries]


def _state(canary: CanarySettings, rows: list[Notice], now: datetime) -> State:
    mine = [one for one in rows if (one.mailbox, one.recipient) == (canary.door, canary.to)]
    heard = [one for one in mine if one.state is NoticeState.ARRIVED]
    newest = heard[0].created_at if heard else None
    limit = now - timedelta(minutes=canary.silent_minutes)
    silent = [one for one in mine if one.created_at <= limit and (newest is None or one.created_at > newest)]
    return State(canary, mine[0] if mine else None, heard[0].ended_at if heard else None, tuple(reversed(silent)))


async def release(parts: Parts, *, at_once: bool = False) -> int:
    """Send those that are due, or all; gives how many."""
    now, sent = parts.now(), 0
    for one in await states(parts):
        every = timedelta(minutes=one.canary.every_minutes)
        if at_once or one.last is None or one.last.created_at <= now - every:
            sent += await _release(parts, one.canary, now, at_once=at_once)
    return sent


async def _release(parts: Parts, canary: CanarySettings, now: datetime, *, at_once: bool) -> bool:
    slot = f"{now.timestamp():.6f}" if at_once else str(int(now.timestamp() // (canary.every_minutes * 60)))
    async with parts.database.write() as tx:
        stored = await store.put(
            parts.database,
            tx,
            key=f"canary:{canary.door}:{canary.to}:{slot}"[-200:],
            kind="canary",
            mailbox=canary.door,
            recipient=canary.to,
            subject=SUBJECT,
            body=BODY,
            now=now,
        )
    return stored is not None


async def alarm(parts: Parts) -> int:
    """Tell of doors that are silent; gives how many are told for the first time."""
    told = 0
    for one in await states(parts):
        if one.silent:
            told += await _alarm(parts, one)
    return told


async def _alarm(parts: Parts, state: State) -> bool:
    first, now = state.silent[0], parts.now()
    sender = parts.config.mailboxes[0].address
    async with parts.database.write() as tx:
        key = f"silent:{first.id}"
        done = NoticeState.SENT
        if not await store.put(parts.database, tx, key=key, kind="canary_silent", mailbox=sender, now=now, state=done):
            return False
        subject = f"[Postroom] no mail seems to come in by {state.canary.door}"
        await tell(parts, tx, key, subject, _words(state, now), now)
    log.error("canary.silent", door=state.canary.door, to=state.canary.to, sent=first.created_at.isoformat())
    return True


def _words(state: State, now: datetime) -> str:
    first = state.silent[0]
    heard = f"The last one came in {age(state.heard, now)} ago." if state.heard else "None has come in so far."
    left = "It left Postroom" if first.state is NoticeState.SENT else "It has not left Postroom yet"
    return (
        f"The marked mail to {state.canary.to} of {first.created_at:%Y-%m-%d %H:%M} UTC has not come in by "
        f"{state.canary.door}. {left}{f' ({first.detail})' if first.detail else ''}. {heard}\n\n"
        "Look at the MX record or the provider's page, at its log of failed posts, and at `postroom canary`."
    )


async def heard(parts: Parts, tx: Tx, message_id: str, door: str, now: datetime) -> bool:
    """Note a canary that came in, in the transaction that records it."""
    named = tokens.read_message_id(parts.keys.token, message_id)
    return named is not None and await store.arrived(tx, named, door=door, now=now)


async def watch(parts: Parts) -> None:
    """What the service does once a minute."""
    if parts.config.canaries:
        await release(parts)
        await alarm(parts)
