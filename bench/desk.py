"""How quick the desk is with many mails: `python -m bench.desk [MAILS] [DATABASE-URL]`.

Seeds a database with MAILS mails (1,000,000 unless told) in SQL alone, serves the desk from it over HTTP, and measures
pages of the queue, page after page, and search. Promised: p95 of a queue page under 80 ms, of a search under 500 ms.
It exits with 1 where that does not hold. Without a URL: SQLite in a folder that is taken away afterwards.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from sqlalchemy import text

from agent import entering, people
from agent.config import Config
from agent.parts import Parts
from agent.people import stand_in
from agent.serve import assemble, build, opened
from agent.store.database import Database
from agent.store.people import PersonRole
from agent.web.app import Desk
from agent.web.server import serving
from agent.web.session import COOKIE
from inbound.contracts import InboundEmailIntent
from outbound.couriers.registry import open_courier

ROUNDS = 40
QUEUE_MS, SEARCH_MS = 80.0, 500.0
CHUNK = 50_000
VIEWS = (
    *("waiting", "person", "mine", "mentions", "escalated", "unseen", "answered", "automatic", "spam", "all"),
    *("waiting&team=shop", "all&team=shop", "unseen&tag=vip", "answered&priority=urgent"),
    *("waiting&intent=refund", "all&intent=refund", "person&risk=any", "answered&sure=from-90", "all&sure=under-80"),
    *("waiting&mailbox=sales%40larkspur.example", "all&mailbox=sales%40larkspur.example"),
)
OF_ONE = ("waiting", "mine", "unseen", "all", "all&intent=refund")
"""What a person with one mailbox looks at."""
QUESTIONS = ("w17", "common", "common w4321", "w17 w3", "nobody", "seed77", "com")
STATUS = (
    "CASE WHEN {n} % 100 < 55 THEN 'answered' WHEN {n} % 100 < 80 THEN 'recorded' WHEN {n} % 100 < 95 THEN 'closed' "
    "WHEN {n} % 100 < 97 THEN 'waiting' WHEN {n} % 100 < 99 THEN 'person' ELSE 'quarantined' END"
)
START = 1_700_000_000_000_000
"""Microseconds since 1970 of the first mail; one follows each second."""


def intent() -> str:
    found = InboundEmailIntent(
        message_id="<seed@example>",
        mailbox="support@larkspur.example",
        sender="ann@customer.example",
        intent="order_status",
        entities=(),
        confidence=0.9,
        risks=(),
        requested_action="reply",
        review_required=True,
    )
    return json.dumps(found.model_dump(mode="json"))


def statements(database: Database) -> list[str]:
    """Of one chunk; :first and :last bound it."""
    if database.is_sqlite:
        numbers = (
            "WITH RECURSIVE seq(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM seq WHERE n < :last) {} FROM seq s"
        )
        to_text = "CAST({} AS TEXT)"
    else:
        numbers = "{} FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS s(n)"
        to_text = "CAST({} AS text)"
    n, spread = to_text.format("s.n"), "(s.n * 7919 % 1000003)"
    mails = (
        f"SELECT 'm-' || {n}, 'k' || {n}, 's', 1000, '{{}}', {START} + s.n * 1000000, {STATUS.format(n='s.n')}, "
        f"'a reason', CASE WHEN s.n % 3 = 0 THEN 'sales@larkspur.example' ELSE 'support@larkspur.example' END, "
        f"'a' || {to_text.format('s.n % 5000')} || '@customer.example', 'Ann', 'Question ' || {n}, '1'"
    )
    words = (
        f"SELECT 'm-' || {n}, 'm-' || {n}, 'common question seed' || {n} || ' w' || {to_text.format('s.n % 5000')} "
        f"|| ' w' || {to_text.format('s.n % 7')}"
    )

    def into(head: str, select: str, which: str = "") -> str:
        if database.is_sqlite:
            before, _, after = numbers.partition(" {}")
            return f"INSERT INTO {head} {before} {select}{after}{which}"
        return f"INSERT INTO {head} {numbers.format(select)}{which}"

    return [
        into(
            "mail (id, door_key, sha256, size, envelope, received_at, status, status_reason, mailbox, author, "
            "author_name, subject, version)",
            mails,
        ),
        into(
            "intent (mail_id, data, model, prompt_version, created_at)",
            f"SELECT 'm-' || {n}, CAST(:intent AS {'TEXT' if database.is_sqlite else 'json'}), 'seed', '1', {START}",
        ),
        into(
            "draft (id, mail_id, conversation_id, mailbox, origin, state, proposal, judgement, reasons, thread_head, "
            "policy_version, approval_hash, created_at)",
            f"SELECT 'd-' || {n}, 'm-' || {n}, 'c-seed', 'support@larkspur.example', 'model', 'unseen', '{{}}', "
            f"'{{}}', '[]', '', '', '', {START} + s.n * 1000000",
            " WHERE s.n % 100 < 40",
        ),
        into("handling (mail_id, team)", f"SELECT 'm-' || {n}, 'shop'", " WHERE s.n % 500 = 0"),
        into("mail_tag (mail_id, tag)", f"SELECT 'm-' || {n}, 'vip'", " WHERE s.n % 1000 = 0"),
        into("mail_tag (mail_id, tag)", f"SELECT 'm-' || {n}, 'urgent'", " WHERE s.n % 2000 = 1"),
        into("mail_mark (mail_id, mark)", f"SELECT 'm-' || {n}, 'sure:90'", f" WHERE {spread} % 20 > 0"),
        into("mail_mark (mail_id, mark)", f"SELECT 'm-' || {n}, 'sure:60'", f" WHERE {spread} % 20 = 0"),
        into("mail_mark (mail_id, mark)", f"SELECT 'm-' || {n}, 'intent:order_status'", f" WHERE {spread} % 300 > 0"),
        into("mail_mark (mail_id, mark)", f"SELECT 'm-' || {n}, 'intent:refund'", f" WHERE {spread} % 300 = 0"),
        into("mail_mark (mail_id, mark)", f"SELECT 'm-' || {n}, 'risk:any'", f" WHERE {spread} % 70 = 0"),
        into("searched (ref, mail_id, words)", words),
    ]


async def seed(database: Database, mails: int) -> None:
    """One conversation for all: the desk's lists do not look at conversations."""
    async with database.write() as tx:
        await tx.execute(
            text(
                "INSERT INTO conversation (id, mailbox, correspondent, subject_key, head_mail_id, created_at, "
                "updated_at) VALUES ('c-seed', '', '', '', '', 0, 0)"
            )
        )
    for first in range(1, mails + 1, CHUNK):
        bounds = {"first": first, "last": min(first + CHUNK - 1, mails)}
        async with database.write(aside=True) as tx:
            for statement in statements(database):
                given = {**bounds, "intent": intent()} if ":intent" in statement else bounds
                await tx.execute(text(statement), given)


