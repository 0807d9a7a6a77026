"""What the demo shows at the end: one row a mail, then where to look."""

from __future__ import annotations

from collections import Counter
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

WIDE = 120

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


def console() -> Console:
    """Where no terminal says how wide it is, wide enough for the table."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(width=WIDE + 40, highlight=False)


def show(out: Console, rows: Sequence[Row]) -> None:
    """A row a mail: from, subject, intent, confidence, risks, outcome and why; below `WIDE` columns a block a mail."""
    if out.width >= WIDE:
        out.print(_table(rows))
        return
    for row in rows:
        author, subject, intent, confidence, risks, outcome = _cells(row)
        out.print(f"\n[bold]{author}[/]  {subject}\n  {outcome}: {escape(row.why or '-')}")
        out.print(f"  intent {intent}, confidence {confidence}, risks {risks}", style="dim")


def _table(rows: Sequence[Row]) -> Table:
    out = Table(title="What became of each mail", title_justify="left", show_lines=True)
    for name in ("from", "subject", "intent", "conf.", "risks", "outcome", "why"):
        number = name == "conf."
        out.add_column(name, overflow="fold", justify="right" if number else "left", no_wrap=number)
    for row in rows:
        out.add_row(*_cells(row), escape(row.why or "-"))
    return out


def _cells(row: Row) -> list[str]:
    found = row.intent
    style = STYLES.get(row.mail.status, "default")
    return [
        escape(row.mail.author or "(nobody)"),
        escape(row.mail.subject or "(none)"),
        escape(words.spoken(found.intent)) if found else "-",
        f"{found.confidence:.2f}" if found else "-",
        escape("; ".join(words.risk(code) for code in found.risks) if found else "") or "-",
        f"[{style}]{escape(words.status(row.mail.status))}[/]",
    ]


def closing(console: Console, config: Config, rows: Sequence[Row], *, waiting: int, desk: str, stays: bool) -> None:
    """Say in full sentences what there is to look at now."""
    answered = sum(row.mail.status is MailStatus.ANSWERED for row in rows)
    folder = config.courier.path / "new"
    console.print(
        f"{answered} of {len(rows)} mails were answered unseen. The replies lie in {folder} (open the .eml files)."
    )
    counted = Counter(row.mail.status for row in rows)
    alone = counted[MailStatus.PERSON] + counted[MailStatus.QUARANTINED]
    machines = len(rows) - answered - waiting - alone
    console.print(
        f"{waiting} drafts wait for a person, {alone} mails are a person's without a draft, {machines} are automatic "
        "or copies. Nothing left this machine."
    )
    if stays:
        console.print(f"Decide on them at the desk: {desk}", soft_wrap=True)
        console.print("Postroom stays up; Ctrl-C ends it.")
