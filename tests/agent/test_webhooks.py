"""Every provider through one suite: proven, read, stored once, answered after the commit."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from sqlalchemy import select

from agent.demo_world import finish
from agent.reported import reported
from agent.states import MailStatus
from agent.store import deliveries, mails, trail
from agent.store.tables import mail as mail_table
from inbound.contracts import NormalizedEmail, StoreUnavailableError
from inbound.settings import WebhookSettings
from inbound.webhooks.clothes import sendgrid_parsed
from inbound.webhooks.contract import Proven, Refusal, Request
from inbound.webhooks.door import WebhookDoor, secrets_of
from inbound.webhooks.registry import NAMES, provider
from tests.agent.postroom import CUSTOMER, HOURS, SIGNED, START, SUPPORT, House, house, keys
from tests.inbound.webhooks import dressed, posted
from tests.inbound.webhooks.dressed import ALL, OTHER, PARSED, SECRET, SIGNED_BODY, TIMED, Stores, base, letter

each = pytest.mark.parametrize("name", ALL)
RICH = (
    "From: =?utf-8?q?J=C3=BCrgen?= <ann@customer.example>\r\nTo: support@larkspur.example\r\n"
    "Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
    "Message-ID: <rich@customer.example>\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Grüße aus Köln, größer als 5 €.\r\n"
    '--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename="logo.png"\r\nContent-ID: <logo@x>\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    '--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename="bill.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n"
).encode()
LATIN = (
    b"From: ann@customer.example\r\nTo: support@larkspur.example\r\nSubject: x\r\n"
    b"Message-ID: <latin@customer.example>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Gr\xfc\xdfe\r\n"
)


def known(text: str = HOURS) -> bytes:
    """A signed question that the playbook answers."""
    block = (
        f"From: Ann <{CUSTOMER}>\nTo: {SUPPORT}\nSubject: A question\nDate: @NOW@\nMessage-ID: <w@customer.example>\n"
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )
    return finish(block.encode(), START, keys(), SIGNED)


@dataclass
class Hooked:
    home: House
    door: WebhookDoor
    stores: Stores

    async def post(self, name: str, request: Request) -> int:
        return (await self.door.receive(base(name), request)).status

    async def stored(self) -> list[str]:
        async with self.home.parts.database.read() as tx:
            return [row.id for row in await tx.execute(select(mail_table.c.id).order_by(mail_table.c.received_at))]

    async def email(self, mail_id: str) -> NormalizedEmail:
        return NormalizedEmail.model_validate((await self.home.mail(mail_id)).normalized)


@asynccontextmanager
async def hooked(folder: Path, name: str, raw: bytes, **changes: object) -> AsyncIterator[Hooked]:
    async with house(folder) as home:
        stores = Stores.of(letter(raw))

        async def events(_found: Any) -> None: ...

        door = WebhookDoor(
            [dressed.settings(name, **changes)],
            home.service.intake,
            fetcher=stores,
            events=events,
            clock=home.clock,
            max_message_bytes=1_000_000,
        )
        yield Hooked(home, door, stores)


def verified(name: str, request: Request, settings: WebhookSettings | None = None, now: Any = START) -> bool:
    secrets = secrets_of(settings or dressed.settings(name))
    if base(name) == "ses":
        secrets = replace(secrets, public_key=dressed.certificate())
    return isinstance(provider(base(name)).verify(request, secrets, now), Proven)


def test_every_provider_is_in_the_suite() -> None:
    """One that is added without clothes fails here."""
    assert {base(name) for name in ALL} == set(NAMES)


@each
async def test_a_good_request_is_taken_and_read_as_over_smtp(tmp_path: Path, name: str) -> None:
    """8-bit text, an inline image, an attachment, encoded names: the same normalised mail as by the SMTP door."""
    async with hooked(tmp_path, name, RICH) as it:
        assert await it.post(name, dressed.request(name, letter(RICH))) == provider(base(name)).ANSWERS.taken
        over_smtp = await it.home.receive_raw(RICH, mail_from=CUSTOMER, to=("sales@larkspur.example",))
        await it.home.settle()
        (hooked_id,) = [one for one in await it.stored() if one != over_smtp]
        got, wanted = await it.email(hooked_id), await it.email(over_smtp)
        for field in ("author", "subject", "new_text", "message_id", "to"):
            assert getattr(got, field) == getattr(wanted, field), field
        if base(name) not in {"mox", "brevo"}:  # these post no attachments
            kept = [(one.name, one.content_type, one.size, one.sha256) for one in got.attachments]
            assert kept == [(one.name, one.content_type, one.size, one.sha256) for one in wanted.attachments]


@each
async def test_other_charsets_survive(tmp_path: Path, name: str) -> None:
    """Latin-1 as 8-bit, by whoever posts the raw bytes."""
    async with hooked(tmp_path, name, LATIN) as it:
        await it.post(name, dressed.request(name, letter(LATIN)))
        await it.home.settle()
        (mail_id,) = await it.stored()
        assert (await it.email(mail_id)).new_text.strip() == "Grüße"


@each
async def test_a_hundred_tries_bring_one_mail(tmp_path: Path, name: str) -> None:
    """The success code each time, and nothing new; the same request, and a new try of the same mail."""
    async with hooked(tmp_path, name, known()) as it:
        same = dressed.request(name, letter(known()))
        taken = provider(base(name)).ANSWERS.taken
        answers = await asyncio.gather(*(it.post(name, same) for _ in range(97)))
        again = dressed.request(name, letter(known()), now=START + timedelta(seconds=60))
        answers += [await it.post(name, again) for _ in range(3)]
        assert set(answers) == {taken}
        assert len(await it.stored()) == 1


@each
async def test_by_smtp_and_by_webhook_it_gets_one_reply(tmp_path: Path, name: str) -> None:
    """Whoever has both doors open answers once."""
    raw = known()
    async with hooked(tmp_path, name, raw) as it:
        await it.home.receive_raw(raw, mail_from=CUSTOMER)
        await it.home.settle()
        await it.post(name, dressed.request(name, letter(raw)))
        await it.home.settle()
        states = [(await it.home.mail(one)).status for one in await it.stored()]
        assert states.count(MailStatus.ANSWERED) == 1
        assert len(list((tmp_path / "replies" / "new").iterdir())) == 1


@each
async def test_raw_mail_proves_its_author_and_rebuilt_mail_does_not(tmp_path: Path, name: str) -> None:
    """A provider's signature proves the relay: who wrote it is proven by the mail's own signature, or by nothing."""
    async with hooked(tmp_path, name, known()) as it:
        await it.post(name, dressed.request(name, letter(known())))
        await it.home.settle()
        (mail_id,) = await it.stored()
        found = await it.home.mail(mail_id)
        rebuilt = name in PARSED or base(name) in {"mox", "brevo", "mailjet"}
        assert (found.authenticated, found.status) == (
            ("", MailStatus.WAITING) if rebuilt else (CUSTOMER, MailStatus.ANSWERED)
        )


@each
async def test_nothing_is_taken_that_is_not_proven(tmp_path: Path, name: str) -> None:
    """Another secret, no signature at all, an empty one, one that came twice."""
    async with hooked(tmp_path, name, known()) as it:
        good = dressed.request(name, letter(known()))
        bad = [] if name == "ses" else [replace(good, headers=(("content-type", good.content_type),))]
        if base(name) not in {"ses", "mailgun"}:
            proof = [one for one in good.headers if one[0] not in {"content-type", "x-mox-webhook-id"}]
            for header in proof:
                others = tuple(one for one in good.headers if one != header)
                bad += [
                    replace(good, headers=(*others, (header[0], ""))),
                    replace(good, headers=(*good.headers, header)),
                ]
        if base(name) not in {"ses", "postal", "sendgrid"}:
            bad.append(dressed.request(name, letter(known()), secret=OTHER))
        for request in bad:
            status = await it.post(name, request)
            assert status == provider(base(name)).ANSWERS.unauthentic, request.headers
        assert await it.stored() == []


@pytest.mark.parametrize("name", SIGNED_BODY)
def test_every_flipped_byte_is_refused(name: str) -> None:
    """Of the body and of the signature."""
    short = letter(b"From: a@b.example\r\n\r\nx\r\n")
    good = dressed.request(name, short)
    assert verified(name, good)
    for at in range(len(good.body)):
        body = bytearray(good.body)
        body[at] ^= 1
        if base(name) == "ses" and _says_the_same(bytes(body), good.body):
            continue
        if name == "mandrill" and _is_the_same_form(bytes(body), good.body):
            continue
        assert not verified(name, replace(good, body=bytes(body))), (at, bytes(body))


def _says_the_same(body: bytes, good: bytes) -> bool:
    """What SNS does not sign: names of other members, and how the JSON is written."""
    signed = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion")
    try:
        one, other = json.loads(body), json.loads(good)
    except ValueError:
        return False
    return isinstance(one, dict) and all(one.get(name) == other.get(name) for name in signed)


def _is_the_same_form(body: bytes, good: bytes) -> bool:
    """Percent signs may be written in two cases."""
    return parse_qsl(body.decode("latin-1")) == parse_qsl(good.decode("latin-1"))


@pytest.mark.parametrize("name", [one for one in ALL if one not in {"ses", "mandrill"}])
def test_every_flipped_byte_of_the_proof_is_refused(name: str) -> None:
    """In whichever header it stands."""
    good = dressed.request(name, letter(known()))
    proofs = [one for one in good.headers if one[0] not in {"content-type", "x-mox-webhook-id"}]
    for header, value in proofs:
        start = len("Basic ") if header == "authorization" else 0
        for at in range(start, len(value)):
            other = value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
            headers = tuple((header, other) if one == (header, value) else one for one in good.headers)
            if header == "authorization" and _same_password(value, other):
                continue
            assert not verified(name, replace(good, headers=headers)), (header, other)


def _same_password(one: str, other: str) -> bool:
    """The user's name is not looked at."""
    try:
        return base64.b64decode(other[6:], validate=True).partition(b":")[2] == SECRET.encode()
    except ValueError:
        return False


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("way", [-1, 1])
async def test_an_old_or_future_time_is_refused(tmp_path: Path, name: str, way: int) -> None:
    """The time that is signed: five minutes off, or as long as a provider's tries last; not a minute more."""
    limit = timedelta(hours=TIMED[name])
    async with hooked(tmp_path, name, known()) as it:
        late = dressed.request(name, letter(known()), now=START + way * (limit + timedelta(minutes=1)))
        assert await it.post(name, late) == provider(base(name)).ANSWERS.stale
        assert await it.stored() == []
        last = dressed.request(name, letter(known()), now=START + way * (limit - timedelta(minutes=1)))
        assert await it.post(name, last) == provider(base(name)).ANSWERS.taken


