"""What the demo shows at the end: one row a mail, then where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent import words
from agent.config import Config
from agent.states import MailStatus
from agent.store import deliveries, drafts, mails
from agent.store.database import Tx
from agent.store.mails import Mail
from inbound.contracts import InboundEmailIntent

STYLES = {
    MailStatus.ANSWERED: "green",
    MailStatus.WAITING: "yellow",
    MailStatus.PERSON: "yellow",
    MailStatus.QUARANTINED: "red",
    MailStatus.IN_DOUBT: "red",
}


@dataclass(frozen=True)
class Row:
    """One mail and what became of it."""

    mail: Mail
    intent: InboundEmailIntent | None
    why: str

    @property
    def settled(self) -> bool:
        return self.mail.status not in {MailStatus.RECEIVED, MailStatus.WORKING, MailStatus.SENDING}

    @classmethod
    async def of(cls, tx: Tx, mail_id: str) -> Row:
        mail = await mails.get(tx, mail_id)
        if mail is None:
            raise LookupError(f"the store does not know {mail_id}")
        return cls(mail, await mails.get_intent(tx, mail_id), await _why(tx, mail))


async def _why(tx: Tx, mail: Mail) -> str:
    """The outcome's reason in plain words."""
    if mail.status is not MailStatus.ANSWERED:
        return mail.status_reason
    sent = await deliveries.of_mail(tx, mail.id)
    draft = await drafts.get(tx, sent[-1].draft_id) if sent else None
    if draft is None or draft.proposal.template_id is None:
        return mail.status_reason
    return f"proven author, known question: entry {draft.proposal.template_id} may go unseen"


def table(rows: Sequence[Row]) -> Table:
    """From, subject, intent, confidence, risks, outcome and why."""
    out = Table(title="What became of each mail", show_lines=True, title_justify="left")
    for name, options in (
        ("from", {"ratio": 3, "overflow": "fold"}),
        ("subject", {"ratio": 3, "overflow": "fold"}),
        ("intent", {"ratio": 2, "overflow": "fold"}),
        ("conf.", {"justify": "right", "no_wrap": True}),
        ("risks", {"ratio": 3, "overflow": "fold"}),
        ("outcome", {"ratio": 2, "overflow": "fold"}),
        ("why", {"ratio": 5, "overflow": "fold"}),
    ):
        out.add_column(name, **options)  # type: ignore[arg-type]  # rich types each option by itself
    for row in rows:
        found = row.intent
        out.add_row(
            escape(row.mail.author or "(nobody)"),
            escape(row.mail.subject or "(none)"),
            escape(found.intent) if found else "-",
            f"{found.confidence:.2f}" if found else "-",
            escape("; ".join(words.risk(code) for code in found.risks) if found else "") or "-",
            f"[{STYLES.get(row.mail.status, 'default')}]{escape(words.status(row.mail.status))}[/]",
            escape(row.why or "-"),
        )
    return out


def closing(console: Console, config: Config, rows: Sequence[Row], *, waiting: int, desk: str, stays: bool) -> None:
    """Say in full sentences what there is to look at now."""
    answered = sum(row.mail.status is MailStatus.ANSWERED for row in rows)
    folder = config.courier.path / "new"
    console.print(
        f"{answered} of {len(rows)} mails were answered unseen. The replies lie in {folder} (open the .eml files)."
    )
    console.print(f"{waiting} drafts wait for a person. Nothing left this machine.")
    if stays:
        console.print(f"Decide on them at the desk: {desk}")
        console.print("Postroom stays up; Ctrl-C ends it.")
