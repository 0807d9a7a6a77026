"""What this machine says: its disk, its clock, its ports, the servers that it reaches.

Rules:
- Nothing is sent, changed or paid for: the smarthost is greeted and left, a model server is asked for its models.
- Every look has a time limit; what takes longer is a finding, not a wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiosmtplib
import httpx2

from agent.doctor.finding import Finding, fail, ok, skipped, warn
from agent.models.settings import ModelSettings
from inbound.contracts import Envelope, SpamWord
from inbound.rspamd import Rspamd
from inbound.spam_settings import SpamSettings
from outbound.couriers.smtp import access_token
from outbound.settings import APIS, CourierSettings

SECONDS = 10.0
SYNCS = 20
SLOW_SYNC = 0.05
LITTLE = 1_000_000_000
"""Bytes free under which one should look."""
SOON = timedelta(days=14)
"""Before a certificate ends."""
OFF = timedelta(seconds=60)


def disk(folder: Path) -> list[Finding]:
    """Whether what is acknowledged is really on a disk, how long that takes, and how much room there is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kind, free = _kind(folder), shutil.disk_usage(folder).free
        took = _sync_seconds(folder)
    except OSError as error:
        return [fail("disk", f"{folder} cannot be written: {error.strerror}", "postroom.data_dir")]
    found = [
        fail("disk", f"{folder} lies in memory ({kind}): a restart of the machine loses all mail", "postroom.data_dir")
        if kind in {"tmpfs", "ramfs"}
        else ok("disk", f"{folder} lies on {kind or 'a disk'}")
    ]
    word = f"a write reaches the disk in {took * 1000:.1f} ms (median of {SYNCS})"
    if took > SLOW_SYNC:
        found.append(warn("fsync", f"{word}: every mail waits for it", "a disk with a battery-backed cache, or an SSD"))
    else:
        found.append(ok("fsync", word))
    room = f"{free / 1e9:.1f} GB are free"
    found.append(ok("room", room) if free > LITTLE else fail("room", f"only {room}", "make room: mail is refused"))
    return found


def _kind(folder: Path) -> str:
    """The file system's kind, where the machine tells."""
    best, kind = "", ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/mounts").read_text("utf-8", "replace").splitlines():
            _, mount, name, *_ = line.split(" ")
            place = str(folder.resolve())
            if (place == mount or place.startswith(mount.rstrip("/") + "/")) and len(mount) >= len(best):
                best, kind = mount, name
    return kind


def _sync_seconds(folder: Path) -> float:
    times = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return statistics.median(times)


async def port(host: str, number: int, about: str) -> Finding:
    """Whether the service listens there, or could."""
    if number == 0:
        return skipped(about, "port 0: any free one at each start")
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(host if host not in {"0.0.0.0", "::"} else "localhost", number)  # noqa: S104 (what is configured)
            writer.close()
        return ok(about, f"something listens on {host}:{number} (the service, if it runs)")
    except (OSError, TimeoutError):
        pass
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((host, number))
    except OSError as error:
        return fail(about, f"{host}:{number} cannot be listened on: {error.strerror}", f"another port for {about}")
    return ok(about, f"{host}:{number} is free; the service does not run")


async def courier(settings: CourierSettings) -> list[Finding]:
    """Whether the smarthost is there, by a name that its certificate carries, and takes our log-in."""
    if settings.kind in APIS:
        return [skipped("courier", f"{settings.kind}: nothing can be asked there without sending")]
    if settings.kind != "smtp":
        return [warn("courier", f"{settings.kind}: nothing leaves this machine", "courier.kind")]
    where = f"{settings.host}:{settings.port}"
    context = ssl.create_default_context(cafile=settings.ca_file)
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        timeout=SECONDS,
        use_tls=settings.tls == "tls",
        start_tls=settings.tls == "starttls",
        tls_context=context if settings.tls != "none" else None,
        local_hostname=settings.local_hostname,
    )
    try:
        await client.connect()
        found = [ok("courier", f"{where} answers{', over verified TLS' if settings.tls != 'none' else ''}")]
        found += _certificate(client)
        found.append(await _log_in(client, settings))
    except ssl.SSLCertVerificationError as error:
        return [fail("courier", f"{where}: its certificate is not valid: {error.verify_message}", "courier.ca_file")]
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in reason.upper():
            return [fail("courier", f"{where}: its certificate is not valid: {reason}", "courier.ca_file")]
        return [fail("courier", f"{where} cannot be used: {reason}", "courier.host, courier.port, courier.tls")]
    finally:
        client.close()
    return found


