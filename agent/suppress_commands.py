"""`postroom suppress`: look at who gets nothing any more, and change it."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

from agent.commands import console, fail, opened_parts
from agent.config import Config
from agent.parts import Parts
from agent.printing import line
from agent.store import suppression
from agent.store.database import Tx
from agent.store.suppression import Suppressed
from inbound.addresses import canonical

REASONS = {"hard": "bounced for good", "soft": "bounced too often", "complaint": "complained", "manual": "by a person"}
CHAIN = "suppression"


def _plain(address: str) -> str | None:
    return canonical(address.strip())


async def listed(config: Config) -> int:
    shown = 0
    async with opened_parts(config) as parts:
        async for one in _all(parts):
            shown += 1
            why = REASONS.get(one.reason, one.reason)
            console.print(f"{line(one.address)}  {why}, {one.at:%Y-%m-%d %H:%M} UTC, by {line(one.by)}")
            if one.detail:
                console.print(f"    {line(one.detail)}")
    console.print(f"{shown:,} suppressed.")
    return 0


async def _all(parts: Parts) -> AsyncIterator[Suppressed]:
    after = ""
    while True:
        async with parts.database.read() as tx:
            found = await suppression.listing(tx, parts.config.postroom.tenant_id, after=after)
        for one in found:
            yield one
        if not found:
            return
        after = found[-1].address


async def add(config: Config, address: str, reason: str, by: str) -> int:
    plain = _plain(address)
    if plain is None:
        return fail(f"{address.strip()[:100]!r} is not a plain address like ann@example.com")
    async with opened_parts(config) as parts:
        done = await put(parts, [(plain, "manual", reason)], by)
    console.print(f"{line(plain)} gets nothing any more." if done else f"{line(plain)} was suppressed already.")
    return 0


async def put(parts: Parts, rows: list[tuple[str, str, str]], by: str) -> int:
    """Suppress addresses (address, reason, detail) in one transaction; gives how many were not yet."""
    now, done = parts.now(), 0
    tenant = parts.config.postroom.tenant_id
    async with parts.database.write(aside=True) as tx:
        for address, reason, detail in rows:
            if await suppression.put(parts.database, tx, tenant, address, reason=reason, detail=detail, by=by, now=now):
                done += 1
                await _audited(parts, tx, "suppressed", address, by, now)
    return done


async def _audited(parts: Parts, tx: Tx, event: str, address: str, by: str, now: datetime) -> None:
    data = {"recipient": parts.audit.digest(address), "reason": "manual"}
    await parts.audit.add(tx, CHAIN, event, actor=by, now=now, mail_id="", data=data)


async def take_out(parts: Parts, address: str, by: str) -> bool:
    """Let an address get mail again; False where it was not on the list."""
    async with parts.database.write() as tx:
        gone = await suppression.lift(tx, parts.config.postroom.tenant_id, address)
        if gone:
            await _audited(parts, tx, "unsuppressed", address, by, parts.now())
    return gone


async def remove(config: Config, address: str, by: str) -> int:
    plain = _plain(address)
    if plain is None:
        return fail(f"{address.strip()[:100]!r} is not a plain address like ann@example.com")
    async with opened_parts(config) as parts:
        gone = await take_out(parts, plain, by)
    if not gone:
        return fail(f"{line(plain)} is not suppressed")
    console.print(f"{line(plain)} may get mail again.")
    return 0


async def export(config: Config) -> int:
    """CSV on standard output: address, reason, detail, by, at."""
    out = csv.writer(sys.stdout)
    out.writerow(["address", "reason", "detail", "by", "at"])
    async with opened_parts(config) as parts:
        async for one in _all(parts):
            out.writerow([_cell(one.address), one.reason, _cell(one.detail), _cell(one.by), one.at.isoformat()])
    return 0


def _cell(text: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


async def import_(config: Config, file: Path, by: str) -> int:
    """CSV with addresses in the first column, or one a line; what is no address is told and left out."""
    try:
        text = await asyncio.to_thread(file.read_text, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return fail(f"{file}: cannot be read: {getattr(error, 'strerror', '') or 'it is not in UTF-8'}")
    rows: list[tuple[str, str, str]] = []
    wrong = 0
    for n, found in enumerate(csv.reader(text.splitlines()), 1):
        if not found or not found[0].strip() or (n == 1 and found[0].strip().lower() in {"address", "email"}):
            continue
        address = _plain(found[0].removeprefix("'"))
        if address is None:
            wrong += 1
            console.print(f"line {n}: {line(found[0][:100])} is no address, left out")
            continue
        reason = found[1] if len(found) > 1 and found[1] in REASONS else "manual"
        rows.append((address, reason, found[2] if len(found) > 2 else f"from {file.name}"))
    async with opened_parts(config) as parts:
        done = sum([await put(parts, rows[start : start + 500], by) for start in range(0, len(rows), 500)])
    console.print(f"{done:,} suppressed, {len(rows) - done:,} were already, {wrong:,} left out.")
    return 1 if wrong else 0
