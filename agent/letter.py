"""A letter: the words of a reply, and what the mailbox puts below them.

Rules:
- The words come first, as they were judged. Below stand, by setting: the disclosure (where nobody sees the reply before
  it leaves, and only there), the signature, the mail that is answered.
- The same mailbox, mail and way give the same letter. So what was put below comes off again exactly, and what is judged
  before the wire is the words; below them nothing else than this can stand.
- A person who approves sees what stands below, and the approval is bound to it.
- What is quoted can do nothing: no link in it is one any more, control characters are gone, its length is bounded.
"""

from __future__ import annotations

import re
import unicodedata

from agent.human import WORD
from agent.links import is_allowed
from agent.parts import Parts
from agent.sections import Mailbox
from agent.store.mails import Mail
from outbound.contracts import Way

QUOTED_LINES, QUOTED_CHARACTERS = 60, 4_000
"""Of the answered mail at most."""

PHRASES: dict[str, tuple[str, str]] = {
    "en": ("This answer was written automatically. Answer {word} to reach a person.", "You wrote on {day}:"),
    "de": (
        "Diese Antwort wurde automatisch geschrieben. Antworten Sie {word}, um einen Menschen zu erreichen.",
        "Sie schrieben am {day}:",
    ),
    "fr": (
        "Cette réponse a été écrite automatiquement. Répondez {word} pour joindre une personne.",
        "Vous avez écrit le {day} :",
    ),
    "es": (
        "Esta respuesta se ha escrito automáticamente. Responda {word} para hablar con una persona.",
        "Usted escribió el {day}:",
    ),
    "it": (
        "Questa risposta è stata scritta automaticamente. Risponda {word} per parlare con una persona.",
        "Lei ha scritto il {day}:",
    ),
    "nl": (
        "Dit antwoord is automatisch geschreven. Antwoord {word} om een mens te bereiken.",
        "U schreef op {day}:",
    ),
    "pt": (
        "Esta resposta foi escrita automaticamente. Responda {word} para falar com uma pessoa.",
        "Escreveu em {day}:",
    ),
    "sv": ("Det här svaret skrevs automatiskt. Svara {word} för att nå en människa.", "Du skrev den {day}:"),
}
"""By language: the disclosure, and the line above a quotation."""

_WRITTEN = re.compile(r"https://[!-;=?-~]{1,1000}")
_SCHEME = re.compile(r":(?=//)|(?<=\bmailto):|(?<=\btel):|(?<=\bsms):|(?<=\bdata):", re.IGNORECASE)
_DOT = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_])|(?<=\bwww)\.", re.IGNORECASE)
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def letter(words: str, below: str) -> str:
    """The text of the mail."""
    return f"{normal(words)}{below}"


def words_of(text: str, below: str) -> str | None:
    """The words of a letter; None where below them stands something else than `below`."""
    return text.removesuffix(below) if text.endswith(below) else None


def normal(words: str) -> str:
    """Line ends as they come back from the bytes."""
    return re.sub(r"\r\n?|[\u2028\u2029]", "\n", words).rstrip("\n") + "\n"


def below(mailbox: Mailbox, mail: Mail, way: Way) -> str:
    """What this mailbox puts below the words of a reply to `mail`; empty where it puts nothing there."""
    disclosure, heading = PHRASES.get(_said(mail, "language")[:2], PHRASES["en"])
    blocks = []
    if mailbox.disclosure and way == "unseen":
        blocks.append(mailbox.disclosure_text or disclosure.format(word=WORD))
    if mailbox.signature:
        blocks.append(f"-- \n{mailbox.signature}")
    if mailbox.quote and (quoted := _quoted(_said(mail, "new_text"))):
        blocks.append(f"{heading.format(day=mail.received_at.date().isoformat())}\n{quoted}")
    return "".join(f"\n{normal(block)}" for block in blocks)


def below_an_approved(parts: Parts, mail: Mail) -> str:
    """What a person has to see before they approve a reply to this mail."""
    return below(parts.mailbox(mail.mailbox), mail, "approved") if mail.mailbox in parts.rules else ""


def clickable(mailbox: Mailbox, text: str) -> tuple[str, ...] | None:
    """Links of the text that its HTML may make links of; None where the mailbox writes plain text alone."""
    if not mailbox.html:
        return None
    found = dict.fromkeys(link.rstrip(".,;:!?)]'*_") for link in _WRITTEN.findall(text))
    return tuple(link for link in found if is_allowed(link, mailbox.allowed_links, ()))


def defused(text: str) -> str:
    """The text with nothing in it that a mail program makes a link of."""
    return _DOT.sub("[.]", _SCHEME.sub("[:]", text))


def _said(mail: Mail, field: str) -> str:
    return str((mail.normalized or {}).get(field, ""))


def _quoted(text: str) -> str:
    shown = "".join(
        " " if char == "\t" else char for char in text if char in "\n\t" or unicodedata.category(char) not in _UNSEEN
    ).strip()
    lines = shown[:QUOTED_CHARACTERS].split("\n")[:QUOTED_LINES]
    if len("\n".join(lines)) < len(shown):
        lines.append("[...]")
    return "\n".join(f"> {defused(line.strip())}".rstrip() for line in lines) if shown else ""
