"""Who may use the desk: invited, given a role and mailboxes, reset, disabled; each with its row in the audit.

Rules:
- A link is 192 random bits, good once and for a while; its digest alone is stored.
- What a person may changes with all their sessions ended: who was let in with more has to come in again.
- There is always somebody who can say who else may: the last such admin is neither disabled nor made less.
- The owner's link makes the first admin, and is good only while there is none.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agent import totp
from agent.audit import SYSTEM
from agent.ids import new_id
from agent.parts import Parts
from agent.passwords import Passwords, too_weak
from agent.store import desk_sessions, locks, people
from agent.store.database import Tx
from agent.store.people import EVERY, Person, PersonRole, PersonState

LINK = timedelta(hours=72)
OWNER_LINK = timedelta(hours=24)
LONGEST_NAME = 60
PASSWORDS = Passwords()


@dataclass(frozen=True)
class NotChanged:
    """Why nothing was changed, in plain words."""

    reason: str


@dataclass(frozen=True)
class Link:
    person: Person
    token: str


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def login_of(name: str) -> str:
    """A name as it is looked up: without case, and in one form of each letter."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def wrong_name(name: str) -> str:
    if re.fullmatch(rf"\w[\w.-]{{0,{LONGEST_NAME - 1}}}", name):
        return ""
    return f"A name is up to {LONGEST_NAME} letters, digits, dots and dashes, without spaces."


def wrong_mailboxes(parts: Parts, mailboxes: Sequence[str]) -> str:
    if not mailboxes:
        return "Say which mailboxes, or `*` for all."
    known = {one.address for one in parts.config.mailboxes} | {EVERY}
    return next((f"There is no mailbox {one[:80]!r}." for one in mailboxes if one not in known), "")


async def _note(parts: Parts, tx: Tx, event: str, by: str, **data: Any) -> None:
    await parts.audit.add(tx, SYSTEM, event, actor=by, now=parts.now(), data=data)


async def _new_link(parts: Parts, tx: Tx, one: Person) -> Link:
    token = secrets.token_urlsafe(24)
    await people.put_link(tx, digest(token), one.id, parts.now() + LINK)
    return Link(one, token)


async def owner_token(parts: Parts) -> str:
    """A new link's token for whoever shall own this Postroom; empty where somebody does. The one before ends."""
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if await people.owners(tx):
            return ""
        token = secrets.token_urlsafe(24)
        await people.put_link(tx, digest(token), None, parts.now() + OWNER_LINK)
    return token


async def invite(parts: Parts, name: str, role: PersonRole, mailboxes: Sequence[str], *, by: str) -> Link | NotChanged:
    """Make a person who can set a password by the link."""
    name = name.strip()
    if wrong := wrong_name(name) or wrong_mailboxes(parts, mailboxes):
        return NotChanged(wrong)
    now = parts.now()
    one = Person(new_id("p", now), name, login_of(name), role, tuple(mailboxes), PersonState.INVITED, "", "", -1, now)
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if await people.by_login(tx, one.login) is not None:
            return NotChanged(f"There is somebody of the name {name} already.")
        await people.add(tx, one)
        await _note(parts, tx, "person_invited", by, person=name, role=role.value, mailboxes=list(mailboxes))
        return await _new_link(parts, tx, one)


async def reset(parts: Parts, name: str, *, by: str) -> Link | NotChanged:
    """Take password and codes away and give a link to set them anew; whoever is in is out."""
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        one = await people.by_login(tx, login_of(name))
        if one is None or one.state is PersonState.DISABLED:
            return NotChanged(f"There is nobody of the name {name[:80]} who may come in.")
        await people.change(tx, one.id, password="", secret="", step=-1, state=PersonState.INVITED)
        await people.put_codes(tx, one.id, ())
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "person_reset", by, person=one.name)
        return await _new_link(parts, tx, one)


async def give(parts: Parts, name: str, role: PersonRole, mailboxes: Sequence[str], *, by: str) -> Person | NotChanged:
    """Give a person another role, other mailboxes."""
    if wrong := wrong_mailboxes(parts, mailboxes):
        return NotChanged(wrong)
    async with parts.database.write() as tx:
        one = await _known(tx, name)
        if isinstance(one, NotChanged):
            return one
        stays = role is PersonRole.ADMIN and EVERY in mailboxes
        if not stays and await people.owners(tx) == [one.id]:
            return NotChanged(f"{one.name} is the last admin of all mailboxes: make another one first.")
        await people.change(tx, one.id, role=role, mailboxes=tuple(mailboxes))
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "person_role", by, person=one.name, role=role.value, mailboxes=list(mailboxes))
    return one


async def disable(parts: Parts, name: str, *, by: str) -> Person | NotChanged:
    """Let a person in no more, at once."""
    async with parts.database.write() as tx:
        one = await _known(tx, name)
        if isinstance(one, NotChanged):
            return one
        if await people.owners(tx) == [one.id]:
            return NotChanged(f"{one.name} is the last admin of all mailboxes: make another one first.")
        await people.change(tx, one.id, state=PersonState.DISABLED, password="", secret="", step=-1)
        await people.put_codes(tx, one.id, ())
        await people.drop_links(tx, one.id)
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "person_disabled", by, person=one.name)
    return one


