"""The composition root: builds the parts, starts them in one loop, stops them in order.

Rules:
- What cannot work says so before any port opens.
- Doors close first, then work in hand ends, then the sender, then the store: nothing acknowledged is lost by stopping.
- A part that dies unexpectedly stops the service with its name; a supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog

from agent import approval, breaker, canary, credentials, noticing, people, run, triage
from agent.audit import Audit
from agent.config import Config
from agent.delivery import StoredOutbox
from agent.intake import DoorIntake
from agent.keys import KeyFileError, Keys
from agent.lookups import Lookups
from agent.models.base import Model
from agent.models.playbook import PlaybookModel
from agent.parts import Addresses, Parts, rules_of
from agent.playbook import Playbook, load
from agent.reported import reported
from agent.retention import prune
from agent.roles import ALL, Role
from agent.states import JobKind
from agent.store import keyring
from agent.store.bell import Bell
from agent.store.database import Database, DatabaseError
from agent.store.migrate import migrate
from agent.switch import asked_before_data
from agent.verify import Anchoring
from agent.wake import Wake
from agent.web.app import Desk
from agent.web.hooks import Hooks
from agent.web.server import bind, reached_at, serving
from agent.web.session import Sessions
from agent.worker import POLL_SECONDS, Worker
from inbound import containment
from inbound.contracts import Resolver
from inbound.listener import CannotListenError, Door, tls_context
from inbound.resolver import DnsResolver
from inbound.rspamd import Rspamd
from inbound.settings import WebhookSettings
from inbound.webhooks.door import WebhookDoor
from inbound.webhooks.fetching import HttpFetcher
from outbound.contracts import Courier
from outbound.couriers.registry import open_courier
from outbound.dkim import load_keys
from outbound.sender import send_due

log = structlog.get_logger()

EXPIRY_SECONDS = 60.0
NOTICE_SECONDS = 5.0
STOP_SECONDS = 30.0
"""For deliveries in hand when the service ends."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def build(
    config: Config,
    *,
    database: Database,
    model: Model | None = None,
    resolver: Resolver | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Parts:
    """Build the parts from a valid configuration. Raises the error of whichever part cannot work."""
    playbooks = {mailbox.address: load(mailbox.playbook) for mailbox in config.mailboxes}
    keys = Keys.open(config.postroom.data_dir / "keys")
    return Parts(
        config=config,
        database=database,
        keys=keys,
        audit=Audit(keys.audit),
        model=model or _model(config, playbooks),
        playbooks=playbooks,
        rules={mailbox.address: rules_of(config, mailbox) for mailbox in config.mailboxes},
        resolver=resolver or DnsResolver(timeout_seconds=config.identity.dns_timeout_seconds),
        dkim_keys=load_keys(config.dkim),
        now=now,
        wake=Wake(),
        lookups=Lookups(config.lookups),
        rspamd=Rspamd(config.spam),
    )


def _model(config: Config, playbooks: Mapping[str, Playbook]) -> Model:
    """The configured model; its library is loaded where it is used alone."""
    if config.model.chosen == "playbook":
        return PlaybookModel(playbooks)
    from agent.models.openai import OpenAIModel

    return OpenAIModel(config.model, concurrency=2 * config.worker.workers)


@dataclass
class Service:
    """A running Postroom."""

    parts: Parts
    intake: DoorIntake
    door: Door
    triager: Worker
    runner: Worker
    outbox: StoredOutbox
    courier: Courier
    desk: socket.socket | None
    """Bound and not yet answered; None without that role."""
    hooks: socket.socket | None
    """For webhooks, alike; None where no provider is configured."""
    fetcher: HttpFetcher
    sessions: Sessions
    roles: frozenset[Role] = ALL
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service ends: no further delivery is begun."""

    @property
    def desk_link(self) -> str:
        """Where a browser on this machine opens the desk; empty without that role.

        Where the sessions have an opener, who has this link is let in as them.
        """
        if self.desk is None:
            return ""
        token = f"?token={self.sessions.token}" if self.sessions.opener else ""
        return f"http://{reached_at(self.desk)}/{token}"

    async def desk_lines(self) -> list[str]:
        """Where people open the desk; until somebody owns it, the one-time link that makes its owner."""
        if self.desk is None:
            return []
        token = await people.owner_token(self.parts)
        if not token:
            return [f"The desk: {self.desk_link}"]
        return [f"The desk: make it yours by this link, once, within 24 hours: {self.desk_link}link/{token}"]

    @property
    def hook_lines(self) -> list[str]:
        """Where each provider posts, and by what it proves itself."""
        if self.hooks is None:
            return []
        return [
            f"Webhook {one.provider}: http://{reached_at(self.hooks)}/inbound/{one.provider} ({_proof(one)})"
            for one in self.parts.config.webhooks
        ]


def _proof(webhook: WebhookSettings) -> str:
    if not webhook.by_password:
        return "signed"
    return "it signs nothing: HTTP basic with the secret as password, or the secret behind the path"


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Database]:
    """The configured database at the newest schema, closed at the end. Raises for one that other keys wrote."""
    database = _database(config)
    try:
        await database.ping()
        await migrate(database)
        folder = config.postroom.data_dir / "keys"
        if others := await keyring.differing(database, Keys.open(folder).fingerprints()):
            raise KeyFileError(
                f"the keys in {folder} are not those that the database was written with ({', '.join(others)}): "
                "copy them from the machine that made it, or from the backup"
            )
        yield database
    finally:
        await database.close()


async def prove_clock(database: Database, now: datetime, lease: timedelta) -> None:
    """Raise DatabaseError where this machine's clock is so wrong that its leases end at another time than it thinks."""
    there = await database.clock()
    if there is not None and abs(there - now) > lease / 4:
        off = abs(there - now).total_seconds()
        raise DatabaseError(
            f"the clock of this machine is {off:.1f} s from the database's: leases would end too early or too late; "
            "set both by NTP"
        )