def _certificate(client: aiosmtplib.SMTP) -> list[Finding]:
    tls = client.get_transport_info("ssl_object")
    named = tls.getpeercert() if isinstance(tls, ssl.SSLObject) else None
    if not named:
        return []
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(named["notAfter"])), UTC) - datetime.now(UTC)
    if left < SOON:
        return [warn("certificate", f"the smarthost's ends in {left.days} days")]
    return [ok("certificate", f"the smarthost's is good for {left.days} days")]


async def _log_in(client: aiosmtplib.SMTP, settings: CourierSettings) -> Finding:
    if not settings.username:
        return ok("log-in", "none is configured")
    try:
        if settings.token_file is not None:
            await client.auth_xoauth2(settings.username, await access_token(settings.token_file))
        else:
            await client.login(settings.username, settings.password.get_secret_value())
    except aiosmtplib.SMTPException as error:
        return fail(
            "log-in",
            f"refused: {' '.join(str(error).split())[:200]}",
            "courier.username, courier.password or courier.token_file",
        )
    return ok("log-in", f"{settings.username} is let in")


async def model(settings: ModelSettings) -> list[Finding]:
    """Whether the model server answers, knows the model, and what time it has. Costs nothing."""
    if settings.chosen == "playbook":
        return [ok("model", "the playbook: nothing to reach")]
    base = (settings.base_url or "https://api.openai.com/v1").rstrip("/")
    headers = {"authorization": f"Bearer {key}"} if (key := settings.api_key.get_secret_value()) else {}
    try:
        async with httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=SECONDS) as client:
            answer = await client.get(f"{base}/models", headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return [fail("model", f"{base} cannot be reached: {type(error).__name__}", "model.base_url")]
    found = [_models(settings, answer, base)]
    with contextlib.suppress(KeyError, ValueError, TypeError):
        found.append(clock(parsedate_to_datetime(answer.headers["date"]), datetime.now(UTC), base))
    return found


async def spam_filter(settings: SpamSettings) -> list[Finding]:
    """Whether Rspamd is there, lets us in, and speaks as we understand: it is asked about an empty mail."""
    if not settings.rspamd_url:
        return []
    rspamd, seen = Rspamd(settings), Envelope(door="smtp", mail_from="", rcpt_to=(), received_at=datetime.now(UTC))
    try:
        found = await rspamd.ask(b"Subject: a look\r\n\r\n", seen)
    finally:
        await rspamd.close()
    if isinstance(found, SpamWord):
        return [ok("Rspamd", f"{settings.rspamd_url} answers")]
    reason = found.reason if found else "no answer"
    return [fail("Rspamd", f"{settings.rspamd_url} gives no answer: {reason}", "spam.rspamd_url, spam.rspamd_password")]


def _models(settings: ModelSettings, answer: httpx2.Response, base: str) -> Finding:
    if answer.status_code in {401, 403}:
        return fail("model", f"{base} refuses the key", "OPENAI_API_KEY, or model.api_key_file")
    if answer.status_code != 200:
        return warn("model", f"{base} answers {answer.status_code} where its models are listed")
    try:
        names = {str(one["id"]) for one in answer.json()["data"]}
    except (ValueError, KeyError, TypeError):
        return warn("model", f"{base} lists its models in no known form")
    if settings.name in names:
        return ok("model", f"{base} has {settings.name}")
    return fail("model", f"{base} has no {settings.name}", f"model.name: {', '.join(sorted(names)[:5]) or 'none'}")


def clock(there: datetime, here: datetime, who: str) -> Finding:
    """Signatures, tokens and leases need the time."""
    off = abs(there - here)
    if off > OFF:
        return fail("clock", f"{off.total_seconds():,.0f} s from the one of {who}", "set it by NTP")
    return ok("clock", f"within a minute of the one of {who}")