async def enable(parts: Parts, name: str, *, by: str) -> Link | NotChanged:
    """Let a disabled person set a password again."""
    async with parts.database.write() as tx:
        one = await _known(tx, name)
        if isinstance(one, NotChanged):
            return one
        if one.state is not PersonState.DISABLED:
            return NotChanged(f"{one.name} is not disabled.")
        await people.change(tx, one.id, state=PersonState.INVITED)
        await _note(parts, tx, "person_enabled", by, person=one.name)
        return await _new_link(parts, tx, one)


async def _known(tx: Tx, name: str) -> Person | NotChanged:
    await locks.chain(tx, SYSTEM)
    one = await people.by_login(tx, login_of(name))
    return one or NotChanged(f"There is nobody of the name {name[:80]}.")


async def stand_in(parts: Parts, name: str) -> str:
    """Make the owner of a demo, who has no password and is let in by its link alone; gives the id."""
    now = parts.now()
    one = Person(
        *(new_id("p", now), name, login_of(name), PersonRole.ADMIN, (EVERY,)),
        *(PersonState.ACTIVE, "", "", -1, now),
    )
    async with parts.database.write() as tx:
        await people.add(tx, one)
    return one.id


async def whose_link(parts: Parts, token: str) -> Person | NotChanged | None:
    """The person that a link is for; None for the owner to be."""
    async with parts.database.read() as tx:
        found = await people.link(tx, digest(token), parts.now())
        if found is None:
            return NotChanged("This link is not valid, or not any more: each is good once. Ask for another one.")
        return None if found[0] is None else await people.get(tx, found[0])


async def settle(parts: Parts, token: str, name: str, password: str) -> Person | NotChanged:
    """Spend a link: the owner takes a name and a password, others set their password."""
    whose = await whose_link(parts, token)
    if isinstance(whose, NotChanged):
        return whose
    name = whose.name if whose else name.strip()
    if wrong := wrong_name(name) or too_weak(password, name):
        return NotChanged(wrong)
    hashed = await PASSWORDS.hashed(password)
    now = parts.now()
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if not await people.use_link(tx, digest(token), now):
            return NotChanged("Somebody used this link just now. Ask for another one.")
        if whose is None:
            if await people.owners(tx):
                return NotChanged("This Postroom has an owner by now.")
            if await people.by_login(tx, login_of(name)) is not None:
                return NotChanged(f"There is somebody of the name {name} already; take another one.")
            whose = Person(
                *(new_id("p", now), name, login_of(name), PersonRole.ADMIN, (EVERY,)),
                *(PersonState.INVITED, "", "", -1, now),
            )
            await people.add(tx, whose)
        await people.change(tx, whose.id, password=hashed, state=PersonState.ACTIVE)
        await desk_sessions.end_all(tx, whose.id)
        await _note(parts, tx, "password_set", name, person=name, role=whose.role.value)
    return whose


async def set_password(parts: Parts, one: Person, old: str, new: str) -> NotChanged | None:
    """Change one's own password, knowing the old one; whoever is in is out."""
    if not (await PASSWORDS.check(one.password, old)).right:
        return NotChanged("The present password is not right.")
    if wrong := too_weak(new, one.name):
        return NotChanged(wrong)
    hashed = await PASSWORDS.hashed(new)
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        await people.change(tx, one.id, password=hashed)
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "password_changed", one.name)
    return None


async def begin_codes(parts: Parts, one: Person) -> bytes | None:
    """Make the secret of codes, which are asked for once one of them was typed; None where they are by now."""
    if one.has_codes:
        return None
    secret = totp.new_secret()
    async with parts.database.write() as tx:
        await people.change(tx, one.id, secret=totp.seal(parts.keys.seal, one.id, secret), step=-1)
    return secret


async def confirm_codes(parts: Parts, one: Person, given: str) -> list[str] | NotChanged:
    """Ask for codes from now on; gives the recovery codes, which are shown once."""
    secret = totp.unseal(parts.keys.seal, one.id, one.secret) if one.secret and not one.has_codes else None
    step = None if secret is None else totp.step_of(secret, given, parts.now())
    if step is None:
        return NotChanged("That is not the code of this moment: look whether the clock of your phone is right.")
    codes = totp.recovery_codes()
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        if not await people.use_step(tx, one.id, step):
            return NotChanged("This code was used already; wait for the next one.")
        await people.put_codes(tx, one.id, map(totp.digest, codes))
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "codes_on", one.name)
    return codes


async def drop_codes(parts: Parts, one: Person, password: str) -> NotChanged | None:
    """Ask for codes no more, knowing the password."""
    if not (await PASSWORDS.check(one.password, password)).right:
        return NotChanged("The password is not right.")
    async with parts.database.write() as tx:
        await locks.chain(tx, SYSTEM)
        await people.change(tx, one.id, secret="", step=-1)
        await people.put_codes(tx, one.id, ())
        await desk_sessions.end_all(tx, one.id)
        await _note(parts, tx, "codes_off", one.name)
    return None
