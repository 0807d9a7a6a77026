"""`postroom demo`: the whole service on loopback, fed with fixture mails through its own SMTP port.

Rules:
- Its own folder (./data/demo), made afresh on each run, and only behind a marker file of its own.
- Always the playbook, whatever keys are set in the environment.
- Identity is proven, not assumed: the fixtures are signed at run time, and resolved through a static zone that only
  this module hands over.
- It ends with the truth: a table of what became of each mail and why, where the replies lie, what waits.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import aiosmtplib
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.config import Config, load
from agent.demo_orders import order_service
from agent.demo_report import Row, closing, console, show
from agent.demo_team import DemoClock, work
from agent.demo_world import DemoKeys, Fixture, demo_zone, load_fixtures
from agent.mistakes import DemoError
from agent.people import stand_in
from agent.serve import Service, assemble, build, opened, running, stop_signal
from agent.states import MailStatus
from agent.store import drafts, mails
from agent.switch import asked_before_data
from agent.web.server import DeskPortBusyError
from inbound.listener import CannotListenError
from inbound.resolver import StaticZone
from outbound.couriers.registry import open_courier

CONFIG = "fixtures/demo.toml"
MARKER = ".made-by-postroom-demo"
OPEN_STATUSES = (MailStatus.RECEIVED, MailStatus.WORKING, MailStatus.SENDING)
PATIENCE_SECONDS = 60.0


@contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Empty the demo's own folder and hold it. Raises DemoError for one that it did not make, or that is in use."""
    marker = folder / MARKER
    if folder.exists() and any(folder.iterdir()):
        if not marker.exists():
            raise DemoError(f"{folder} exists and was not made by the demo (no {MARKER} in it); move it away")
        with marker.open() as old:
            _hold(old, folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with marker.open("w") as held:
        held.write("The demo empties this folder at each start.\n")
        held.flush()
        _hold(held, folder)
        yield


def _hold(marker: TextIO, folder: Path) -> None:
    """Lock the marker until it is closed; another demo at work has it locked."""
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DemoError(f"a demo is at work on {folder}: end it with Ctrl-C, or look at its desk") from None


async def demo(once: bool) -> int:
    """Run the demo; 0 when every mail had its outcome. Raises DemoError where it cannot go on."""
    try:
        return await _demo(once)
    except* (CannotListenError, DeskPortBusyError) as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise DemoError(str(first).replace("config.toml", CONFIG)) from None


async def _demo(once: bool) -> int:
    """Start the service, send the fixtures, tell what became of them."""
    out = console()
    root = Path.cwd()
    if not (root / CONFIG).exists():
        raise DemoError(f"there is no {CONFIG} here: run the demo from Postroom's own folder")
    config = load(root / CONFIG, {})  # an empty environment: no key of yours is used
    with fresh_folder(config.postroom.data_dir):
        return await _shown(out, root, config, once=once)


async def _shown(out: Console, root: Path, config: Config, *, once: bool) -> int:
    fixtures = load_fixtures(root / "fixtures" / "mail")
    keys = DemoKeys()
    zone = StaticZone(demo_zone(root / "fixtures" / "mail", fixtures, keys))
    stop = stop_signal()
    async with opened(config) as database:
        clock = DemoClock()
        parts = replace(build(config, database=database, resolver=zone), now=clock)
        service = assemble(parts, open_courier(config.courier, asked_before_data(database)))
        service.sessions.opener = await stand_in(parts, "demo")
        async with order_service(config.lookups[0].url), running(service):
            out.print(
                f"Postroom is up: mail on {config.listener.host}:{service.door.port}, desk on {service.desk_link}"
            )
            out.print(f"Model: {parts.model.name} (rules and texts of fixtures/playbook; no network, no key)")
            rows = await _send_all(out, service, fixtures, keys, clock)
            show(out, rows)
            async with database.read() as tx:
                waiting = await drafts.count_waiting(tx)
            closing(out, config, rows, waiting=waiting, desk=service.desk_link, stays=not once)
            if not once:
                await stop.wait()
    return 0 if all(row.settled for row in rows) else 1


async def _send_all(
    console: Console, service: Service, fixtures: Sequence[Fixture], keys: DemoKeys, clock: DemoClock
) -> list[Row]:
    """Send each fixture through our own SMTP port, in order, over some days, and follow each to its outcome."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    sent: dict[str, str] = {}
    now = service.parts.now()  # one a day: a copy of a mail has the Date of the first
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("sending", total=len(fixtures))
        for fixture in fixtures:
            progress.update(task, description=f"sending {fixture.name}")
            if clock.begins(fixture.name):
                await _settled(service, list(sent.values()))
                clock.turn(fixture.name)
                now = service.parts.now()
            if fixture.after:
                await _settled(service, [sent[fixture.after]])
            sent[fixture.name] = await _send(service, fixture, fixture.message(now, keys))
            progress.advance(task)
        task = progress.add_task("reading, deciding, sending replies", total=len(sent))
        await _settled(service, list(sent.values()), lambda done: progress.update(task, completed=done))
    await work(service.parts, sent)
    async with service.parts.database.read() as tx:
        return [await Row.of(tx, mail_id) for mail_id in sent.values()]


async def _send(service: Service, fixture: Fixture, data: bytes) -> str:
    """Deliver one fixture over SMTP; gives the id that the door's 250 names."""
    client = aiosmtplib.SMTP(
        hostname=service.parts.config.listener.host,
        port=service.door.port,
        start_tls=False,
        local_hostname="demo.example",
    )
    async with client:
        _, answer = await client.sendmail(fixture.envelope.mail_from, list(fixture.envelope.rcpt_to), data)
    return answer.split()[-1]


async def _settled(service: Service, mail_ids: Sequence[str], show: Callable[[int], object] = int) -> None:
    """Wait until no mail is in hand any more; raises DemoError after a minute without one getting there."""
    loop = asyncio.get_running_loop()
    settled, since = -1, loop.time()
    while settled < len(mail_ids):
        async with service.parts.database.read() as tx:
            found = [await mails.get(tx, mail_id) for mail_id in mail_ids]
        now_settled = sum(mail is not None and mail.status not in OPEN_STATUSES for mail in found)
        if now_settled != settled:
            settled, since = now_settled, loop.time()
            show(settled)
        elif loop.time() - since > PATIENCE_SECONDS:
            raise DemoError(f"{len(mail_ids) - settled} mails had no outcome within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)