@pytest.mark.parametrize("name", [one for one in ALL if base(one) not in {"ses", "postal", "sendgrid"}])
async def test_two_secrets_are_taken_while_one_replaces_the_other(name: str) -> None:
    """The new and the previous one; not a third."""
    settings = dressed.settings(name, previous_secret=OTHER)
    for secret in (dressed.secret_of(name), OTHER):
        assert verified(name, dressed.request(name, letter(known()), secret=secret), settings)
    third = dressed.STANDARD[:-6] + "AAAAAA"
    assert not verified(name, dressed.request(name, letter(known()), secret=third), settings)


@pytest.mark.parametrize("name", [one for one in ALL if one not in {"ses", "raw"}])
async def test_what_is_no_request_of_theirs_is_said_so(tmp_path: Path, name: str) -> None:
    """Cut off: refused for what it is, never half a mail; our word for it is the provider's own table."""
    async with hooked(tmp_path, name, known()) as it:
        good = dressed.request(name, letter(known()))
        cut = replace(good, body=good.body[: len(good.body) // 2])
        answers = provider(base(name)).ANSWERS
        assert await it.post(name, cut) in {answers.unreadable, answers.unauthentic}
        assert await it.stored() == []


@each
async def test_a_store_that_is_away_is_our_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """503, and the next try is stored, once."""
    async with hooked(tmp_path, name, known()) as it:
        request = dressed.request(name, letter(known()))

        async def away(*_given: object) -> None:
            raise StoreUnavailableError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(mails, "accept_all", away)
            assert await it.post(name, request) == 503
        assert await it.stored() == []
        assert await it.post(name, request) == provider(base(name)).ANSWERS.taken
        assert len(await it.stored()) == 1


@each
async def test_mail_for_nobody_here_is_not_taken(tmp_path: Path, name: str) -> None:
    """Unless a mailbox is named for what comes by the provider's own address."""
    foreign = letter(known(), "hash@inbound.provider.example")
    async with hooked(tmp_path / "without", name, known()) as it:
        assert await it.post(name, dressed.request(name, foreign)) == provider(base(name)).ANSWERS.not_ours
        assert await it.stored() == []
    async with hooked(tmp_path / "with", name, known(), mailbox=SUPPORT) as it:
        assert await it.post(name, dressed.request(name, foreign)) == provider(base(name)).ANSWERS.taken
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).mailbox == SUPPORT


async def test_a_token_is_good_for_one_mail(tmp_path: Path) -> None:
    """Mailgun signs no body: its token with another mail is a replay, and refused."""
    async with hooked(tmp_path, "mailgun", known()) as it:
        good = dressed.request("mailgun", letter(known()))
        assert await it.post("mailgun", good) == 200
        other = replace(good, body=good.body.replace(b"opening hours", b"bank account!"))
        assert other.body != good.body
        assert await it.post("mailgun", other) == provider("mailgun").ANSWERS.replayed
        assert len(await it.stored()) == 1


async def test_a_signed_mail_is_not_taken_for_others(tmp_path: Path) -> None:
    """The envelope of `raw` is not signed: the same mail with another one is refused."""
    async with hooked(tmp_path, "raw", known()) as it:
        good = dressed.request("raw", letter(known()))
        assert await it.post("raw", good) == 200
        other = replace(good, query=(("from", "eve@evil.example"), ("to", "sales@larkspur.example")))
        assert await it.post("raw", other) == 401
        assert len(await it.stored()) == 1


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("mandrill", lambda events: [{"event": "inbound", "msg": {"email": SUPPORT}}, *events]),
        ("sparkpost", lambda items: [{"msys": {"relay_message": {"content": {}, "rcpt_to": SUPPORT}}}, *items]),
    ],
)
async def test_one_bad_item_of_a_batch_is_kept_for_a_person(
    tmp_path: Path, name: str, spoil: Callable[[list[Any]], list[Any]]
) -> None:
    """The others go on; the bad one is a mail that says what it was."""
    async with hooked(tmp_path, name, known(), mailbox=SUPPORT) as it:
        good = dressed.request(name, letter(known()))
        if name == "sparkpost":
            request = replace(good, body=json.dumps(spoil(json.loads(good.body))).encode())
        else:
            said = json.dumps(spoil(json.loads(parse_qs(good.body.decode())["mandrill_events"][0])))
            signature = hmac.new(SECRET.encode(), f"{dressed.URL}mandrill_events{said}".encode(), "sha1").digest()
            proof = ("x-mandrill-signature", base64.b64encode(signature).decode())
            body = urlencode({"mandrill_events": said}).encode()
            request = replace(good, body=body, headers=(good.headers[0], proof))
        assert await it.post(name, request) == 200
        await it.home.settle()
        states = sorted([(await it.home.mail(one)).status for one in await it.stored()])
        assert states == sorted([MailStatus.ANSWERED, MailStatus.PERSON])


