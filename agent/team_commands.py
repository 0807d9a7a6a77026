"""`postroom people`: who may use the desk, from the command line; the way in where nobody can log in any more."""

from __future__ import annotations

from agent import people
from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.parts import Parts
from agent.people import Link, NotChanged
from agent.printing import line
from agent.store import people as store
from agent.store.people import PersonRole


def _url(config: Config, token: str) -> str:
    desk = config.notices.desk_url or f"http://{config.desk.host}:{config.desk.port}"
    return f"{desk}/link/{token}"


def _told(parts: Parts, done: Link | NotChanged) -> int:
    if isinstance(done, NotChanged):
        return fail(done.reason)
    console.print(f"{line(done.person.name)} sets a password by this link. It is good once, for 72 hours:")
    console.print(_url(parts.config, done.token))
    return 0


async def listed(config: Config) -> int:
    async with opened_parts(config) as parts, parts.database.read() as tx:
        known = await store.all_(tx)
    for one in known:
        boxes = "all mailboxes" if one.sees_all else ", ".join(one.mailboxes)
        code = ", with a code" if one.has_codes else ""
        console.print(f"{line(one.name)}  {one.role.value} of {boxes}  {one.state.value}{code}")
    if not known:
        console.print("nobody yet: `postroom serve` prints the link that makes the owner")
    return 0


async def invite(config: Config, name: str, role: str, mailboxes: list[str], by: str) -> int:
    async with opened_parts(config) as parts:
        return _told(parts, await people.invite(parts, name, PersonRole(role), mailboxes, by=by))


async def reset(config: Config, name: str, by: str) -> int:
    async with opened_parts(config) as parts:
        return _told(parts, await people.reset(parts, name, by=by))


async def enable(config: Config, name: str, by: str) -> int:
    async with opened_parts(config) as parts:
        return _told(parts, await people.enable(parts, name, by=by))


async def give(config: Config, name: str, role: str, mailboxes: list[str], by: str) -> int:
    async with opened_parts(config) as parts:
        done = await people.give(parts, name, PersonRole(role), mailboxes, by=by)
    if isinstance(done, NotChanged):
        return fail(done.reason)
    console.print(f"{line(done.name)} is a {role} now, and has to log in again")
    return 0


async def disable(config: Config, name: str, by: str) -> int:
    async with opened_parts(config) as parts:
        done = await people.disable(parts, name, by=by)
    if isinstance(done, NotChanged):
        return fail(done.reason)
    console.print(f"{line(done.name)} comes in no more")
    return 0
