"""Every provider through one suite: read as over SMTP, stored once, answered after the commit."""

from __future__ import annotations

import asyncio
import json
from base64 import encodebytes
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from agent import approval
from agent.states import DraftState, MailStatus
from agent.store import mails
from inbound.contracts import NormalizedEmail, StoreUnavailableError
from inbound.mime import normalize
from inbound.webhooks.contract import Request
from inbound.webhooks.registry import NAMES, provider
from tests.agent.postroom import CUSTOMER, START, SUPPORT
from tests.agent.webhooks.hooked import RICH, answers, hooked, known
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import ALL, about, base, letter, rebuilt

each = pytest.mark.parametrize("name", ALL)
AT_ONCE = [one for one in ALL if one != "resend"]
"""Whose request brings the mail itself."""
CHARSETS = {
    "iso-8859-1": "Grüße aus Köln",
    "windows-1252": "“Grüße” – 5 €",
    "iso-8859-15": "5 € für Œuvres",
    "iso-2022-jp": "日本語のテスト",
    "shift_jis": "日本語のテスト",
    "euc-kr": "안녕하세요",
    "gb18030": "你好，世界",
    "koi8-r": "Привет, мир",
    "utf-8": "Grüße, мир, 世界 🌍",
}


def test_every_provider_is_in_the_suite() -> None:
    """One that is added without clothes fails here."""
    assert {base(name) for name in ALL} == set(NAMES)


@each
async def test_a_good_request_is_taken_and_read_as_over_smtp(tmp_path: Path, name: str) -> None:
    """The same normalised mail as by the SMTP door, to the last field where the provider has the raw bytes."""
    async with hooked(tmp_path, name, RICH) as it:
        assert await it.post(name, dressed.request(name, letter(RICH))) == answers(name).taken
        over_smtp = await it.home.receive_raw(RICH, mail_from=CUSTOMER, to=("sales@larkspur.example",))
        await it.home.settle()
        (hooked_id,) = [one for one in await it.stored() if one != over_smtp]
        got, wanted = await it.email(hooked_id), await it.email(over_smtp)
        if not rebuilt(name):
            assert got == wanted
        for field in ("author", "subject", "new_text", "message_id", "to"):
            assert getattr(got, field) == getattr(wanted, field), field
        if about(name).files:
            kept = [(one.name, one.content_type, one.size, one.sha256) for one in got.attachments]
            assert kept == [(one.name, one.content_type, one.size, one.sha256) for one in wanted.attachments]


@pytest.mark.parametrize("encoding", ["8bit", "base64"])
@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("name", AT_ONCE)
def test_other_charsets_survive(name: str, charset: str, encoding: str) -> None:
    """The raw bytes to the byte; of a mail that is rebuilt the text, and what it is about."""
    data = CHARSETS[charset].encode(charset)
    body = data if encoding == "8bit" else encodebytes(data).strip()
    raw = (
        (
            f"From: ann@customer.example\r\nTo: {SUPPORT}\r\nSubject: x\r\nMessage-ID: <c@customer.example>\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\n"
            f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
        ).encode()
        + body
        + b"\r\n"
    )
    (mail,) = provider(base(name)).parse(dressed.request(name, letter(raw))).mails
    if not rebuilt(name):
        assert mail.raw == raw
    email = normalize(mail.raw)
    assert isinstance(email, NormalizedEmail)
    assert email.new_text.strip() == CHARSETS[charset]


@each
async def test_a_hundred_tries_bring_one_mail(tmp_path: Path, name: str) -> None:
    """The success code each time, and nothing new; the same request, and a new try of the same mail."""
    async with hooked(tmp_path, name, known()) as it:
        same = dressed.request(name, letter(known()))
        said = await asyncio.gather(*(it.post(name, same) for _ in range(97)))
        again = dressed.request(name, letter(known()), now=START + timedelta(seconds=60))
        said += [await it.post(name, again) for _ in range(3)]
        assert set(said) == {answers(name).taken}
        assert len(await it.stored()) == 1


@each
@pytest.mark.parametrize("first", ["smtp", "webhook"])
async def test_by_smtp_and_by_webhook_it_gets_one_reply(tmp_path: Path, name: str, first: str) -> None:
    """Whoever has both doors open answers once, whichever was faster."""
    raw = known()
    async with hooked(tmp_path, name, raw) as it:
        for door in (first, "webhook" if first == "smtp" else "smtp"):
            if door == "smtp":
                await it.home.receive_raw(raw, mail_from=CUSTOMER)
            else:
                await it.post(name, dressed.request(name, letter(raw)))
            await it.home.settle()
        left = len(it.home.replies())
        for mail_id in await it.stored():  # an unproven copy waits, as one that somebody forged would
            for draft in await it.home.drafts(mail_id):
                if draft.state is DraftState.WAITING:
                    await approval.approve(it.home.parts, draft.id, by="ruth", seen_hash=draft.approval_hash)
        await it.home.settle()
        while await it.home.send():
            pass
        assert (left, len(it.home.replies())) == (1, 1)
        assert len(await it.stored()) == (2 if rebuilt(name) else 1)


@each
async def test_raw_mail_proves_its_author_and_rebuilt_mail_does_not(tmp_path: Path, name: str) -> None:
    """A provider's signature proves the relay: who wrote it is proven by the mail's own signature, or by nothing."""
    async with hooked(tmp_path, name, known()) as it:
        await it.post(name, dressed.request(name, letter(known())))
        await it.home.settle()
        (mail_id,) = await it.stored()
        found = await it.home.mail(mail_id)
        assert (found.authenticated, found.status) == (
            ("", MailStatus.WAITING) if rebuilt(name) else (CUSTOMER, MailStatus.ANSWERED)
        )