@pytest.mark.parametrize(
    "changes",
    [
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com"},
        {"SigningCertURL": "https://user@sns.eu-west-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:8443/x.pem"},
        {"SigningCertURL": "file:///etc/passwd"},
        {"SigningCertURL": ""},
        {"topic": "arn:aws:sns:eu-west-1:999999999999:mail"},
        {"SignatureVersion": "3"},
    ],
)
async def test_sns_is_believed_from_its_own_host_and_for_our_topics_only(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """No other place is even asked for a certificate."""
    async with hooked(tmp_path, "ses", known()) as it:
        assert await it.post("ses", dressed.ses(letter(known()), **changes)) == 403
        if "SigningCertURL" in changes:
            assert it.stores.asked == []
        assert await it.stored() == []


@pytest.mark.parametrize("version", ["1", "2"])
async def test_both_signatures_of_sns_hold(tmp_path: Path, version: str) -> None:
    """SHA-1, which is still the default of a topic, and SHA-256."""
    async with hooked(tmp_path, "ses", known()) as it:
        assert await it.post("ses", dressed.ses(letter(known()), SignatureVersion=version)) == 200


async def test_a_certificate_out_of_its_time_proves_nothing(tmp_path: Path) -> None:
    """One that ended before now."""
    async with hooked(tmp_path, "ses", known()) as it:
        it.stores.found[dressed.CERTIFICATE] = dressed.certificate(until=-1).encode()
        assert await it.post("ses", dressed.ses(letter(known()))) == 403


async def test_a_topic_of_ours_is_confirmed(tmp_path: Path) -> None:
    """By visiting Amazon's own URL once; another host is not visited."""
    async with hooked(tmp_path, "ses", known()) as it:
        for url in ("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", "https://evil.example/"):
            it.stores.found[url] = b"<ok/>"
            request = dressed.sns("SubscriptionConfirmation", "", SubscribeURL=url, Token="t")
            assert await it.post("ses", request) == 200
        assert [url for url, _ in it.stores.asked if "ConfirmSubscription" in url or "evil" in url] == [
            "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        ]


@pytest.mark.parametrize(
    "place", ["https://evil.example/e-1", "http://store.resend.com/e-1", "https://resend.com.evil.example/"]
)
async def test_resends_second_call_leads_nowhere_else(tmp_path: Path, place: str) -> None:
    """Another host than its own storage is not asked, and the API's key goes to the API alone."""
    async with hooked(tmp_path, "resend", known()) as it:
        good = dressed.request("resend", letter(known()))
        api = "https://api.resend.com/emails/receiving/e-1"
        it.stores.found[api] = json.dumps({"raw": {"download_url": place}}).encode()
        it.stores.found[place] = known()
        assert await it.post("resend", good) == 503
        assert [url for url, _ in it.stores.asked] == [api]
        it.stores.found[api] = json.dumps({"raw": {"download_url": "https://store.resend.com/e-1"}}).encode()
        assert await it.post("resend", good) == 200
        assert [("authorization" in headers) for _, headers in it.stores.asked] == [True, True, False]


@pytest.mark.parametrize(
    ("trusted", "domain", "proven"),
    [(True, "customer.example", CUSTOMER), (False, "customer.example", ""), (True, "evil.example", "")],
)
async def test_a_trusted_provider_may_vouch_for_the_domain_it_names(
    tmp_path: Path, trusted: bool, domain: str, proven: str
) -> None:
    """SendGrid's DKIM verdict counts where the operator says so, and for the author's own domain alone."""
    changes: dict[str, object] = {"trusted": trusted, "secret": SECRET, "public_key": ""}
    async with hooked(tmp_path, "sendgrid-parsed", known(), **changes) as it:
        request = sendgrid_parsed(letter(known()), replace(dressed.signing("sendgrid-parsed"), key=None))
        mark = request.header("content-type").split("boundary=")[1]  # type: ignore[union-attr]  # the clothes set it
        part = f'--{mark}\r\nContent-Disposition: form-data; name="dkim"\r\n\r\n{{@{domain} : pass}}\r\n'.encode()
        assert await it.post("sendgrid-parsed", replace(request, body=part + request.body)) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).authenticated == proven


@pytest.mark.parametrize(("trusted", "ends"), [(True, MailStatus.CLOSED), (False, MailStatus.WAITING)])
async def test_a_trusted_providers_filter_is_believed(tmp_path: Path, trusted: bool, ends: MailStatus) -> None:
    """Its points put a mail aside; those of one that is not trusted say nothing."""
    changes: dict[str, object] = {"trusted": trusted, "secret": SECRET, "public_key": ""}
    async with hooked(tmp_path, "sendgrid-parsed", known(), **changes) as it:
        request = sendgrid_parsed(letter(known()), replace(dressed.signing("sendgrid-parsed"), key=None))
        mark = request.header("content-type").split("boundary=")[1]  # type: ignore[union-attr]  # the clothes set it
        part = f'--{mark}\r\nContent-Disposition: form-data; name="spam_score"\r\n\r\n9.1\r\n'.encode()
        assert await it.post("sendgrid-parsed", replace(request, body=part + request.body)) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).status is ends


