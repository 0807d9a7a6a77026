"""What single providers do in a way of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.states import MailStatus
from agent.store import mails
from inbound.webhooks import resend
from inbound.webhooks.contract import Request
from inbound.webhooks.door import NOBODY
from inbound.webhooks.registry import provider
from tests.agent.postroom import CUSTOMER
from tests.agent.webhooks.hooked import answers, hooked, known
from tests.agent.webhooks.test_proofs import field
from tests.inbound.webhooks import dressed, posted
from tests.inbound.webhooks.dressed import SECRET, STORE, Stores, letter


async def test_a_token_is_good_for_one_mail(tmp_path: Path) -> None:
    """Mailgun signs no body: its token with another mail is a replay, and refused."""
    async with hooked(tmp_path, "mailgun", known()) as it:
        good = dressed.request("mailgun", letter(known()))
        assert await it.post("mailgun", good) == 200
        other = replace(good, body=good.body.replace(b"opening hours", b"bank account!"))
        assert other.body != good.body
        assert await it.post("mailgun", other) == answers("mailgun").replayed
        assert len(await it.stored()) == 1


async def test_mailguns_form_may_repeat_a_mails_own_headers(tmp_path: Path) -> None:
    """`Received` stands there many times, as a field each."""
    async with hooked(tmp_path, "mailgun-parsed", known()) as it:
        good = dressed.request("mailgun-parsed", letter(known()))
        received = field(good, "Received", "from a") + field(good, "Received", "from b")
        assert await it.post("mailgun-parsed", replace(good, body=received + good.body)) == 200
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
    ("query", "path"), [((), CUSTOMER), ((("from", ""),), ""), ((("from", "a@b.example"),), "a@b.example")]
)
async def test_a_return_path_that_is_not_given_is_not_the_null_one(
    tmp_path: Path, query: tuple[tuple[str, str], ...], path: str
) -> None:
    """A null return path says "a bounce", which nobody answers: it has to be said, not left out."""
    async with hooked(tmp_path, "raw", known()) as it:
        good = dressed.request("raw", letter(known()))
        to = tuple(one for one in good.query if one[0] == "to")
        assert await it.post("raw", replace(good, query=(*to, *query))) == 200
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).envelope["mail_from"] == path


@pytest.mark.parametrize(("author", "path"), [(f"From: {CUSTOMER}\r\n", CUSTOMER), ("", NOBODY)])
async def test_a_return_path_that_is_no_address_is_not_the_null_one(tmp_path: Path, author: str, path: str) -> None:
    """Else a customer's mail would be recorded as a machine's, and no person would see it."""
    async with hooked(tmp_path, "raw", known()) as it:
        odd = replace(letter(f"{author}Subject: x\r\n\r\nx\r\n".encode()), mail_from="no address@customer.example")
        assert await it.post("raw", dressed.request("raw", odd)) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        found = await it.home.mail(mail_id)
        assert (found.envelope["mail_from"], found.kind) == (path, "personal")


async def test_mail_that_lost_its_cr_in_json_is_as_it_was_on_the_wire(tmp_path: Path) -> None:
    """So that it is the same mail by either door, and its signature covers what it covered."""
    async with hooked(tmp_path, "postmark", known()) as it:
        bare = letter(known().replace(b"\r\n", b"\n"))
        assert await it.post("postmark", dressed.request("postmark", bare)) == 200
        (mail_id,) = await it.stored()
        async with it.home.parts.database.read() as tx:
            assert await mails.raw(tx, mail_id) == known()


@pytest.mark.parametrize("word", ["Open", "Click", "SubscriptionChange"])
async def test_postmarks_other_events_are_taken_and_say_nothing(tmp_path: Path, word: str) -> None:
    """Refused, they would come ten times again, each an alarm that a customer's mail may be waiting."""
    async with hooked(tmp_path, "postmark", known()) as it:
        made = posted.signed("postmark", {"RecordType": word, "MessageID": "m-1", "Recipient": CUSTOMER})
        assert await it.post("postmark", made) == 200
        assert await it.post("postmark", posted.signed("postmark", {"RecordType": "x", "MessageID": "m-1"})) == 400
        assert await it.stored() == []


async def test_mandrill_leaves_the_sender_of_what_comes_in_empty(tmp_path: Path) -> None:
    """Which is no null return path: the mail's own says who sent it."""
    async with hooked(tmp_path, "mandrill", known()) as it:
        assert await it.post("mandrill", dressed.request("mandrill", replace(letter(known()), mail_from=""))) == 200
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).envelope["mail_from"] == CUSTOMER


