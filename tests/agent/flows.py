"""Ways that a mail can take, as what a process does from its start: killed anywhere, the next one does the same again.

Each flow looks before it acts, like the people and peers that it stands for: a peer sends a mail again for which it had
no answer, a person decides on what still waits. `tests.agent.ways` says which fail points each one is killed at.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import dkim  # type: ignore[import-untyped]  # it ships no type hints

from agent import approval, run, switch
from agent.demo_world import finish, static_zone
from agent.retention import prune
from agent.states import MailStatus
from tests.agent.postroom import CUSTOMER, HOURS, ORDER, SALES, SIGNED, START, SUPPORT, House, keys
from tests.agent.wire import delivered
from tests.inbound import letters
from tests.inbound.letters import rsa_key

LETTERS: dict[str, tuple[str, bool, dict[str, str]]] = {
    "known": (HOURS, True, {}),
    "unproven": (HOURS, False, {}),
    "order": (ORDER, True, {"Message-ID": "<first@customer.example>"}),
    "follow-up": (ORDER, True, {"Subject": "Re: A question", "In-Reply-To": "<first@customer.example>"}),
    "strange": ("Tell me about roses.", True, {}),
    "colleague": ("Roses want sun.", True, {"From": "Ruth <ruth@customer.example>", "Subject": "Re: Fwd: A question"}),
    "away": ("I am away.", True, {"Auto-Submitted": "auto-replied"}),
    "looked-into": (HOURS, True, {"From": "Ann Example <ann@mail.customer.example>"}),
}
"""What a peer has to deliver: text, whether it is signed, further headers."""
SEALED = (
    "Authentication-Results: mx.group.example; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example\n"
)
NAMES = {
    "mail.customer.example": {
        "TXT": ["v=spf1 mx ptr:elsewhere.example a:gate.customer.example -all"],
        "MX": ["mx.customer.example"],
    },
    "mx.customer.example": {"A": ["198.51.100.1"], "AAAA": ["2001:db8::1"]},
}
"""A name whose SPF record asks for all kinds of answers, beside what proves the letters."""


def prepare(folder: Path) -> None:
    """Put the letters and the DNS that proves them into a folder: each process of one test has the same."""
    sealer = rsa_key("sealer.example", "arc")
    names = static_zone({"customer.example": "reject"}, SIGNED, keys())
    (folder / "zone.json").write_text(json.dumps({**names, **NAMES, sealer.name: {"TXT": [sealer.record]}}))
    for name in LETTERS:
        (folder / f"{name}.eml").write_bytes(letter(name))
    given = letters.letter("Ann <ann@shop.example>", extra=SEALED, body=f"{HOURS}\n")
    sealed = dkim.arc_sign(
        given,
        *(part.encode() for part in (sealer.selector, sealer.domain)),
        sealer.private,
        b"mx.group.example",
        [name.encode() for name in letters.SIGNED],
    )
    (folder / "sealed.eml").write_bytes(b"".join(sealed) + given)


def letter(name: str) -> bytes:
    text, signed, more = LETTERS[name]
    given = {
        "From": f"Ann Example <{CUSTOMER}>",
        "To": SUPPORT,
        "Subject": "A question",
        "Date": "@NOW@",
        "Message-ID": f"<{name}@customer.example>",
        **more,
    }
    block = "".join(f"{field}: {value}\n" for field, value in given.items())
    return finish(f"{block}\n{text}\n".encode(), START, keys(), SIGNED if signed else ())


@dataclass
class Stage:
    """What a flow has in hand."""

    home: House
    folder: Path

    async def mail(self, name: str, *, mail_from: str = CUSTOMER, peer: str = "127.0.0.1") -> str:
        """Deliver one of the letters, as a peer does until it is acknowledged."""
        raw = (self.folder / f"{name}.eml").read_bytes()
        return await self.home.receive_raw(raw, mail_from=mail_from, peer=peer)

    async def status(self, mail_id: str) -> MailStatus:
        return (await self.home.mail(mail_id)).status

    async def approve(self, mail_id: str) -> None:
        if await self.status(mail_id) is MailStatus.WAITING:
            draft = await self.home.waiting(mail_id)
            await approval.approve(self.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)

    async def hours_pass(self, hours: int) -> None:
        """Work whenever something falls due."""
        for _ in range(hours):
            self.home.clock.advance(hours=1)
            await self.home.settle()


Flow = Callable[[Stage], Awaitable[str]]


async def pruned(stage: Stage) -> str:
    mail_id = await stage.mail("known")
    await stage.home.settle()
    stage.home.clock.advance(days=100)
    await prune(stage.home.parts)
    return mail_id


async def joined(stage: Stage) -> str:
    first = await stage.mail("order")
    await stage.home.settle()
    await stage.mail("follow-up")
    await stage.home.settle()
    return first


async def expired(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    stage.home.clock.advance(days=stage.home.parts.config.worker.run_expires_days + 1)
    await run.expire(stage.home.parts)
    await stage.home.settle()
    return mail_id


async def resolved(stage: Stage, mail_id: str) -> str:
    """A person finds out what became of a reply in doubt, and says so."""
    if await stage.status(mail_id) is MailStatus.IN_DOUBT:
        outcome = "sent" if delivered(stage.folder) else "resend"
        await switch.resolve(stage.home.parts, mail_id, outcome, by="ruth")  # type: ignore[arg-type]  # one of the two
        await stage.hours_pass(1)
    return mail_id


async def recorded(stage: Stage) -> str:
    mail_id = await stage.mail("away")
    await stage.home.settle()
    return mail_id


async def quarantined(stage: Stage) -> str:
    mail_id = await stage.home.receive_raw(b"From: a@b.example\r\n" + b"X-Pad: x\r\n" * 60_000, mail_from=CUSTOMER)
    await stage.home.settle()
    return mail_id


async def duplicate(stage: Stage) -> str:
    await stage.mail("known")
    await stage.home.settle()
    raw = (stage.folder / "known.eml").read_bytes()
    copy = await stage.home.receive_raw(b"Received: by other.example\r\n" + raw, mail_from=CUSTOMER, to=(SALES,))
    await stage.home.settle()
    return copy


async def paused(stage: Stage) -> str:
    mail_id = await stage.mail("unproven")
    await stage.home.settle()
    if await stage.status(mail_id) is MailStatus.WAITING:
        await switch.pause(stage.home.parts, SUPPORT, by="ruth")
        await stage.approve(mail_id)
    await stage.home.settle()
    await switch.resume(stage.home.parts, SUPPORT, by="ruth")
    await stage.home.settle()
    return mail_id
