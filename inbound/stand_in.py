"""Mail whose From is not its author's: a group rewrote it, or a contact form of ours wrote it for somebody.

Rules:
- A contact form is one that the operator named, and only where it is proven that the mail is the form's: by its
  address, by SPF, or by a counting DKIM signature that covers Reply-To too. Such a signature without Reply-To is on
  every mail that the same domain sends to anybody, and proves nothing about who is to be answered.
- Whoever wrote into a form proved nothing of themselves: they may get a draft that a person sends, and nothing else.
- The author is then the one mailbox in the configured field, or nobody: never the group, the form, or one of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inbound import codes, header_block, mailboxes
from inbound.addresses import canonical
from inbound.contracts import Address, AuthResults, Envelope, NormalizedEmail
from inbound.dkim_check import Checked
from inbound.header_block import Field, HeaderBlock
from inbound.relay import within
from inbound.settings import ContactForm


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that says that a form wrote it."""

    form: ContactForm
    proven: bool
    person: Address | None
    """Who is to be answered; None where nothing proves the form, or Reply-To does not name one mailbox."""
    evidence: str


def by_form(
    block: HeaderBlock,
    author: str | None,
    envelope: Envelope,
    forms: Sequence[ContactForm],
    signatures: Sequence[Checked],
    *,
    spf_proves: bool,
) -> Written | None:
    """What form wrote a mail, if it says that one did. `signatures` are those that pass and are aligned."""
    form = next((one for one in forms if author is not None and canonical(one.address) == author), None)
    if form is None:
        return None
    fields = block.named("reply-to")
    covered = any(fields[0] is one for signature in signatures for one in signature.covers) if fields else False
    if not (spf_proves or covered or within(envelope, form.networks)):
        said = "covers Reply-To" if signatures else "proves it"
        return Written(form, False, None, f"it says that the contact form {form.name} wrote it, but nothing {said}")
    person = named(fields)
    if person is None or person.email == author:
        return Written(form, True, None, f"the contact form {form.name} wrote it, and Reply-To names no one person")
    return Written(form, True, person, f"the contact form {form.name} wrote it for {person.email}, who proved nothing")


def named(fields: Sequence[Field]) -> Address | None:
    """The one mailbox of the one field, with its name."""
    if len(fields) != 1 or not fields[0].well_formed:
        return None
    plain, _ = header_block.one_mailbox(fields[0].text[: header_block.MAX_FROM_CHARS])
    found = mailboxes.mailbox(fields[0].text, plain) if plain is not None else None
    return found.address if found else None


def attributed(mail: NormalizedEmail, auth: AuthResults) -> NormalizedEmail:
    """The mail as its author's, where From is somebody else's; with the risks that still hold then."""
    if not auth.stands_in:
        return mail
    person = auth.original
    risks = set(mail.risks) - {codes.REPLY_TO_DIFFERS}
    if any(person is None or one.email != person.email for one in mail.reply_to):
        risks.add(codes.REPLY_TO_DIFFERS)
    # A group that finds no name writes the author's address there: it is the author, not a lie about one.
    if mail.author is not None and person is not None and person.email in mail.author.name.lower():
        risks.discard(codes.NAME_IS_ADDRESS)
    return mail.model_copy(update={"author": person, "risks": tuple(sorted(risks))})