@pytest.mark.parametrize("ping", ['{"msys": {}}', '[{"msys": {}}]', "[]"])
async def test_sparkposts_ping_is_answered(tmp_path: Path, ping: str) -> None:
    """Nothing is in it, and nothing is stored."""
    async with hooked(tmp_path, "sparkpost", known()) as it:
        made = Request(ping.encode(), (("content-type", "application/json"),))
        assert await it.post("sparkpost", provider("sparkpost").sign(made, dressed.signing("sparkpost"))) == 200
        assert await it.stored() == []


@pytest.mark.parametrize(
    ("trusted", "domain", "proven"),
    [(True, "customer.example", CUSTOMER), (False, "customer.example", ""), (True, "evil.example", "")],
)
async def test_a_trusted_provider_may_vouch_for_the_domain_it_names(
    tmp_path: Path, trusted: bool, domain: str, proven: str
) -> None:
    """SendGrid's DKIM verdict counts where the operator says so, and for the author's own domain alone."""
    async with hooked(tmp_path, "sendgrid", known(), trusted=trusted, secret=SECRET, public_key="") as it:
        plain = provider("sendgrid").CLOTHES["parsed"](letter(known()))
        said = replace(plain, body=field(plain, "dkim", f"{{@{domain} : pass}}") + plain.body)
        signed = provider("sendgrid").sign(said, replace(dressed.signing("sendgrid"), key=None))
        assert await it.post("sendgrid", signed) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).authenticated == proven


@pytest.mark.parametrize(("trusted", "ends"), [(True, MailStatus.CLOSED), (False, MailStatus.WAITING)])
async def test_a_trusted_providers_filter_is_believed(tmp_path: Path, trusted: bool, ends: MailStatus) -> None:
    """Its points put a mail aside; those of one that is not trusted say nothing."""
    async with hooked(tmp_path, "sendgrid", known(), trusted=trusted, secret=SECRET, public_key="") as it:
        plain = provider("sendgrid").CLOTHES["parsed"](letter(known()))
        said = replace(plain, body=field(plain, "spam_score", "9.1") + plain.body)
        signed = provider("sendgrid").sign(said, replace(dressed.signing("sendgrid"), key=None))
        assert await it.post("sendgrid", signed) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        assert (await it.home.mail(mail_id)).status is ends


@pytest.mark.parametrize(
    "place", ["https://evil.example/e-1", "http://store.resend.com/e-1", "https://resend.com.evil.example/"]
)
async def test_resends_second_call_leads_nowhere_else(tmp_path: Path, place: str) -> None:
    """Another host than its own storage is not asked, and the API's key goes to the API alone."""
    async with hooked(tmp_path, "resend", known()) as it:
        good = dressed.request("resend", letter(known()))
        api = f"{resend.API}/emails/receiving/{resend.email_id(letter(known()))}"
        it.stores.found[api] = json.dumps({"raw": {"download_url": place}}).encode()
        it.stores.found[place] = known()
        assert await it.post("resend", good) == 503
        assert [url for url, _ in it.stores.asked] == [api]
        it.stores.found[api] = json.dumps({"raw": {"download_url": STORE}}).encode()
        assert await it.post("resend", good) == 200
        assert [("authorization" in headers) for _, headers in it.stores.asked] == [True, True, False]


@pytest.mark.parametrize(("key", "there"), [("", False), ("xkeysib-1", True)])
async def test_brevos_attachments_are_fetched_where_its_key_is_known(tmp_path: Path, key: str, there: bool) -> None:
    """By their token, from its API alone, with the key in its own header; else the mail says that they stay there."""
    place = "https://api.brevo.com/v3/inbound/attachments/eyJmb2xkZXIiOiIyMDI2In0"
    async with hooked(tmp_path, "brevo", b"", Stores({place: b"the file"}, []), api_key=key) as it:
        assert await it.post("brevo", posted.request("brevo/inbound")) == 200
        await it.home.settle()
        (mail_id,) = await it.stored()
        kept = [(one.name, one.size) for one in (await it.email(mail_id)).attachments]
        assert it.stores.asked == ([(place, {"api-key": key})] if there else [])
        assert kept == ([("shears.png", 8)] if there else [("shears.png (left at Brevo)", 0)])


async def test_an_attachment_that_cannot_be_had_is_our_trouble(tmp_path: Path) -> None:
    """The provider keeps the mail: it comes again whole."""
    async with hooked(tmp_path, "brevo", b"", Stores({}, []), api_key="xkeysib-1") as it:
        assert await it.post("brevo", posted.request("brevo/inbound")) == 503
        assert await it.stored() == []
