"""A mail's story on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from agent import words
from agent.marking import marked, words_of
from agent.store.drafts import Draft
from agent.story import Story

_JOINERS = "\u200c\u200d"
"""Not printable by Python's word, and part of ordinary Persian and of emoji."""


def visible(text: str) -> str:
    """Text of a stranger, made safe for a terminal: no control character is left in it."""
    return "".join(char if _shown(char) else _stand_in(char) for char in text)


def plain(text: str) -> str:
    """The same where markup is read: a `[red]` of theirs is shown as it is."""
    return escape(visible(text))


def line(text: str) -> str:
    """The same as one line."""
    return plain(" ".join(text.split()))


def _shown(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or char in _JOINERS


def _stand_in(char: str) -> str:
    return " " if char.isspace() and char not in "\r\v\f\x1c\x1d\x1e\x1f\x85" else "\N{REPLACEMENT CHARACTER}"


def print_story(console: Console, story: Story, *, whole: bool, beneath: str = "") -> None:
    """The mail, the draft and why; with `whole` also runs, every draft, deliveries and the audit."""
    mail = story.mail
    _title(console, f"{mail.id}: {words.status(mail.status)}")
    _pairs(
        console,
        [
            ("why", mail.status_reason),
            *(("again", f"at {words.instant(due_at)}; {error}") for due_at, error in story.put_off),
            ("from", f"{mail.author_name} <{mail.author}>" if mail.author else "unknown"),
            ("to", ", ".join(story.mailboxes) or "a return path of ours"),
            ("cc", ", ".join(one.email for one in story.email.cc) if story.email else ""),
            ("reply-to", ", ".join(one.email for one in story.email.reply_to) if story.email else ""),
            ("subject", mail.subject or "(none)"),
            ("language", words.language(story.email.language) if story.email else ""),
            ("received", words.instant(mail.received_at)),
            ("came by", f"{mail.envelope['door']} from {mail.envelope['peer']}"),
            ("bytes", f"{mail.size}, SHA-256 {mail.sha256}"),
        ],
    )
    _identity(console, story)
    _intent(console, story)
    if story.email is not None:
        _title(console, "the mail's text")
        console.print(plain(story.email.new_text or "(none)"))
    _drafts(console, story, whole=whole, beneath=beneath)
    if whole:
        _runs(console, story)
        _deliveries(console, story)
        _audit(console, story)


def _title(console: Console, text: str) -> None:
    console.print(f"\n[bold]{line(text)}[/]")


def _pairs(console: Console, pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        if value:
            console.print(f"  {line(name):<11} {line(value)}")


def _identity(console: Console, story: Story) -> None:
    if story.auth is None:
        return
    _title(console, "who sent it")
    _pairs(console, [("proven", story.auth.author or "nobody"), *(("", line) for line in story.auth.evidence)])
    if story.screening is not None:
        _pairs(console, [("kind", "; ".join((story.screening.kind.value, *story.screening.evidence)))])


def _intent(console: Console, story: Story) -> None:
    found = story.intent
    if found is None:
        return
    _title(console, "what it wants")
    _pairs(
        console,
        [
            ("intent", f"{found.intent}, confidence {words.percent(found.confidence)}"),
            ("values", ", ".join(f"{one.name} = {one.value}" for one in found.entities)),
            ("risks", "; ".join(words.risk(code) for code in found.risks)),
            ("asks for", found.requested_action),
            ("review", "asked for" if found.review_required else ""),
        ],
    )


def _drafts(console: Console, story: Story, *, whole: bool, beneath: str) -> None:
    for draft in story.drafts if whole else [one for one in (story.waiting,) if one]:
        _title(console, f"draft {draft.id}: {words.draft_state(draft.state)}")
        _pairs(
            console,
            [
                ("because", "; ".join(draft.reasons)),
                ("rules", _rules(draft)),
                ("decided by", draft.decided_by),
                ("reason", draft.decision_reason),
                ("passed over", ", ".join(draft.overruled)),
                ("policy", draft.policy_version),
                ("template", draft.proposal.template_id or "none: free text"),
                ("subject", draft.proposal.subject),
                ("put to it", draft.added.told),
            ],
        )
        pieces = marked(draft.proposal.plain_text, words_of(draft.judgement))
        console.print(
            "".join(f"[bold]⟦{plain(piece)}⟧[/]" if is_marked else plain(piece) for piece, is_marked in pieces)
        )
        if beneath:
            console.print(f"[dim]Below it the mailbox puts:[/]\n{plain(beneath)}")
        if any(is_marked for _, is_marked in pieces):
            console.print("[dim]Look at what stands in ⟦ ⟧: a rule speaks of it above.[/]")


def _rules(draft: Draft) -> str:
    """The rules that spoke, each with its kind."""
    return ", ".join(f"{one['rule']} ({one['kind']})" for one in draft.judgement.get("findings", ()))


def _runs(console: Console, story: Story) -> None:
    for run, calls in story.runs:
        _title(console, f"run {run.id}: {run.state.value} after {run.turns} turns by {run.model}")
        _pairs(console, [("reason", run.reason)])
        for call in calls:
            _pairs(console, [(call.name, call.output or "waits")])


def _deliveries(console: Console, story: Story) -> None:
    for sending in story.sendings:
        one = sending.delivery
        _title(console, f"delivery {one.id}: {one.state.value}")
        _pairs(
            console, [("recipient", ", ".join(one.recipients)), ("message-id", one.message_id), ("detail", one.detail)]
        )
        for attempt in sending.attempts:
            outcome = attempt.result or "no outcome yet"
            _pairs(console, [(f"attempt {attempt.n}", f"{words.instant(attempt.begun_at)} {outcome} {attempt.detail}")])


def _audit(console: Console, story: Story) -> None:
    _title(console, "audit: " + (story.broken or "every row of the chain holds"))
    for entry in story.entries:
        given = story.reasons.get((entry.chain, entry.n))
        told = entry.data if given is None else {**entry.data, "reason": given}
        data = ", ".join(f"{name}={value}" for name, value in told.items())
        _pairs(console, [("", f"{words.instant(entry.at)} {entry.event} by {entry.actor} {data}")])
