"""Mail by a detour, from the wire to the reply: each with the configuration that docs/forwarders.md gives for it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal

import dkim  # type: ignore[import-untyped]  # it ships no type hints
import pytest

from agent import approval
from agent.demo_world import Signature, Zone, finish, static_zone
from agent.states import MailStatus
from agent.store.mails import Mail
from inbound.contracts import Envelope, Frozen
from inbound.resolver import StaticZone
from inbound.settings import ContactForm, Forwarder
from tests.agent.postroom import HERE, House, configuration, house, keys

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "fixtures" / "forwarders"
DOCS = (ROOT / "docs" / "forwarders.md").read_text("utf-8")
SEALED = ("from", "to", "subject", "date", "message-id", "reply-to", "x-original-from", "list-id", "content-type")


class Seal(Frozen):
    domain: str
    selector: str
    authserv_id: str


class Detour(Frozen):
    """A fixture of `fixtures/forwarders`."""

    part: str
    """The heading in the docs."""
    mail_from: str
    rcpt_to: str
    peer: str
    sign: tuple[Signature, ...] = ()
    seal: Seal | None = None
    domains: dict[str, str]
    author: str
    outcome: Literal["answered", "draft"]
    why: str


DETOURS = {path.stem: Detour.model_validate_json(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
PARTS = dict(re.findall(r"^## (.*?)\n.*?```toml\n(.*?)```", DOCS, re.DOTALL | re.MULTILINE))


def zone_of(detour: Detour) -> Zone:
    zone = static_zone({**detour.domains, "larkspur.example": "reject"}, detour.sign, keys())
    if detour.seal is not None:
        zone[f"{detour.seal.selector}._domainkey.{detour.seal.domain}"] = {"TXT": [keys().record("rsa")]}
    return zone


def sealed(raw: bytes, seal: Seal) -> bytes:
    private = keys()._private["rsa"]
    covered = [name.encode() for name in SEALED]
    made: list[bytes] = dkim.arc_sign(
        raw, seal.selector.encode(), seal.domain.encode(), private, seal.authserv_id.encode(), include_headers=covered
    )
    assert made
    return b"".join(made) + raw


@asynccontextmanager
async def arrived(
    name: str,
    folder: Path,
    *,
    config: str | None = None,
    before: tuple[bytes, bytes] = (b"", b""),
    change: tuple[bytes, bytes] = (b"", b""),
    peer: str = "",
) -> AsyncIterator[tuple[House, Mail]]:
    """The mail of that name after triage and what follows; changed `before` the detour seals it, or behind it."""
    detour = DETOURS[name]
    written = tomllib.loads(PARTS[detour.part] if config is None else config)["mailbox"][0]
    mailbox = {"name": "Larkspur", "playbook": HERE / "playbook", "auto_send": True, **written}
    settings = configuration(folder, mailbox=[mailbox])
    async with house(folder, config=settings, zone=StaticZone(zone_of(detour))) as home:
        mail = (FOLDER / f"{name}.eml").read_bytes()
        assert before[0] in mail
        raw = finish(mail.replace(*before) if before[0] else mail, home.clock(), keys(), detour.sign)
        raw = sealed(raw, detour.seal) if detour.seal else raw
        assert change[0] in raw
        envelope = Envelope(
            door="smtp",
            mail_from=detour.mail_from,
            rcpt_to=(detour.rcpt_to,),
            peer=peer or detour.peer,
            helo="forwarder.example",
            received_at=home.clock(),
        )
        receipt = await home.service.intake.accept(raw.replace(*change) if change[0] else raw, envelope)
        await home.settle()
        yield home, await home.mail(receipt.mail_id)


def recipients(raw: bytes) -> list[str]:
    mail = message_from_bytes(raw, policy=policy.default)
    return [str(mail["To"]), *mail.get_all("Cc", []), *mail.get_all("Bcc", [])]


@pytest.mark.parametrize("name", DETOURS)
async def test_mail_by_a_detour_is_answered_to_its_author(name: str, tmp_path: Path) -> None:
    """Answered unseen where a server proves the author, a draft where nobody does; to the author and nobody else."""
    detour = DETOURS[name]
    async with arrived(name, tmp_path) as (home, mail):
        assert mail.author == detour.author
        assert mail.author_name == "Ann Example"
        assert mail.kind == "personal"
        assert mail.authenticated == (detour.author if detour.outcome == "answered" else ""), mail.auth
        if detour.outcome == "draft":
            assert home.replies() == []
            draft = await home.waiting(mail.id)
            await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
            await home.settle()
        (reply,) = home.replies()
        assert [parseaddr(one)[1] for one in recipients(reply)] == [detour.author]


@pytest.mark.parametrize("name", [name for name in DETOURS if name != "contact-form"])
async def test_without_its_configuration_nobody_is_proven(name: str, tmp_path: Path) -> None:
    """The same mail, and no forwarder is named: nothing leaves unseen, and nobody is taken for the author."""
    config = '[[mailbox]]\naddress = "support@larkspur.example"\naliases = ["support@in.larkspur.example"]\n'
    async with arrived(name, tmp_path, config=config) as (home, mail):
        assert mail.authenticated != DETOURS[name].author
        assert home.replies() == []


FORGED = {
    "google-group": (b"From: Ann Example <ann@", b"From: Boss <boss@"),
    "google-group-rewritten": (b"X-Original-From: Ann Example <ann@", b"X-Original-From: Boss <boss@"),
    "microsoft-365": (b"From: Ann Example <ann@", b"From: Boss <boss@"),
    "mailman": (b"Reply-To: Ann Example <ann@", b"Reply-To: Boss <boss@"),
}


@pytest.mark.parametrize("name", FORGED)
async def test_an_author_changed_behind_the_detour_is_proven_to_nobody(name: str, tmp_path: Path) -> None:
    """The seal or the signature covers the field in which the author stands."""
    async with arrived(name, tmp_path, change=FORGED[name]) as (home, mail):
        assert mail.authenticated == ""
        assert mail.kind != "own", "a person, or a draft; not put away as our own"
        assert home.replies() == []


async def test_the_old_servers_word_counts_from_its_address_alone(tmp_path: Path) -> None:
    """Anybody else may write the same header."""
    async with arrived("forward-file", tmp_path, peer="203.0.113.41") as (home, mail):
        assert mail.authenticated == ""
        assert home.replies() == []


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("google-group-rewritten", b"X-Original-From: Ann Example <ann@customer.example>\n"),
        ("mailman", b"Reply-To: Ann Example <ann@customer.example>\n"),
    ],
)
async def test_a_rewritten_mail_without_its_author_is_a_persons(name: str, field: bytes, tmp_path: Path) -> None:
    """From is the group, maybe an address of ours: not our own mail come back, and nothing is answered to the group."""
    async with arrived(name, tmp_path, before=(field, b"")) as (home, mail):
        assert (mail.author, mail.status) == ("", MailStatus.PERSON)
        assert await home.drafts(mail.id) == []


VISITOR = b"Reply-To: Ann Example <ann@customer.example>"


@pytest.mark.parametrize(
    ("peer", "change"),
    [
        ("203.0.113.51", (b"", b"")),
        ("", (VISITOR + b"\r\n", b"")),
        ("", (VISITOR, VISITOR + b", bob@customer.example")),
        ("", (VISITOR, b"Reply-To: support@larkspur.example")),
    ],
    ids=["from elsewhere", "nobody to answer", "two to answer", "ourselves"],
)
async def test_a_form_that_proves_nothing_or_names_no_one_is_a_persons(
    peer: str, change: tuple[bytes, bytes], tmp_path: Path
) -> None:
    """No draft, no record that nobody reads: a person sees what the visitor wrote."""
    async with arrived("contact-form", tmp_path, change=change, peer=peer) as (home, mail):
        assert (mail.author, mail.status) == ("", MailStatus.PERSON)
        assert await home.drafts(mail.id) == []


async def test_our_own_reply_that_comes_back_is_no_forms_mail(tmp_path: Path) -> None:
    """The form writes as the mailbox itself; what we sent carries our Message-ID."""
    async with arrived("contact-form", tmp_path) as (home, mail):
        draft = await home.waiting(mail.id)
        await approval.approve(home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await home.settle()
        (reply,) = home.replies()
        again = await home.receive_raw(reply, mail_from="support@larkspur.example", to=("support@larkspur.example",))
        await home.settle()
        assert (await home.mail(again)).kind == "own"
        assert len(home.replies()) == 1


def test_every_part_of_the_docs_has_its_mail() -> None:
    """And every mail its part; each block is a sound configuration."""
    assert {one.part for one in DETOURS.values()} == PARTS.keys()
    assert all(one.why.endswith(".") for one in DETOURS.values())
    for block in PARTS.values():
        mailbox: dict[str, Any] = tomllib.loads(block)["mailbox"][0]
        forwarders = [Forwarder.model_validate(one) for one in mailbox.get("forwarder", [])]
        forms = [ContactForm.model_validate(one) for one in mailbox.get("contact_form", [])]
        assert len(forwarders) + len(forms) == 1


def test_the_fixtures_are_complete() -> None:
    """Each mail beside what should become of it."""
    assert {path.stem for path in FOLDER.glob("*.eml")} == DETOURS.keys()
    assert json.loads((FOLDER / "mailman.json").read_text("utf-8"))["outcome"] == "answered"