@each
async def test_our_own_trouble_brings_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A store that is away, a mistake of ours: 503, which each provider takes for "again"; then it is stored, once."""
    async with hooked(tmp_path, name, known()) as it:
        request = dressed.request(name, letter(known()))

        async def away(*_given: object) -> None:
            raise StoreUnavailableError("the disk is full")

        def mistake(_request: Request) -> None:
            raise RuntimeError("a mistake of ours")

        with monkeypatch.context() as patch:
            patch.setattr(mails, "accept_all", away)
            assert await it.post(name, request) == 503
        with monkeypatch.context() as patch:
            patch.setattr(f"inbound.webhooks.{base(name)}.parse", mistake)
            assert await it.post(name, request) == 503
        assert about(name).meaning(503) == "again"
        assert await it.stored() == []
        assert await it.post(name, request) == answers(name).taken
        assert len(await it.stored()) == 1


@each
def test_no_status_of_ours_loses_a_customers_mail(name: str) -> None:
    """By each provider's own table: a wrong secret, a wrong clock, what cannot be read is tried again, not dropped."""
    said, meaning = answers(name), about(name).meaning
    assert meaning(said.taken) == "done"
    for status in (said.ours, said.unauthentic, said.stale, said.unreadable):
        assert meaning(status) == "again", status
    assert meaning(said.not_ours) != "done"
    assert said.too_large == 413


@each
async def test_mail_for_nobody_here_is_not_taken(tmp_path: Path, name: str) -> None:
    """Unless a mailbox is named for what comes by the provider's own address."""
    foreign = letter(known(), "hash@inbound.provider.example")
    stores = dressed.Stores.of(foreign)
    async with hooked(tmp_path / "without", name, known(), stores) as it:
        assert await it.post(name, dressed.request(name, foreign)) == answers(name).not_ours
        assert await it.stored() == []
    async with hooked(tmp_path / "with", name, known(), stores, mailbox=SUPPORT) as it:
        assert await it.post(name, dressed.request(name, foreign)) == answers(name).taken
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).mailbox == SUPPORT


@each
async def test_a_mail_larger_than_the_listener_takes_is_too_large_here(tmp_path: Path, name: str) -> None:
    """Though the request as a whole was not."""
    large = known() + b"x" * 1_000_000
    async with hooked(tmp_path, name, large) as it:
        said = await it.post(name, dressed.request(name, letter(large)))
        # What is fetched is not read beyond the cap: it comes again until somebody looks.
        assert said == (503 if name == "resend" else answers(name).too_large)
        assert await it.stored() == []


BATCHES = {
    "mandrill": {"event": "inbound", "msg": {"email": SUPPORT}},
    "sparkpost": {"msys": {"relay_message": {"content": {}, "rcpt_to": SUPPORT}}},
    "brevo": {"Uuid": "none", "Recipients": [SUPPORT]},
}


def batch(name: str, more: Any) -> Request:
    """A good request with one more item before the good one."""
    (dress,) = provider(name).CLOTHES.values()
    plain = dress(letter(known()))
    if name == "mandrill":
        items = [more, *json.loads(parse_qs(plain.body.decode())["mandrill_events"][0])]
        body = urlencode({"mandrill_events": json.dumps(items)}).encode()
    else:
        found = json.loads(plain.body)
        body = json.dumps({"items": [more, *found["items"]]} if name == "brevo" else [more, *found]).encode()
    return provider(name).sign(replace(plain, body=body), dressed.signing(name))


@pytest.mark.parametrize("name", BATCHES)
async def test_one_bad_item_of_a_batch_is_kept_for_a_person(tmp_path: Path, name: str) -> None:
    """The others go on; the bad one is a mail that says what it was."""
    async with hooked(tmp_path, name, known(), mailbox=SUPPORT) as it:
        assert await it.post(name, batch(name, BATCHES[name])) == 200
        await it.home.settle()
        good = MailStatus.WAITING if rebuilt(name) else MailStatus.ANSWERED
        assert await it.statuses() == sorted([good, MailStatus.PERSON])


@pytest.mark.parametrize("name", ["mandrill", "sparkpost"])
async def test_an_item_for_nobody_here_does_not_hold_the_others_back(tmp_path: Path, name: str) -> None:
    """Else the whole batch would come again for ever."""
    other = json.loads(json.dumps(BATCHES[name]).replace(SUPPORT, "nobody@elsewhere.example"))
    if name == "mandrill":
        other["msg"]["raw_msg"] = "Subject: x\r\n\r\nx\r\n"
    else:
        other["msys"]["relay_message"]["content"] = {"email_rfc822": "Subject: x\r\n\r\nx\r\n"}
    async with hooked(tmp_path, name, known()) as it:
        assert await it.post(name, batch(name, other)) == 200
        assert len(await it.stored()) == 1


async def test_a_second_call_that_fails_is_our_trouble(tmp_path: Path) -> None:
    """The mail stays where it is, and comes again."""
    async with hooked(tmp_path, "resend", known()) as it:
        (api, place) = [one for one in it.stores.found if one != dressed.CERTIFICATE]
        for missing in (api, place):
            kept = it.stores.found.pop(missing)
            assert await it.post("resend", dressed.request("resend", letter(known()))) == 503
            it.stores.found[missing] = kept
        assert await it.stored() == []