def _database(config: Config) -> Database:
    store = config.store
    if not store.url:
        return Database.sqlite(config.postroom.data_dir / "postroom.db")
    return Database(store.url, password=store.password.get_secret_value(), pool_size=store.pool_size)


def assemble(parts: Parts, courier: Courier, roles: frozenset[Role] = ALL) -> Service:
    """Put the parts together; the desk's port is bound, nothing runs yet. Raises DeskPortBusyError."""
    config = parts.config
    desk = bind(config.desk.host, config.desk.port) if Role.DESK in roles else None
    hooks = _hooks_socket(config) if Role.DOOR in roles and config.webhooks else None
    lease = timedelta(seconds=config.worker.lease_seconds)
    intake = DoorIntake(parts.database, Addresses(config, parts.keys.token), lambda: parts.wake.set(JobKind.TRIAGE))

    def worker(kind: JobKind, handler: Any, burial: Any) -> Worker:
        return Worker(
            database=parts.database,
            kind=kind,
            handler=lambda job: handler(parts, job),
            burial=lambda job, reason: burial(parts, job, reason),
            wake=parts.wake,
            now=parts.now,
            lease=lease,
            width=config.worker.workers,
        )

    longest = timedelta(seconds=config.courier.longest_attempt_seconds + 60)
    return Service(
        parts=parts,
        intake=intake,
        door=Door(config.listener, intake, clock=parts.now, tls=_tls(config) if Role.DOOR in roles else None),
        triager=worker(JobKind.TRIAGE, triage.triage, triage.bury),
        runner=worker(JobKind.RUN, run.work, run.bury),
        outbox=StoredOutbox(parts, longest),
        courier=courier,
        desk=desk,
        hooks=hooks,
        fetcher=HttpFetcher(),
        sessions=Sessions(parts, _hosts(config, desk), secure=config.desk.secure_cookies),
        roles=roles,
    )


def _hooks_socket(config: Config) -> socket.socket:
    where = config.webhook_door
    return bind(where.host, where.port, what="the webhook door", setting="[webhooks] port")


