"""Parts of one Postroom in several processes: they meet in the database, wake each other, and outlive its restart."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import serve as serving
from agent import worker
from agent.demo_world import static_zone
from agent.keys import KeyFileError
from agent.roles import ALL, Role, roles
from agent.serve import Service, assemble, build, opened, prove_clock, running
from agent.states import MailStatus
from agent.store.database import Database, DatabaseError
from inbound.contracts import StoreUnavailableError
from inbound.resolver import StaticZone
from outbound.couriers.registry import open_courier
from tests.agent.postgres import PASSWORD, Server
from tests.agent.postroom import HOURS, SIGNED, Clock, House, configuration, house, keys


@asynccontextmanager
async def node(folder: Path, wanted: frozenset[Role], clock: Clock) -> AsyncIterator[Service]:
    """A running part of the house in `folder`, with a connection of its own to the database."""
    config = configuration(folder)
    zone = StaticZone(static_zone({"customer.example": "reject", "larkspur.example": "reject"}, SIGNED, keys()))
    async with opened(config) as database:
        parts = replace(build(config, database=database, resolver=zone), now=clock)
        service = assemble(parts, open_courier(config.courier), wanted)
        async with running(service):
            yield service


@asynccontextmanager
async def apart(folder: Path) -> AsyncIterator[House]:
    """Door, worker and sender, each a service of its own; the door's, as a house that takes mail."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        for one in (Role.WORKER, Role.SENDER):
            await stack.enter_async_context(node(folder, frozenset({one}), clock))
        yield House(await stack.enter_async_context(node(folder, frozenset({Role.DOOR}), clock)), clock)


async def becomes(home: House, mail_id: str, wanted: MailStatus, *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while (await home.mail(mail_id)).status is not wanted:  # noqa: ASYNC110 (a row changes without an event)
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("both_databases")
async def test_parts_in_several_processes_answer_a_mail(tmp_path: Path) -> None:
    """The door stores it, the worker drafts, the sender delivers: on one SQLite file as on PostgreSQL."""
    async with apart(tmp_path) as home:
        assert home.service.door.port
        assert not home.service.desk_link
        mail_id = await home.receive(HOURS)
        await becomes(home, mail_id, MailStatus.ANSWERED)
        assert len(home.replies()) == 1


@pytest.mark.usefixtures("on_postgresql")
async def test_a_process_wakes_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody polls here for an hour: what wakes worker and sender is the bell."""
    monkeypatch.setattr(worker, "POLL_SECONDS", 3600)
    monkeypatch.setattr(serving, "POLL_SECONDS", 3600)
    async with apart(tmp_path) as home:
        for _ in range(3):
            await becomes(home, await home.receive(HOURS), MailStatus.ANSWERED, seconds=10)


async def refused(work: Callable[[], object]) -> None:
    """Wait until the store is noticed to be away."""
    async with asyncio.timeout(10):
        while True:
            try:
                await work()  # type: ignore[misc]  # each given one is a coroutine function
            except StoreUnavailableError:
                return


async def test_a_server_that_is_away_costs_a_451_and_no_restart(
    tmp_path: Path, on_postgresql: object, postgres_server: Server
) -> None:
    """It crashed: peers keep their mail meanwhile; when it is back, what was acknowledged is there and all goes on."""
    async with apart(tmp_path) as home:
        await becomes(home, await home.receive(HOURS), MailStatus.ANSWERED)
        postgres_server.stop(signal.SIGQUIT)
        try:
            await refused(lambda: home.receive(HOURS))
            with pytest.raises(DatabaseError, match="does not answer"):
                await home.parts.database.ping()
        finally:
            postgres_server.start()
        await becomes(home, await home.receive(HOURS), MailStatus.ANSWERED, seconds=60)
        assert len(home.replies()) == 2


@pytest.mark.usefixtures("both_databases")
async def test_a_node_with_other_keys_does_not_start(tmp_path: Path) -> None:
    """It would seal what the others refuse; the message says which folder and what to do."""
    async with house(tmp_path):
        pass
    (tmp_path / "keys" / "seal.key").unlink()
    with pytest.raises(KeyFileError, match=r"keys.*\(seal\).*copy them"):
        async with opened(configuration(tmp_path)):
            pass


async def test_a_password_opens_and_a_wrong_one_is_not_repeated(on_postgresql: object, postgres_server: Server) -> None:
    """It goes to the driver alone and stands in no message."""
    url = postgres_server.url("postgres", user="secured")
    right, wrong = Database(url, password=PASSWORD), Database(url, password="not-the-one")
    await right.ping()
    with pytest.raises(DatabaseError, match="password authentication failed") as told:
        await wrong.ping()
    assert "not-the-one" not in str(told.value)
    await right.close()
    await wrong.close()


async def test_a_server_that_does_not_keep_commits_is_refused(on_postgresql: object, postgres_server: Server) -> None:
    """Mail is acknowledged after its commit, so a commit has to be on the disk."""
    postgres_server.execute("ALTER SYSTEM SET fsync = off")
    postgres_server.stop()
    postgres_server.start()
    database = Database(postgres_server.url("postgres"))
    try:
        with pytest.raises(DatabaseError, match="fsync is off"):
            await database.ping()
    finally:
        await database.close()
        postgres_server.execute("ALTER SYSTEM RESET fsync")
        postgres_server.stop()
        postgres_server.start()


@pytest.mark.usefixtures("both_databases")
async def test_a_clock_that_differs_from_the_databases_is_refused(tmp_path: Path) -> None:
    """Leases are compared by the clocks of many machines; SQLite is on the one machine that there is."""
    async with house(tmp_path) as home:
        database = home.parts.database
        await prove_clock(database, datetime.now(UTC), timedelta(seconds=20))
        late = prove_clock(database, datetime.now(UTC) + timedelta(seconds=15), timedelta(seconds=20))
        if database.is_sqlite:
            await late
        else:
            with pytest.raises(DatabaseError, match=r"1[45]\.\d s from the database's"):
                await late


def test_roles_are_named_with_commas() -> None:
    """None means all; an unknown one is named with those that there are."""
    assert roles("") == ALL
    assert roles("door, worker") == {Role.DOOR, Role.WORKER}
    with pytest.raises(ValueError, match="no role 'dor'; there are door, worker, sender, desk"):
        roles("dor")
