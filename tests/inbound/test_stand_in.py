"""Contact forms: what proves that a mail is a form's, and who its author is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from inbound import codes
from inbound.contracts import Address, AuthResults, NormalizedEmail
from inbound.settings import ContactForm, IdentitySettings
from inbound.stand_in import attributed
from tests.inbound.letters import SIGNED, Asking, envelope, letter, rsa_key, sign, zone

OURS = rsa_key("our.example")
FORM = ContactForm(name="website", address="website@our.example")
RECORD = {"our.example": {"TXT": ["v=spf1 ip4:203.0.113.9 -all"]}}
REPLY_TO = "Reply-To: Ann <ann@shop.example>\n"
WRITTEN = letter("Website <website@our.example>", extra=REPLY_TO)
VERDICT = "Authentication-Results: mx.our.example; spf=pass smtp.mailfrom=website@our.example\n"
BORDER = IdentitySettings.model_validate({"authserv_ids": ["mx.our.example"], "networks": ["203.0.113.8/32"]})


@dataclass(frozen=True)
class Arrived:
    raw: bytes
    mail_from: str = "x@elsewhere.example"
    peer: str = "198.51.100.1"
    form: ContactForm = FORM
    settings: IdentitySettings = field(default_factory=IdentitySettings)

    async def asked(self) -> AuthResults:
        asking = Asking(zone(OURS, names=RECORD), envelope(self.mail_from, peer=self.peer), self.settings)
        asking.forms = (self.form,)
        return await asking.about(self.raw)


COVERED = (*SIGNED, "reply-to")
PROOFS = {
    "a signature over Reply-To": Arrived(sign(WRITTEN, OURS, fields=COVERED)),
    "SPF": Arrived(WRITTEN, "website@our.example", "203.0.113.9"),
    "its address": Arrived(
        WRITTEN, form=ContactForm.model_validate({**FORM.model_dump(), "networks": ["198.51.100.1/32"]})
    ),
    "our border saw SPF": Arrived(
        letter("Website <website@our.example>", extra=VERDICT + REPLY_TO), peer="203.0.113.8", settings=BORDER
    ),
}


@pytest.mark.parametrize("name", PROOFS)
async def test_a_proven_form_names_its_visitor_who_is_proven_by_nothing(name: str) -> None:
    """The visitor is to be answered, and is no author that anything proves."""
    found = await PROOFS[name].asked()
    assert (found.author, found.method, found.stands_in, found.forwarder) == (None, "none", "form", "website")
    assert found.original == Address(email="ann@shop.example", name="Ann")


@pytest.mark.parametrize(
    "raw",
    [
        WRITTEN,
        sign(WRITTEN, OURS),
        REPLY_TO.replace("\n", "\r\n").encode() + sign(letter("website@our.example"), OURS, fields=COVERED),
        sign(WRITTEN, rsa_key("evil.example"), fields=COVERED),
    ],
    ids=["nothing", "a signature without Reply-To", "Reply-To put on a mail of ours", "somebody else's signature"],
)
async def test_what_only_says_that_a_form_wrote_it_names_nobody(raw: bytes) -> None:
    """A mail that we sent to somebody, sent back with a Reply-To, makes us write to nobody."""
    found = await Arrived(raw).asked()
    assert (found.author, found.stands_in, found.original, found.forwarder) == (None, "form", None, None)


@pytest.mark.parametrize(
    "fields", ["", "Reply-To: a@b.example, c@d.example\n", REPLY_TO * 2, "Reply-To: website@our.example\n"]
)
async def test_a_form_that_names_no_one_person_has_no_author(fields: str) -> None:
    """None, several, twice, itself."""
    found = await Arrived(letter("website@our.example", extra=fields), "website@our.example", "203.0.113.9").asked()
    assert (found.author, found.stands_in, found.original) == (None, "form", None)


async def test_mail_from_elsewhere_is_no_forms() -> None:
    """Reply-To stays what it is for everybody else: no identity."""
    found = await Arrived(letter(extra="Reply-To: boss@bank.example\n")).asked()
    assert (found.stands_in, found.original) == ("", None)


def test_the_mail_becomes_its_authors_with_the_risks_that_still_hold() -> None:
    """A Reply-To that is the author's is no other; a third one is."""
    mail = NormalizedEmail(
        message_id="1@a.example",
        author=Address(email="help@our.example", name="'ann@shop.example' via Help"),
        reply_to=(Address(email="ann@shop.example"),),
        risks=(codes.NAME_IS_ADDRESS, codes.REPLY_TO_DIFFERS),
    )
    auth = AuthResults(author=None, stands_in="group", original=Address(email="ann@shop.example", name="Ann"))
    assert attributed(mail, auth).author == auth.original
    assert attributed(mail, auth).risks == ()
    other = mail.model_copy(update={"reply_to": (Address(email="boss@bank.example"),)})
    assert attributed(other, auth).risks == (codes.REPLY_TO_DIFFERS,)
    assert attributed(mail, AuthResults(author=None)) == mail