def _hosts(config: Config, desk: socket.socket | None) -> set[str]:
    """Host headers that the desk answers."""
    if desk is None:
        return set()
    port = desk.getsockname()[1]
    return {
        reached_at(desk),
        *(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")),
        *config.desk.allowed_hosts,
    }


def _tls(config: Config) -> ssl.SSLContext | None:
    """The certificate that the door offers. Raises CannotListenError for one that cannot be used."""
    try:
        return tls_context(config.listener)
    except OSError as error:
        where = config.listener.tls_certificate
        raise CannotListenError(f"[listener] tls_certificate {where} or its key cannot be used: {error}") from error


async def send_all(service: Service) -> None:
    """Send what falls due, until cancelled. Trouble of the store is waited out: what is due stays due."""
    parts = service.parts
    while not service.stopping.is_set():
        try:
            busy = await send_due(service.outbox, service.courier, parts.now, key=parts.keys.seal)
        except Exception as error:  # noqa: BLE001 (an attempt without an outcome is in doubt; the others go on)
            log.error("sender.failed", error=type(error).__name__)
            busy = False
        if not busy:
            await parts.wake.wait(JobKind.DELIVER, POLL_SECONDS)


async def tell_all(service: Service) -> None:
    """Send notices to the operator's own people, until cancelled."""
    lease = timedelta(seconds=service.parts.config.courier.longest_attempt_seconds + 60)
    while not service.stopping.is_set():
        try:
            busy = await noticing.send(service.parts, service.courier, lease) > 0
        except Exception as error:  # noqa: BLE001 (it stays due)
            log.error("notices.failed", error=type(error).__name__)
            busy = False
        if not busy:
            await asyncio.sleep(NOTICE_SECONDS)


async def expire_all(service: Service) -> None:
    """End runs whose time is over and forget what is past its own, once a minute, until cancelled."""
    anchoring = Anchoring(service.parts)
    while True:
        try:
            await run.expire(service.parts)
            await breaker.look(service.parts)
            await prune(service.parts)
            await anchoring.work()
            await noticing.look(service.parts)
            await canary.watch(service.parts)
        except Exception as error:  # noqa: BLE001 (the next minute tries again)
            log.error("expiry.failed", error=type(error).__name__)
        await asyncio.sleep(EXPIRY_SECONDS)


def warm(model: Model, roles: frozenset[Role]) -> None:
    """Import what the first mail would otherwise wait for, and the doors with it; takes a second or so."""
    from agent.models.openai import OpenAIModel

    credentials.plugins()
    if isinstance(model, OpenAIModel) and Role.WORKER in roles:
        model.load()
    _settle()


def _settle() -> None:
    """Leave what is loaded by now to no further collection, and look for cycles ten times less often.

    Of a turn's processor time a fifth went into looking through modules that stay. Cycles are few here: requests,
    mails and rows end with their last reference.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Start everything; stop it in order when the block ends. A part that dies ends the block with its error."""
    parts = service.parts
    try:
        await asyncio.to_thread(warm, parts.model, service.roles)
        if Role.DOOR in service.roles:
            await service.door.start()
        if Role.WORKER in service.roles:
            await approval.rejudge(parts)
        async with asyncio.TaskGroup() as group:
            intake = group.create_task(service.intake.run(), name="intake")
            work = [group.create_task(one, name=name) for name, one in _work(service).items()]
            sending = [group.create_task(send_all(service), name=f"sender {n}") for n in range(senders(service))]
            try:
                async with _hooks(service), _desk(service):
                    yield
            finally:
                await service.door.stop()
                intake.cancel()
                await _end_senders(service, sending)
                for task in work:
                    task.cancel()
    finally:
        if service.desk is not None:
            service.desk.close()
        if service.hooks is not None:
            service.hooks.close()
        await service.fetcher.close()
        containment.close()
        await service.courier.close()
        await parts.model.close()
        await parts.lookups.close()
        await parts.rspamd.close()


def _work(service: Service) -> dict[str, Coroutine[Any, Any, None]]:
    """What runs until the service ends, by name."""
    found: dict[str, Coroutine[Any, Any, None]] = {}
    if Role.WORKER in service.roles:
        found = {"triage": service.triager.run(), "runs": service.runner.run(), "expiry": expire_all(service)}
    if Role.SENDER in service.roles:
        found["notices"] = tell_all(service)
    if not service.parts.database.is_sqlite:
        bell = Bell(service.parts.database)
        found |= {"bell": ring_all(service.parts.wake, bell), "ear": bell.listen(hearing(service.parts.wake))}
    return found


def senders(service: Service) -> int:
    return service.parts.config.worker.senders if Role.SENDER in service.roles else 0


@asynccontextmanager
async def _desk(service: Service) -> AsyncIterator[None]:
    if service.desk is None:
        yield
        return
    desk = Desk(service.parts, service.sessions)
    async with serving(desk.app(), service.desk):
        try:
            yield
        finally:
            await desk.close()


@asynccontextmanager
async def _hooks(service: Service) -> AsyncIterator[None]:
    if service.hooks is None:
        yield
        return
    config, parts = service.parts.config, service.parts
    door = WebhookDoor(
        config.webhooks,
        service.intake,
        fetcher=service.fetcher,
        events=partial(reported, parts),
        clock=parts.now,
        max_message_bytes=config.listener.max_message_bytes,
    )
    hooks = Hooks(door, config.webhook_door, config.webhooks, config.listener.max_buffered_bytes)
    async with serving(hooks.app(), service.hooks):
        yield


async def ring_all(wake: Wake, bell: Bell) -> None:
    """Tell other processes what was made here, until cancelled."""
    while True:
        await bell.ring(await wake.news())


def hearing(wake: Wake) -> Callable[[list[str]], None]:
    """What to do with what others rang: wake those whom it names, all where something was missed."""

    def heard(words: list[str]) -> None:
        wake.heard(*(kind for kind in JobKind if kind in words or not words))

    return heard


async def _end_senders(service: Service, senders: list[asyncio.Task[None]]) -> None:
    """Let deliveries in hand have their outcome; what takes longer than `STOP_SECONDS` is in doubt."""
    service.stopping.set()
    service.parts.wake.set(JobKind.DELIVER)
    if senders:
        await asyncio.wait(senders, timeout=STOP_SECONDS)
    for task in senders:
        task.cancel()


async def serve(config: Config, roles: frozenset[Role] = ALL) -> int:
    """Run these parts of Postroom until SIGTERM or SIGINT."""
    stop = stop_signal()
    async with opened(config) as database:
        await prove_clock(database, utc_now(), timedelta(seconds=config.worker.lease_seconds))
        courier = open_courier(config.courier, asked_before_data(database))
        service = assemble(build(config, database=database), courier, roles)
        async with running(service):
            log.info(
                "postroom.up",
                roles=",".join(sorted(roles)),
                mail=f"{config.listener.host}:{service.door.port}" if service.door.port else "",
                model=config.model.told,
                courier=config.courier.kind,
            )
            for line in [*service.hook_lines, *await service.desk_lines()]:
                print(line, flush=True)  # noqa: T201 (for the person at the terminal, not the log)
            await stop.wait()
        log.info("postroom.down")
    return 0


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
