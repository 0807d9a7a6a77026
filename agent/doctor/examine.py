"""All that the doctor looks at, at once, each with its own end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from functools import partial

from agent.config import Config
from agent.doctor import dns, machine
from agent.doctor.finding import Finding, Health, fail, ok, sick, skipped, warn
from agent.keys import KeyFileError
from agent.serve import opened, prove_clock, utc_now
from agent.store.database import DatabaseError
from inbound.contracts import Resolver
from inbound.resolver import DnsResolver
from outbound.dkim import DkimKeyError, load_keys
from outbound.settings import REBUILT, is_loopback

SECONDS = 20.0
SHORT_SECRET = 16


async def examine(config: Config, domains: Sequence[str], resolver: Resolver) -> list[Finding]:
    """Every finding, in a fixed order, whatever takes longest."""
    groups: list[Awaitable[list[Finding]]] = [_dns(config, one, resolver) for one in domains]
    groups += [
        machine.courier(config.courier),
        machine.model(config.model),
        machine.spam_filter(config.spam),
        _store(config),
        _ports(config),
    ]
    found = [one for group in await asyncio.gather(*map(_ended, groups)) for one in group]
    return [*found, *await asyncio.to_thread(machine.disk, config.postroom.data_dir), *secrets(config)]


async def _ended(work: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(SECONDS):
            return await work
    except TimeoutError:
        return [skipped("time", f"a look took more than {SECONDS:.0f} s and was left")]


async def _dns(config: Config, domain: str, resolver: Resolver) -> list[Finding]:
    looks = [
        dns.asked("MX", lambda: dns.mx(resolver, domain, _host(config, domain))),
        dns.asked("SPF", lambda: dns.spf(resolver, domain)),
        dns.asked("DMARC", lambda: dns.dmarc(resolver, domain)),
    ]
    found = list(await asyncio.gather(*looks))
    if config.courier.kind in REBUILT:
        kind = config.courier.kind
        said = f"{kind} signs with a key of its own, whose records its page of this domain shows and verifies"
        return _about(domain, [*found, skipped("DKIM", f"{said}; [dkim] signs nothing that leaves by it")])
    try:
        keys = [key for key in load_keys(config.dkim) if domain == key.domain or domain.endswith(f".{key.domain}")]
    except DkimKeyError as error:
        return [*found, fail("DKIM", str(error), "[dkim]")]
    if not keys:
        found.append(warn("DKIM", f"no key of ours signs for {domain}", f"postroom dkim new {domain}"))
    found += [await dns.asked(f"DKIM {key.selector}", partial(dns.dkim, resolver, key)) for key in keys]
    if not is_loopback(config.listener.host) and config.listener.hostname != "localhost":
        found.append(await dns.asked("PTR", lambda: dns.ptr(resolver, config.listener.hostname)))
    return _about(domain, found)


def _about(domain: str, found: Sequence[Finding]) -> list[Finding]:
    return [Finding(one.health, f"{domain} {one.about}", one.said, one.set_) for one in found]


def _host(config: Config, domain: str) -> str:
    """What the MX record is to name."""
    return f"mail.{domain}" if config.listener.hostname == "localhost" else config.listener.hostname


async def _store(config: Config) -> list[Finding]:
    try:
        async with opened(config) as database:
            await prove_clock(database, utc_now(), timedelta(seconds=config.worker.lease_seconds))
            return [ok("store", "the database answers, with its newest schema and our keys")]
    except (DatabaseError, KeyFileError, OSError) as error:
        return [fail("store", str(error), "[store]")]


async def _ports(config: Config) -> list[Finding]:
    found = [
        await machine.port(config.listener.host, config.listener.port, "listener.port"),
        await machine.port(config.desk.host, config.desk.port, "desk.port"),
    ]
    if config.webhooks:
        found.append(await machine.port(config.webhook_door.host, config.webhook_door.port, "webhooks.port"))
    return found


def secrets(config: Config) -> list[Finding]:
    """Whether the webhooks' secrets are long, and not the same twice."""
    found: list[Finding] = []
    known: dict[str, str] = {}
    for one in config.webhooks:
        about, secret = f"webhook {one.provider}", one.secret.get_secret_value()
        if not secret:
            found.append(ok(about, "proven by a key"))
        elif secret in known:
            found.append(fail(about, f"it has the same secret as {known[secret]}", "one of its own"))
        elif len(secret) < SHORT_SECRET:
            found.append(warn(about, f"its secret has {len(secret)} characters", "32 random ones"))
        else:
            found.append(ok(about, "its secret is long enough"))
        known.setdefault(secret, one.provider)
    return found


async def doctor(config: Config, domain: str, *, as_json: bool) -> int:
    """Print the findings; exit code 1 where one of them is a failure."""
    domains = [domain.lower()] if domain else _domains(config)
    findings = await examine(config, domains, DnsResolver(timeout_seconds=config.identity.dns_timeout_seconds))
    if as_json:
        rows = [{"health": one.health, "about": one.about, "said": one.said, "set": one.set_} for one in findings]
        print(json.dumps(rows, indent=1, ensure_ascii=False))  # noqa: T201 (the command's product)
    else:
        for one in findings:
            print(f"{one.health.value:<8} {one.about}: {one.said}")  # noqa: T201
            if one.set_ and one.health is not Health.OK:
                print(f"{'':<8}   set: {one.set_}")  # noqa: T201
        print(_sum(findings))  # noqa: T201
    return 1 if sick(findings) else 0


def _sum(findings: Sequence[Finding]) -> str:
    count = {health: sum(one.health is health for one in findings) for health in Health}
    return ", ".join(f"{n} {health.value}" for health, n in count.items() if n) or "nothing was looked at"


def _domains(config: Config) -> list[str]:
    return list(dict.fromkeys(one.address.rpartition("@")[2] for one in config.mailboxes))
