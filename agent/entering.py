"""Come in by name, password and code; go out.

Rules:
- An attempt is counted before it is looked at, against the account and against the address, in the database: many
  processes and restarts give nobody more of them. What succeeds is not held against the account.
- One answer for an unknown name, a wrong password and a wrong code, and as much time for each.
- A session begins with a new random token; the one that the browser had before ends. The store has its digest.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass

import structlog

from agent import totp
from agent.audit import SYSTEM
from agent.buckets import Bucket
from agent.parts import Parts
from agent.passwords import LONGEST
from agent.people import PASSWORDS, digest, login_of
from agent.store import desk_sessions, locks, people, reputation
from agent.store.people import Person, PersonState
from agent.store.reputation import Full

ACCOUNT, ADDRESS = "login", "address"
REFUSED = "The name, the password or the code is not right."

log = structlog.get_logger()


@dataclass(frozen=True)
class Entered:
    person: Person
    token: str
    """The session's, for the cookie alone."""


@dataclass(frozen=True)
class NotEntered:
    reason: str
    status: int = 403


def _account(parts: Parts, login: str) -> Bucket:
    # Its digest: people type passwords into the field of the name.
    owner = hashlib.sha256(login.encode("utf-8", "replace")).hexdigest()
    return Bucket(ACCOUNT, owner, parts.config.desk.attempts_per_hour, parts.config.desk.attempts_burst)


def _address(parts: Parts, address: str) -> Bucket:
    """An address has ten times as many: behind one there may be a whole office."""
    desk = parts.config.desk
    return Bucket(ADDRESS, address, 10 * desk.attempts_per_hour, 10 * desk.attempts_burst)


async def _counted(parts: Parts, login: str, address: str) -> Full | None:
    async with parts.database.write() as tx:
        return await reputation.take(
            parts.database, tx, [_account(parts, login), _address(parts, address)], parts.now()
        )


async def held_up(parts: Parts, login: str, address: str) -> str:
    """Count an attempt; why it is not looked at, empty where it is. A session's own password is one, too."""
    full, now = await _counted(parts, login, address), parts.now()
    if full is None:
        return ""
    log.warning("desk.throttled", scope=full.bucket.scope)
    seconds = math.ceil((full.until - now).total_seconds())
    return f"There were too many attempts. Try again in {_spoken(seconds)}."


async def enter(
    parts: Parts, name: str, password: str, code: str, *, address: str, before: str = ""
) -> Entered | NotEntered:
    """Begin a session; `before` is the one that the browser had."""
    login = login_of(name[:LONGEST])
    if held := await held_up(parts, login, address):
        return NotEntered(held, 429)
    async with parts.database.read() as tx:
        one = await people.by_login(tx, login)
    known = one if one is not None and one.state is PersonState.ACTIVE else None
    checked = await PASSWORDS.check(known.password if known else "", password)
    if known is None or not checked.right or not await _second(parts, known, code):
        log.warning("desk.not_entered", known=known is not None)
        return NotEntered(REFUSED)
    return await _begin(parts, known, before, login=login, anew=checked.anew)


async def _second(parts: Parts, one: Person, code: str) -> bool:
    """Whether the code is right, where codes are asked for; it is used by that."""
    if not one.has_codes:
        return True
    secret = totp.unseal(parts.keys.seal, one.id, one.secret)
    step = None if secret is None else totp.step_of(secret, code, parts.now())
    async with parts.database.write() as tx:
        if step is not None:
            return await people.use_step(tx, one.id, step)
        return await people.use_code(tx, one.id, totp.digest(code))


async def _begin(parts: Parts, one: Person, before: str, *, login: str, anew: str) -> Entered | NotEntered:
    token, now = secrets.token_urlsafe(32), parts.now()
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        still = await people.get(tx, one.id)
        if still is None or still.state is not PersonState.ACTIVE or still.password != one.password:
            return NotEntered(REFUSED)
        if anew:
            await people.change(tx, one.id, password=anew)
        await desk_sessions.end(tx, digest(before))
        await desk_sessions.put(tx, digest(token), one.id, now)
        await people.forgive(tx, ACCOUNT, _account(parts, login).owner)
        await parts.audit.add(tx, SYSTEM, "logged_in", actor=one.name, now=now)
    log.info("desk.entered", person=one.id)
    return Entered(one, token)


async def begin_for(parts: Parts, person_id: str, before: str = "") -> Entered | NotEntered:
    """A session for who has just proven who they are: by a link, or by the session that ended with a change."""
    async with parts.database.read() as tx:
        one = await people.get(tx, person_id)
    if one is None:
        return NotEntered(REFUSED)
    return await _begin(parts, one, before, login=one.login, anew="")


async def leave(parts: Parts, one: Person, token: str, *, everywhere: bool) -> None:
    """End this session, or all of the person's."""
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if everywhere:
            await desk_sessions.end_all(tx, one.id)
        else:
            await desk_sessions.end(tx, digest(token))
        event = "logged_out_everywhere" if everywhere else "logged_out"
        await parts.audit.add(tx, SYSTEM, event, actor=one.name, now=parts.now())


def _spoken(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 100 else f"{math.ceil(seconds / 60)} minutes"
