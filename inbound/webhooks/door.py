"""The door for webhooks: authentic, read, stored, and only then the provider's own word of success.

Rules:
- Proof first, over the raw bytes; what is not proven is neither parsed nor remembered.
- Success is answered after the commit of every mail of the request. A store that is away, a second call that fails,
  a mistake of ours: 503, and the provider keeps the mail.
- A request that is proven and cannot be read, or a mail that is too large, is an error in the log: it may be lost.
- A mail comes once: the store knows the provider's name for it and its content. Again means success and nothing new;
  the same name with another content means a replay where the signature does not cover the body, and is refused.
- An item of a batch that cannot be read is kept for a person, as a mail that says so; the others go on.
- What the answer says is the status; why is in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import getaddresses

import structlog

from inbound import addresses
from inbound.aside import aside
from inbound.contracts import DeliveryEvent, Envelope, Intake, Receipt, Recipient, Seen, StoreUnavailableError
from inbound.settings import WebhookSettings
from inbound.webhooks.contract import (
    Answers,
    Fetch,
    InboundMail,
    Parsed,
    Provider,
    Refusal,
    Request,
    Secrets,
    UnreadableError,
)
from inbound.webhooks.fetching import SMALL, Fetcher, FetchError, allowed, mail_of
from inbound.webhooks.rebuild import File, rebuild
from inbound.webhooks.registry import provider

log = structlog.get_logger()

HEAD = 200_000
"""Bytes in which the headers are looked for."""
NOBODY = "nobody@webhook.invalid"
"""Return path of what has none that can be read: the null one would say "a bounce", which no person sees."""
Events = Callable[[Sequence[DeliveryEvent]], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


class WebhookDoor:
    """Takes requests of the configured providers."""

    def __init__(
        self,
        settings: Sequence[WebhookSettings],
        intake: Intake,
        *,
        fetcher: Fetcher,
        events: Events,
        clock: Callable[[], datetime],
        max_message_bytes: int,
    ) -> None:
        self._settings: dict[str, WebhookSettings] = {one.provider: one for one in settings}
        self._intake = intake
        self._fetcher = fetcher
        self._events = events
        self._clock = clock
        self._most = max_message_bytes
        self._certificates: dict[str, str] = {}

    def knows(self, name: str) -> bool:
        """Whether this provider is configured; another one is not there."""
        return name in self._settings

    def too_large(self, name: str) -> Answer:
        return Answer(provider(name).ANSWERS.too_large, "larger than this server takes")

    def busy(self, name: str) -> Answer:
        return Answer(provider(name).ANSWERS.ours, "try again later")

    async def receive(self, name: str, request: Request) -> Answer:
        """Take one request of a configured provider."""
        settings, source = self._settings[name], provider(name)
        if request.method == "HEAD":
            return Answer(200, "")
        try:
            return await self._receive(settings, source, request)
        except (StoreUnavailableError, FetchError) as error:
            log.error("webhook.later", provider=name, error=str(error)[:300])
        except Exception as error:
            log.exception("webhook.failed", provider=name, error=type(error).__name__)
        return Answer(source.ANSWERS.ours, "try again later")

    async def _receive(self, settings: WebhookSettings, source: Provider, request: Request) -> Answer:
        refused = await self._proven(settings, source, request)
        if refused is not None:
            return _refuse(source, refused)
        try:
            parsed = await aside(len(request.body), source.parse, request)
        except UnreadableError as error:
            return _refuse(source, Refusal("unreadable", str(error)))
        if parsed.confirm:
            await self._fetcher.get(parsed.confirm, {}, SMALL)
            log.info("webhook.confirmed", provider=source.NAME)
        if parsed.events:
            await self._events(parsed.events)
        return await self._take(settings, source, parsed)

    async def _proven(self, settings: WebhookSettings, source: Provider, request: Request) -> Refusal | None:
        secrets = secrets_of(settings)
        needs: Callable[[Request, Secrets], Fetch | Refusal | None] | None = getattr(source, "needs", None)
        wanted = needs(request, secrets) if needs is not None else None
        if isinstance(wanted, Refusal):
            return wanted
        if wanted is not None:
            secrets = replace(secrets, certificate=await self._certificate(wanted))
        found = await aside(len(request.body), source.verify, request, secrets, self._clock())
        if isinstance(found, Refusal):
            return found
        if wanted is not None:
            self._certificates = {**dict(list(self._certificates.items())[-20:]), wanted.url: secrets.certificate}
        return None

    async def _certificate(self, wanted: Fetch) -> str:
        """Kept once something was proven by it: what came in its place by mistake is asked for again."""
        if wanted.url in self._certificates:
            return self._certificates[wanted.url]
        if not allowed(wanted.url, wanted.hosts):
            raise FetchError("the certificate is at a host that is not allowed")
        return (await self._fetcher.get(wanted.url, {}, SMALL)).decode("ascii", "replace")

    async def _take(self, settings: WebhookSettings, source: Provider, parsed: Parsed) -> Answer:
        taken = [self._arrived(settings, source, mail) for mail in parsed.mails]
        taken += [self._unread(settings, source, item, why) for item, why in parsed.unread]
        receipts = await asyncio.gather(*taken)
        refused = [one for one in receipts if isinstance(one, Refusal)]
        for one in receipts:
            if isinstance(one, Receipt):
                log.info("webhook.taken", provider=source.NAME, mail=one.mail_id, duplicate=one.duplicate)
        # Of a batch that is answered once, what is for nobody here must not bring the others back for ever.
        if serious := [one for one in refused if len(receipts) == 1 or one.why != "not_ours"] or (
            refused if len(refused) == len(receipts) else []
        ):
            return _refuse(source, serious[0])
        for one in refused:
            log.warning("webhook.left_out", provider=source.NAME, why=one.why, reason=one.reason)
        return Answer(source.ANSWERS.taken, "taken")

    async def _arrived(self, settings: WebhookSettings, source: Provider, mail: InboundMail) -> Receipt | Refusal:
        recipients = self._ours(settings, mail.rcpt_to)
        if not recipients:
            return Refusal("not_ours", "for no mailbox of ours; webhook.mailbox takes what comes by another address")
        raw = mail.raw
        if mail.fetch is not None:
            key = settings.api_key.get_secret_value()
            raw = await mail_of(
                mail.fetch,
                self._fetcher,
                key=key,
                region=settings.region,
                api=settings.api_url,
                most=self._most,
                now=self._clock(),
            )
        if mail.pieces and mail.built is not None and settings.api_key.get_secret_value():
            raw = mail.built(await self._pieces(settings, mail.pieces))
        if not raw.strip():
            return Refusal("unreadable", "the mail is empty")
        if len(raw) > self._most:
            return Refusal("too_large", f"{len(raw):,} bytes are more than listener.max_message_bytes")
        receipt = await self._intake.accept(
            _with_line_ends(raw), self._envelope(settings, mail, recipients, raw), seen=_seen(source, mail, recipients)
        )
        return Refusal("replayed", "what was signed came with another mail") if receipt.replayed else receipt

    async def _pieces(self, settings: WebhookSettings, places: Sequence[Fetch]) -> list[bytes]:
        """Attachments that lie elsewhere, one after the other. Raises FetchError."""
        key, left, found = settings.api_key.get_secret_value(), self._most, []
        for one in places:
            found.append(
                await mail_of(
                    one, self._fetcher, key=key, region="", api=settings.api_url, most=left, now=self._clock()
                ),
            )
            left -= len(found[-1])
        return found

    async def _unread(self, settings: WebhookSettings, source: Provider, item: bytes, why: str) -> Receipt | Refusal:
        """Keep what cannot be read for a person: nothing that was taken is lost."""
        recipients = self._ours(settings, ())
        if not recipients:
            return Refusal("unreadable", why)
        headers = [("From", ""), ("To", recipients[0]), ("Subject", f"Unreadable item of {source.NAME}: {why[:200]}")]
        raw = rebuild(headers[1:], text=headers[2][1], files=[File(item, "item.txt", "text/plain")])
        return await self._intake.accept(raw, self._envelope(settings, InboundMail(b"", NOBODY), recipients, raw))

    def _ours(self, settings: WebhookSettings, recipients: Sequence[str]) -> tuple[str, ...]:
        known = [found for one in recipients if (found := addresses.canonical(one)) is not None]
        ours = [one for one in known if self._intake.recipient(one) is not Recipient.UNKNOWN]
        return tuple(dict.fromkeys(ours)) or ((settings.mailbox,) if settings.mailbox else ())

    def _envelope(
        self, settings: WebhookSettings, mail: InboundMail, recipients: tuple[str, ...], raw: bytes
    ) -> Envelope:
        trusted = settings.trusted
        return Envelope(
            door=f"webhook:{settings.provider}",
            mail_from=_return_path(mail.mail_from, raw),
            rcpt_to=recipients,
            vouched=mail.vouched[:20] if trusted else (),
            spam=mail.spam[:20] if trusted else (),
            received_at=self._clock(),
        )


def secrets_of(settings: WebhookSettings) -> Secrets:
    given = (settings.secret.get_secret_value(), settings.previous_secret.get_secret_value())
    return Secrets(
        tuple(one for one in given if one),
        public_keys=tuple(one for one in (settings.public_key, settings.previous_public_key) if one),
        topics=settings.topics,
        window=timedelta(seconds=settings.window_seconds),
    )


def _refuse(source: Provider, refusal: Refusal) -> Answer:
    answers: Answers = source.ANSWERS
    # What is proven and refused is, or may be, a customer's mail: somebody has to look.
    tell = log.error if refusal.why in {"unreadable", "too_large"} else log.warning
    tell("webhook.refused", provider=source.NAME, why=refusal.why, reason=refusal.reason)
    return Answer(answers.of(refusal.why), refusal.why.replace("_", " "))


def _seen(source: Provider, mail: InboundMail, recipients: tuple[str, ...]) -> Seen | None:
    """The provider's name for this mail to these recipients."""
    name = mail.bound or mail.provider_id
    if not name:
        return None
    told = "\n".join([source.NAME, "bound" if mail.bound else "id", name, *([] if mail.bound else sorted(recipients))])
    return Seen(key=hashlib.sha256(told.encode("utf-8", "replace")).hexdigest(), bound=bool(mail.bound))


def _return_path(given: str | None, raw: bytes) -> str:
    """As the provider gives it, else the mail's own; the author's where that is no address, empty where it is null."""
    if found := addresses.canonical(given or ""):
        return found
    head = message_from_bytes(raw[:HEAD].partition(b"\r\n\r\n")[0])
    stated = head.get("return-path") if given is None else given
    path = "" if stated is None else str(stated).strip(" <>")
    if stated is not None and not path:
        return ""
    author = [one for _, one in getaddresses([str(head.get("from", ""))])[:1]]
    known = (addresses.canonical(one) for one in (path, *author))
    return next((one for one in known if one), NOBODY)


def _with_line_ends(raw: bytes) -> bytes:
    """Mail that went through JSON has often lost its CR: the lines are as they were on the wire again."""
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")