async def settle(database: Database, url: str) -> None:
    """What PostgreSQL does by itself after a while; SQLite is used without statistics, as Postroom uses it."""
    if database.is_sqlite:
        return
    import psycopg

    async with await psycopg.AsyncConnection.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        await connection.execute("VACUUM (ANALYZE)")


async def of_one_mailbox(parts: Parts) -> str:
    """The session of a reviewer who was given one of both mailboxes."""
    link = await people.invite(parts, "rita", PersonRole.REVIEWER, ["support@larkspur.example"], by="bench")
    assert isinstance(link, people.Link)
    await people.settle(parts, link.token, "rita", secrets.token_urlsafe(12))
    entered = await entering.begin_for(parts, link.person.id)
    assert isinstance(entered, entering.Entered)
    return entered.token


async def timed(client: httpx2.AsyncClient, path: str) -> tuple[float, str]:
    begun = time.perf_counter()
    answer = await client.get(path)
    answer.raise_for_status()
    return (time.perf_counter() - begun) * 1000, answer.text


async def measured(client: httpx2.AsyncClient, path: str) -> list[float]:
    """The page, and those that follow it."""
    found, link = [], path
    for _ in range(ROUNDS):
        took, page = await timed(client, link)
        found.append(took)
        more = re.search(r'href="(/[^"]+(?:after|below)=[^"]+)"', page)
        link = more[1].replace("&amp;", "&") if more else path
    return sorted(found)


def told(name: str, times: list[float], bound: float) -> bool:
    p95 = times[int(len(times) * 0.95)]
    good = p95 < bound
    print(f"{name:42} median {times[len(times) // 2]:7.1f} ms   p95 {p95:7.1f} ms   {'ok' if good else 'TOO SLOW'}")
    return good


async def main(mails: int, url: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        config = Config.model_validate(
            {
                "postroom": {"tenant_id": "bench", "data_dir": folder},
                "store": {"url": url},
                "listener": {"port": 0},
                "desk": {"port": 0},
                "courier": {"kind": "maildir", "path": Path(folder) / "replies"},
                "mailbox": [
                    {"address": "support@larkspur.example", "playbook": Path("fixtures/playbook")},
                ],
            }
        )
        async with opened(config) as database:
            begun = time.perf_counter()
            await seed(database, mails)
            await settle(database, url)
            print(f"{mails} mails in {time.perf_counter() - begun:.0f} s, {'SQLite' if database.is_sqlite else url}")
            service = assemble(build(config, database=database), open_courier(config.courier))
            service.sessions.opener = await stand_in(service.parts, "bench")
            assert service.desk is not None
            port = service.desk.getsockname()[1]
            async with (
                serving(Desk(service.parts, service.sessions).app(), service.desk),
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120) as client,
            ):
                await client.get("/", params={"token": service.sessions.token})
                fine = [told(view, await measured(client, f"/?view={view}"), QUEUE_MS) for view in VIEWS]
                fine += [
                    told(f"search {one}", await measured(client, f"/search?q={one}"), SEARCH_MS) for one in QUESTIONS
                ]
                client.cookies.set(COOKIE, await of_one_mailbox(service.parts), domain="127.0.0.1")
                fine += [
                    told(f"of one mailbox: {one}", await measured(client, f"/?view={one}"), QUEUE_MS) for one in OF_ONE
                ]
                fine += [
                    told(f"of one mailbox: search {one}", await measured(client, f"/search?q={one}"), SEARCH_MS)
                    for one in QUESTIONS
                ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(asyncio.run(main(int(given[0]) if given else 1_000_000, given[1] if len(given) > 1 else "")))