def test_the_golden_vector_of_standard_webhooks() -> None:
    """As its specification prints it."""
    settings = WebhookSettings.model_validate({"provider": "raw", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    request = Request(
        b'{"test": 2432232314}',
        (
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ),
    )
    now = datetime.fromtimestamp(1614265330, UTC)
    assert isinstance(provider("raw").verify(request, secrets_of(settings), now), Proven)
    assert isinstance(provider("raw").verify(replace(request, body=b"{}"), secrets_of(settings), now), Refusal)


EVENTS = {path.parent.name: path for path in sorted(posted.FOLDER.glob("*/bounced.json"))}


@pytest.mark.parametrize("name", EVENTS)
async def test_what_a_provider_reports_is_noted_once_and_only_of_ours(tmp_path: Path, name: str) -> None:
    """By our own Message-ID; another one changes nothing."""
    async with house(tmp_path) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            (sent,) = await deliveries.of_mail(tx, mail_id)
        door = WebhookDoor(
            [dressed.settings(name)],
            home.service.intake,
            fetcher=Stores.of(letter(known())),
            events=partial(reported, home.parts),
            clock=home.clock,
            max_message_bytes=1_000_000,
        )
        for message_id in (sent.message_id, sent.message_id, "forged@larkspur.example"):
            said = json.loads(EVENTS[name].read_text("utf-8").replace("OURS", message_id))
            assert (await door.receive(name, posted.signed(name, said))).status == 200
        async with home.parts.database.read() as tx:
            noted = [one for one in await trail.of_mail(tx, mail_id) if one.event == "reported_bounced"]
        assert len(noted) == 1
        assert noted[0].data["permanent"] is True


async def test_mailguns_form_may_repeat_a_mails_own_headers(tmp_path: Path) -> None:
    """`Received` stands there many times, as a field each; a doubled signature is still none."""
    async with hooked(tmp_path, "mailgun-parsed", known()) as it:
        good = dressed.request("mailgun-parsed", letter(known()))
        mark = (good.header("content-type") or "").split("boundary=")[1]

        def field(name: str, value: str) -> bytes:
            return f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()

        doubled = replace(good, body=field("token", "x") + good.body)
        assert await it.post("mailgun-parsed", doubled) == 401
        received = field("Received", "from a") + field("Received", "from b") + field("X-Mailgun-Incoming", "Yes")
        assert await it.post("mailgun-parsed", replace(good, body=received + good.body)) == 200
        assert len(await it.stored()) == 1


@pytest.mark.parametrize(("key", "there"), [("", False), ("xkeysib-1", True)])
async def test_brevos_attachments_are_fetched_where_its_key_is_known(tmp_path: Path, key: str, there: bool) -> None:
    """By their token, from its API alone, with the key in its own header; else the mail says that they stay there."""
    place = "https://api.brevo.com/v3/inbound/attachments/eyJmb2xkZXIiOiIyMDI2In0"
    stores = Stores({place: b"the file"}, [])
    async with house(tmp_path) as home:
        door = WebhookDoor(
            [dressed.settings("brevo", api_key=key)],
            home.service.intake,
            fetcher=stores,
            events=partial(reported, home.parts),
            clock=home.clock,
            max_message_bytes=1_000_000,
        )
        assert (await door.receive("brevo", posted.request("brevo/inbound"))).status == 200
        await home.settle()
        async with home.parts.database.read() as tx:
            (found,) = await mails.listing(tx, limit=5)
        email = NormalizedEmail.model_validate((await home.mail(found.id)).normalized)
    assert stores.asked == ([(place, {"api-key": key})] if there else [])
    assert [(one.name, one.size) for one in email.attachments] == (
        [("shears.png", 8)] if there else [("shears.png (left at Brevo)", 0)]
    )


async def test_an_attachment_that_cannot_be_had_is_our_trouble(tmp_path: Path) -> None:
    """The provider keeps the mail: it comes again whole."""
    async with house(tmp_path) as home:
        door = WebhookDoor(
            [dressed.settings("brevo", api_key="xkeysib-1")],
            home.service.intake,
            fetcher=Stores({}, []),
            events=partial(reported, home.parts),
            clock=home.clock,
            max_message_bytes=1_000_000,
        )
        assert (await door.receive("brevo", posted.request("brevo/inbound"))).status == 503
        async with home.parts.database.read() as tx:
            assert await mails.listing(tx, limit=5) == []
